"""`domaintoolkit embed`"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from domaintoolkit.cli.options import (
    AtLeast,
    device_option,
    format_examples,
    json_option,
    model_threads_option,
    overwrite_option,
    print_json,
)
from domaintoolkit.cli.output import check_output_ending, check_output_file
from domaintoolkit.cli.pipes import echo_beside, writing
from domaintoolkit.cli.progress import Bar

if TYPE_CHECKING:
    import pyarrow as pa

    from domaintoolkit.storage import EncodedFolder
    from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit embed shop-model shop -o embeddings.parquet",
    "domaintoolkit embed shop-model shop -o test.parquet --split test --pooling mean",
)


@click.command("embed", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("folder", type=click.Path(path_type=Path), metavar="OUT")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="Parquet file to write: the key, the split and the embedding of each entity; - is standard output.",
)  # fmt: skip
@click.option(
    "--pooling", type=click.Choice(["last", "mean"]), default="last", show_default=True,
    help="Hidden state at the last position, or the mean over all positions.",
)  # fmt: skip
@click.option(
    "--split", type=click.Choice(["train", "validation", "test"]), help="Embed the entities of one split only."
)
@click.option("--longest", type=AtLeast(1), metavar="N", help="Read only the last N tokens of longer streams.")
@device_option
@model_threads_option
@overwrite_option
@json_option
def command(
    run: Path,
    folder: Path,
    out: Path,
    pooling: Literal["last", "mean"],
    split: str | None,
    longest: int | None,
    device: str | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Write one embedding per entity.

    RUN is the folder of a training run, and OUT an encoded folder with the same vocabulary.
    """
    ending = check_output_ending("--out", out, (".parquet",))
    check_output_file(out, overwrite)
    from domaintoolkit.jobs import write_rows
    from domaintoolkit.model import load_model
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.tokenizer import DomainTokenizer

    encoded = open_encoded(folder)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    model = load_model(run, device)
    model.check_vocabulary(tokenizer.vocabulary)
    with Bar() as bar, writing(out, ending) as file:
        tables = _tables(model, encoded, tokenizer, pooling, split, longest)
        count = write_rows(tables, file, bar, encoded.manifest.totals["entities"], "embedding")
    if json_output:
        print_json({"out": str(out), "entities": count, "width": model.config.width})
    else:
        echo_beside(out, f"{count:,} embeddings of width {model.config.width} written to {out}")


def _tables(
    model: Any,
    encoded: EncodedFolder,
    tokenizer: DomainTokenizer,
    pooling: Literal["last", "mean"],
    split: str | None,
    longest: int | None,
) -> Iterator[pa.Table]:
    """Tables of key, split and embedding, of a limited number of tokens each."""
    import numpy as np
    import pyarrow as pa

    from domaintoolkit.jobs.decoding import cut_streams
    from domaintoolkit.model import embed
    from domaintoolkit.util.ragged import offsets_of, positions

    segmenter = tokenizer.segmenter if model.config.composites else None
    entity = [*tokenizer.schema.entity, "split"]

    def append_vectors(table: pa.Table, vectors: Any) -> pa.Table:
        values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), model.config.width)
        return table.select(entity).append_column("embedding", values)

    # an empty first table, so that a file without entities has the columns too
    yield append_vectors(encoded.table(0).slice(0, 0), np.zeros(0, np.float32))
    for rows in encoded.streams(split):
        lengths = np.diff(rows.offsets)[rows.selected].astype(np.int64)
        offsets = offsets_of(lengths)
        for start, end in cut_streams(offsets):
            chosen = rows.selected[start:end]
            ids = rows.ids[positions(rows.offsets[:-1][chosen].astype(np.int64), lengths[start:end])]
            vectors = embed(model, ids, offsets[start : end + 1] - offsets[start], pooling, longest, segmenter)
            keys = pa.Table.from_batches([rows.table]).select(entity).take(pa.array(chosen))
            yield append_vectors(keys, vectors)
