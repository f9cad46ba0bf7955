"""`domaintoolkit embed`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.label_options import LabelOptions, label_options
from domaintoolkit.cli.options import (
    AtLeast,
    format_examples,
    json_option,
    model_options,
    overwrite_option,
    pooling_option,
    print_json,
)
from domaintoolkit.cli.output import check_output_ending, check_output_file
from domaintoolkit.cli.pipes import echo_beside, is_pipe, writing
from domaintoolkit.display import ProgressBar

if TYPE_CHECKING:
    from domaintoolkit.model import PoolingName

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit embed shop-model shop -o embeddings.parquet",
    "domaintoolkit embed shop-model shop -o dated.parquet --at labels.csv",
    "domaintoolkit embed shop-model shop -o test.parquet --split test --every-event",
)


@click.command("embed", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("folder", type=click.Path(path_type=Path), metavar="OUT")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="Parquet file to write: the key, the split and the embedding of each entity; - is standard output.",
)  # fmt: skip
@label_options("--at", "Label table: one embedding a row, of the events before its date.", targets=False)
@click.option("--every-event", is_flag=True, help="Write an embedding after each event of a history.")
@pooling_option
@click.option(
    "--split", type=click.Choice(["train", "validation", "test"]), help="Embed the entities of one split only."
)
@click.option(
    "--window", type=AtLeast(2), metavar="N",
    help="Positions that are read together; of a longer history, the latest.  [default: the model's block]",
)  # fmt: skip
@model_options
@overwrite_option
@json_option
def command(
    run: Path,
    folder: Path,
    out: Path,
    labels: LabelOptions,
    every_event: bool,
    pooling: PoolingName | None,
    split: str | None,
    window: int | None,
    device: str | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Write one embedding per entity, per row of a label table, or per event.

    RUN is the folder of a training run, and OUT an encoded folder with the same vocabulary. A run that was interrupted
    continues if it is started again.
    """
    ending = check_output_ending("--out", out, (".parquet",))
    dated = labels.is_given
    if dated and (every_event or split is not None):
        raise click.UsageError("--every-event and --split have no effect with labels; drop them")
    if not is_pipe(out) and out.exists() and not overwrite:
        from domaintoolkit.embeddings import clear_vectors

        clear_vectors(out)
    check_output_file(out, overwrite)
    from domaintoolkit.embeddings import EmbeddingSettings, embed_folder, embed_labels
    from domaintoolkit.labels import place_labels
    from domaintoolkit.model import DEFAULT_POOLING, find_pooler, load_model
    from domaintoolkit.storage import open_encoded

    # opened before the model, which takes longer: a wrong folder is refused at once
    encoded = open_encoded(folder)
    model = load_model(run, device)
    settings = EmbeddingSettings(pooling or DEFAULT_POOLING, window)
    data = {"out": str(out), "width": find_pooler(settings.pooling, model).width}
    unit = "rows" if dated else "events" if every_event else "entities"
    with ProgressBar() as bar, writing(out, ending) as file:
        if dated:
            table = labels.read(encoded)
            placed = place_labels(encoded, table)
            embed_labels(model, encoded, table, file, settings, placement=placed, progress=bar)
            counts = placed.counts
            data |= {name: counts[name] for name in ("rows", "unknown", "without_events")}
        else:
            data[unit] = embed_folder(
                model, encoded, file, settings, split=split, every_event=every_event, progress=bar
            )
    if json_output:
        print_json(data)
    else:
        _show(data, unit, out)


def _show(data: dict[str, Any], unit: str, out: Path) -> None:
    echo_beside(out, f"{data[unit]:,} embeddings of width {data['width']} written to {out}")
    if data.get("unknown") or data.get("without_events"):
        echo_beside(
            out,
            f"{data['unknown']:,} rows are of unknown entities and {data['without_events']:,} have no event before "
            f"their date: their embedding is that of an empty history",
        )
