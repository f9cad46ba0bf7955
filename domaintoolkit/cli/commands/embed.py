"""`domaintoolkit embed`"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from domaintoolkit.cli.options import Whole, as_json, example, overwrite_option, print_json
from domaintoolkit.cli.progress import Bar
from domaintoolkit.errors import OutputError

if TYPE_CHECKING:
    import pyarrow as pa

    from domaintoolkit.storage import EncodedFolder
    from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["command"]

EXAMPLES = example(
    "domaintoolkit embed shop-model shop -o embeddings.parquet",
    "domaintoolkit embed shop-model shop -o test.parquet --split test --pooling mean",
)


@click.command("embed", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("folder", type=click.Path(path_type=Path), metavar="OUT")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="The Parquet file to write: the entity's key, its split, and its embedding.",
)  # fmt: skip
@click.option(
    "--pooling", type=click.Choice(["last", "mean"]), default="last", show_default=True,
    help="What the model holds at the last position, or the mean over all.",
)  # fmt: skip
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="Only the entities of one split.")
@click.option("--longest", type=Whole(1), metavar="N", help="Of longer streams, only the latest N tokens.")
@click.option("--device", metavar="NAME", help="cpu, cuda, ...  [default: a GPU where there is one]")
@overwrite_option
@as_json
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
    """Write an embedding of each entity.

    RUN is the folder of a training run, OUT an encoded folder of the same vocabulary.
    """
    if out.suffix != ".parquet":
        raise click.UsageError(f"-o takes a name that ends in .parquet, got {str(out)!r}")
    if out.exists() and not overwrite:
        raise OutputError(str(out), "is there already; give --overwrite to replace it, or choose another")
    from domaintoolkit.jobs import write_rows
    from domaintoolkit.model import load_model
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.tokenizer import DomainTokenizer

    encoded = open_encoded(folder)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    model = load_model(run, device)
    model.check_vocabulary(tokenizer.vocabulary)
    with Bar() as bar:
        tables = _tables(model, encoded, tokenizer, pooling, split, longest)
        count = write_rows(tables, out, bar, encoded.manifest.totals["entities"], "embedding")
    if json_output:
        print_json({"out": str(out), "entities": count, "width": model.config.width})
    else:
        click.echo(f"{count:,} embeddings of width {model.config.width} written to {out}")


def _tables(
    model: Any,
    encoded: EncodedFolder,
    tokenizer: DomainTokenizer,
    pooling: Literal["last", "mean"],
    split: str | None,
    longest: int | None,
) -> Iterator[pa.Table]:
    import numpy as np
    import pyarrow as pa

    from domaintoolkit.jobs.decoding import cut_streams
    from domaintoolkit.model import embed
    from domaintoolkit.util.ragged import offsets_of, positions

    segmenter = tokenizer.segmenter if model.config.composites else None
    entity = [*tokenizer.schema.entity, "split"]

    def embedded(table: pa.Table, found: Any) -> pa.Table:
        values = pa.FixedSizeListArray.from_arrays(pa.array(found.ravel()), model.config.width)
        return table.select(entity).append_column("embedding", values)

    # a file without embeddings has their columns too
    yield embedded(encoded.table(0).slice(0, 0), np.zeros(0, np.float32))
    for rows in encoded.streams(split):
        lengths = np.diff(rows.offsets)[rows.selected].astype(np.int64)
        offsets = offsets_of(lengths)
        for start, end in cut_streams(offsets):
            chosen = rows.selected[start:end]
            ids = rows.ids[positions(rows.offsets[:-1][chosen].astype(np.int64), lengths[start:end])]
            found = embed(model, ids, offsets[start : end + 1] - offsets[start], pooling, longest, segmenter)
            yield embedded(pa.Table.from_batches([rows.table]).select(entity).take(pa.array(chosen)), found)
