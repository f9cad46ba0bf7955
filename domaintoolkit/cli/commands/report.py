"""`domaintoolkit report`"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from domaintoolkit.cli.options import (
    AtLeast,
    format_examples,
    json_option,
    model_options,
    overwrite_option,
    print_json,
)
from domaintoolkit.cli.output import check_output_ending, check_output_file
from domaintoolkit.cli.pipes import echo_beside, writing
from domaintoolkit.display import ProgressBar
from domaintoolkit.errors import OutputError

if TYPE_CHECKING:
    from domaintoolkit.report.map.map_exports import MapExports

__all__ = ["command", "write_run_page"]

EXAMPLES = format_examples(
    "domaintoolkit report ecommerce-sample-streams -o shop.html",
    "domaintoolkit report ecommerce-sample-model",
    "domaintoolkit report ecommerce-sample-model ecommerce-sample-streams --entities 10000",
    "domaintoolkit report ecommerce-sample-model --projector shop-projector --atlas shop-atlas.parquet",
    "domaintoolkit report ecommerce-sample-model --figures shop-figures",
)
FOLDER_ENTITIES, RUN_ENTITIES = 10_000, 2_000


@click.command("report", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="RUN|OUT")
@click.argument("data", type=click.Path(readable=False, path_type=Path), required=False, metavar="[OUT]")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="FILE",
    help="The page.  [default: report.html in RUN; OUT.html in the current folder]",
)  # fmt: skip
@click.option(
    "--entities", type=AtLeast(1), metavar="N",
    help="Histories on the page.  [default: 10,000 of an encoded folder, 2,000 of a run]",
)  # fmt: skip
@click.option(
    "--study", "studies", type=click.Path(path_type=Path), multiple=True, metavar="FOLDER",
    help="A finished study, for what it found each lever to be worth; may be given several times.",
)  # fmt: skip
@click.option(
    "--projector", type=click.Path(path_type=Path), metavar="DIR",
    help="Write the map's embeddings for TensorBoard's projector: vectors, metadata and configuration.",
)  # fmt: skip
@click.option(
    "--atlas", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the map's points for embedding-atlas: a .parquet file with x, y, text and columns.",
)  # fmt: skip
@click.option(
    "--figures", type=click.Path(path_type=Path), metavar="DIR",
    help="Write each picture of the page as an .svg file, and its numbers as .csv.",
)  # fmt: skip
@model_options
@overwrite_option
@json_option
def command(
    folder: Path,
    data: Path | None,
    out: Path | None,
    entities: int | None,
    studies: tuple[Path, ...],
    projector: Path | None,
    atlas: Path | None,
    figures: Path | None,
    device: str | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Write a page about an encoded folder, or about a training run.

    The page is one file that needs no network. Of an encoded folder, OUT, it shows the fields, the buckets over their
    histograms, the vocabulary, and a searchable list of histories. Of a run, RUN, it shows the losses, what each field
    costs, predictions, a map of the entities, generated histories and what to try next; the held-out histories are
    those of OUT, by default of the folder that the run was trained on.
    """
    from domaintoolkit.storage.manifest import MANIFEST

    for option, path, ending in (("--out", out, ".html"), ("--atlas", atlas, ".parquet")):
        if path is not None:
            check_output_ending(option, path, (ending,))
            check_output_file(path, overwrite)
    for made in (projector, figures):
        if made is not None and made.exists() and not overwrite:
            raise OutputError(str(made), "already exists; choose another folder, or --overwrite")
    if (folder / MANIFEST).exists():
        if data is not None:
            raise click.UsageError(f"{folder} is an encoded folder; a second folder is for a run's held-out histories")
        if studies or projector is not None or atlas is not None:
            raise click.UsageError(f"{folder} is an encoded folder; --study, --projector and --atlas are for a run")
        written = _write_folder_page(folder, out, entities or FOLDER_ENTITIES, figures)
    else:
        exports = None
        if projector is not None or atlas is not None:
            from domaintoolkit.report.map.map_exports import MapExports

            exports = MapExports(projector, atlas)
        written = write_run_page(folder, data, out, entities or RUN_ENTITIES, device, studies, exports, figures)
    if json_output:
        print_json({"out": str(written), "bytes": written.stat().st_size})
    else:
        echo_beside(written, f"written to {written}")


def _write_folder_page(folder: Path, out: Path | None, entities: int, figures: Path | None) -> Path:
    """Write the page of an encoded folder; returns its path."""
    from domaintoolkit.report.charts.standalone import write_figures
    from domaintoolkit.report.folder.folder_page import folder_page
    from domaintoolkit.util.partials import write_atomic

    path = out or Path(f"{folder.resolve().name}.html")
    with ProgressBar() as bar, writing(path, ".html") as file:
        page = folder_page(folder, entities, bar)
        write_atomic(file, page.html.encode())
    if figures is not None:
        write_figures(figures, page.figures)
    return path


def write_run_page(
    run: Path,
    data: Path | None = None,
    out: Path | None = None,
    entities: int = RUN_ENTITIES,
    device: str | None = None,
    studies: Sequence[Path] = (),
    exports: MapExports | None = None,
    figures: Path | None = None,
) -> Path:
    """Write the page of a run; returns its path."""
    from domaintoolkit.report.charts.standalone import write_figures
    from domaintoolkit.report.run.run_page import run_page
    from domaintoolkit.train import PAGE, PAGE_SEAL
    from domaintoolkit.util.artifacts import seal
    from domaintoolkit.util.partials import write_atomic

    path = out or run / PAGE
    with ProgressBar() as bar, writing(path, ".html") as file:
        gains: dict[str, str] = {}
        for study in studies:
            from domaintoolkit.studies import lever_gains
            from domaintoolkit.train import read_result

            gains |= lever_gains(study, read_result(run)["inner_parameters"])
        page = run_page(run, data, entities, device, gains, exports, bar)
        write_atomic(file, seal(page.html.encode().rstrip(b"\n") + b"\n", PAGE_SEAL))
    if figures is not None:
        write_figures(figures, page.figures)
    return path
