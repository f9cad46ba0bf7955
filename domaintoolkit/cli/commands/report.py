"""`domaintoolkit report`"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from domaintoolkit.cli.output import check_output_ending, check_output_files, check_replaced_folder
from domaintoolkit.cli.pipes import echo_beside, is_pipe, writing
from domaintoolkit.display import ProgressBar
from domaintoolkit.util.output_sets import replacing_together

if TYPE_CHECKING:
    from domaintoolkit.report.charts.figure import Figure
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
            check_output_ending(option, path, (ending,), pipe=option == "--out")
    # without --out, the page of before is replaced
    check_output_files([path for path in (out, projector, atlas, figures) if path is not None], overwrite)
    for made, endings in ((projector, (".tsv", ".pbtxt")), (figures, (".svg", ".csv"))):
        if made is not None:
            check_replaced_folder(made, endings)
    is_streams = (folder / MANIFEST).exists()
    if is_streams:
        if data is not None:
            raise click.UsageError(f"{folder} is an encoded folder; a second folder is for a run's held-out histories")
        if studies or projector is not None or atlas is not None:
            raise click.UsageError(f"{folder} is an encoded folder; --study, --projector and --atlas are for a run")
        written = out or Path(f"{folder.resolve().name}.html")
    else:
        from domaintoolkit.train import PAGE

        written = out or folder / PAGE
    outputs = [path for path in (written, projector, atlas, figures) if path is not None and not is_pipe(path)]
    replaced = outputs if overwrite else [written] if out is None else []
    with replacing_together(outputs, replaced) as places, writing(places.get(written, written), ".html") as page:
        if is_streams:
            drawn = _write_folder_page(folder, page, entities or FOLDER_ENTITIES)
        else:
            exports = _map_exports(projector, atlas, places)
            drawn = write_run_page(folder, data, page, entities or RUN_ENTITIES, device, studies, exports)
        if figures is not None:
            from domaintoolkit.report.charts.standalone import write_figures

            write_figures(places[figures], drawn)
    if json_output:
        print_json({"out": str(written), "bytes": written.stat().st_size})
    else:
        echo_beside(written, f"written to {written}")


def _map_exports(projector: Path | None, atlas: Path | None, places: Mapping[Path, Path]) -> MapExports | None:
    if projector is None and atlas is None:
        return None
    from domaintoolkit.report.map.map_exports import MapExports

    return MapExports(None if projector is None else places[projector], None if atlas is None else places[atlas])


def _write_folder_page(folder: Path, file: Path, entities: int) -> Sequence[Figure]:
    """Write the page of an encoded folder; returns its pictures."""
    from domaintoolkit.report.folder.folder_page import folder_page
    from domaintoolkit.util.partials import write_atomic

    with ProgressBar() as bar:
        page = folder_page(folder, entities, bar)
    write_atomic(file, page.html.encode())
    return page.figures


def write_run_page(
    run: Path,
    data: Path | None,
    file: Path,
    entities: int = RUN_ENTITIES,
    device: str | None = None,
    studies: Sequence[Path] = (),
    exports: MapExports | None = None,
) -> Sequence[Figure]:
    """Write the page of a run; returns its pictures."""
    from domaintoolkit.report.run.run_page import run_page
    from domaintoolkit.train import PAGE_SEAL, read_result
    from domaintoolkit.util.artifacts import seal
    from domaintoolkit.util.partials import write_atomic

    gains: dict[str, str] = {}
    for study in studies:
        from domaintoolkit.studies import lever_gains

        gains |= lever_gains(study, read_result(run)["inner_parameters"])
    with ProgressBar() as bar:
        page = run_page(run, data, entities, device, gains, exports, bar)
    write_atomic(file, seal(page.html.encode().rstrip(b"\n") + b"\n", PAGE_SEAL))
    return page.figures
