"""`domaintoolkit study`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.completion import complete_domains, complete_forms, complete_studies
from domaintoolkit.cli.options import AtLeast, format_examples, json_option, overwrite_option, parse_time, print_json
from domaintoolkit.cli.output import check_output_ending, check_output_file
from domaintoolkit.errors import unknown_name
from domaintoolkit.util.partials import clear_beside
from domaintoolkit.util.pulse import Pulse, show_minutes

if TYPE_CHECKING:
    from domaintoolkit.studies.scheduler import StudyState

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit study --list",
    "domaintoolkit study sizes --domain ads --budget 30m",
    "domaintoolkit study architecture shop-streams -o shop-architecture",
    "domaintoolkit study my-study.toml -o my-study",
    "domaintoolkit study sizes --redraw --summary sizes.md",
)


@click.command("study", epilog=EXAMPLES)
@click.argument("name", required=False, metavar="[NAME|STUDY.toml]", shell_complete=complete_studies)
@click.argument("streams", type=click.Path(path_type=Path), required=False, metavar="[OUT]")
@click.option("--list", "listed", is_flag=True, help="List the studies that the package ships.")
@click.option(
    "--domain", "-d", metavar="NAME", shell_complete=complete_domains,
    help="Use the sample of this domain.  [default: that of the study]",
)  # fmt: skip
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Folder of the study.  [default: NAME-study in the current folder]",
)  # fmt: skip
@click.option(
    "--form", default="small", show_default=True, metavar="NAME", shell_complete=complete_forms,
    help="Size of the study: small or large.",
)  # fmt: skip
@click.option("--budget", callback=parse_time, metavar="TIME", help="Choose steps and seeds that fit: 30m, 2h.")
@click.option(
    "--jobs", "-j", type=AtLeast(1), metavar="N", help="Runs at once.  [default: one per processor; on a GPU 1]"
)
@click.option("--redraw", is_flag=True, help="Run nothing: write the page of finished results again.")
@click.option(
    "--summary", type=click.Path(path_type=Path), metavar="FILE",
    help="Write what was found as Markdown too, with its pictures and tables in a folder beside it.",
)  # fmt: skip
@overwrite_option
@json_option
def command(
    name: str | None,
    streams: Path | None,
    listed: bool,
    domain: str | None,
    out: Path | None,
    form: str,
    budget: float | None,
    jobs: int | None,
    redraw: bool,
    summary: Path | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Train a grid of models and compare them on a page.

    A study is one that the package ships, or a TOML file. Its runs are kept in FOLDER with their table
    (results.parquet, results.csv), a page (study.html) and its figures. To go on with a study that was interrupted,
    run the same command again: no run is done twice. The page says of each published finding if these runs agree with
    it (findings.csv). The data are a domain's sample, or OUT, an encoded folder.
    """
    from domaintoolkit.studies import load_study

    if listed:
        _list_studies(json_output)
        return
    if name is None:
        raise click.UsageError("give the name of a study, or a TOML file; --list shows the names")
    if streams is not None and domain is not None:
        raise click.UsageError("give OUT or --domain, not both")
    settings = {"OUT": streams, "--domain": domain, "--budget": budget, "--jobs": jobs}
    idle = [option for option, value in settings.items() if value is not None]
    if redraw and idle:
        raise click.UsageError(f"--redraw runs nothing, so it takes no {' and no '.join(idle)}")
    folder = out or Path(f"{Path(name).stem}-study")
    if summary is not None:
        _check_summary(summary, folder, overwrite)
    study = load_study(name)
    if form not in study.forms:
        raise click.UsageError(unknown_name("form", form, study.forms))
    from domaintoolkit.studies import redraw_study, run_study, write_summary

    if redraw:
        page = redraw_study(study, folder, name)
        said = f"written to {page}"
    else:
        with _LiveTable() as table:
            result = run_study(study, folder, form, domain, streams, budget, jobs, table, name)
        page = result.page
        said = f"{result.cells:,} runs; written to {folder}; to look at it, open {page}"
        if result.left_out:
            levels = ", ".join(result.left_out)
            click.echo(f"note: left out, since they need another tokenizer than that of OUT: {levels}", err=True)
    written = [] if summary is None else write_summary(study, folder, summary, name)
    if json_output:
        print_json({"out": str(folder), "page": str(page), "summary": [str(path) for path in written]})
    else:
        click.echo(said if summary is None else f"{said}; summary in {summary}")


def _check_summary(summary: Path, folder: Path, overwrite: bool) -> None:
    """Check that the summary and its folder of pictures can be written beside the `folder` of the study."""
    check_output_ending("--summary", summary, (".md",), pipe=False)
    pictures = summary.with_suffix("")
    if pictures.resolve() == folder.resolve():
        raise click.UsageError(
            f"--summary: its folder of pictures would be that of the study, {folder}; choose another"
        )
    clear_beside(pictures)  # of a command that was killed at its very end
    check_output_file(summary, overwrite)


def _list_studies(json_output: bool) -> None:
    from domaintoolkit.studies import load_study, study_names

    names = {each: load_study(each) for each in study_names()}
    if json_output:
        print_json({each: {"title": study.title, "forms": list(study.forms)} for each, study in names.items()})
        return
    for each, study in names.items():
        click.echo(f"{each:<14}{study.title}. {study.question}")


class _LiveTable:
    """On a terminal a table that is redrawn; in a pipe a line for each run that ends, and one every half minute."""

    def __init__(self) -> None:
        self._live: Any = None
        self._pulse = Pulse(sys.stderr, "preparing")
        self._said: set[tuple[str, int]] = set()

    def __enter__(self) -> _LiveTable:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=4)
            self._live.start()
        else:
            self._pulse.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live is not None:
            self._live.stop()
        else:
            self._pulse.__exit__(*error)

    def __call__(self, state: StudyState) -> None:
        if self._live is not None:
            self._live.update(_draw(state))
            return
        for number in sorted(state.done):
            label = state.tasks[number].label
            if (label, number) not in self._said:
                self._said.add((label, number))
                self._pulse.print(f"{len(state.done)}/{len(state.tasks)} {label}{_left(state)}")
        for number, reason in sorted(state.failed.items()):
            label = state.tasks[number].label
            if (label, number) not in self._said:
                self._said.add((label, number))
                self._pulse.print(f"failed: {label}: {reason}")
        self._pulse.state = _describe(state)


def _describe(state: StudyState) -> str:
    """The running cells with their steps, as one line."""
    cells = [
        f"{state.tasks[k].label} step {step:,}/{state.tasks[k].steps:,}" for k, step in sorted(state.running.items())
    ]
    return " · ".join([f"{len(state.done)}/{len(state.tasks)} runs done", *cells]) + _left(state)


def _left(state: StudyState) -> str:
    return "" if state.seconds_left is None else f" · {show_minutes(state.seconds_left)} left"


def _draw(state: StudyState) -> Any:
    """The running cells with their steps, and a last line of how many are done."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("run")
    table.add_column("step", justify="right")
    for number, step in sorted(state.running.items()):
        task = state.tasks[number]
        table.add_row(task.label, f"{step:,}/{task.steps:,}")
    for number, reason in state.failed.items():
        table.add_row(state.tasks[number].label, f"failed: {reason}")
    table.add_row(f"{len(state.done)} of {len(state.tasks)} runs done{_left(state)}", "")
    return table
