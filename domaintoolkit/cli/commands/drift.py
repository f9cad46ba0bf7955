"""`domaintoolkit drift`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from domaintoolkit.cli.options import as_json, example, limit_options, print_json, rows_options
from domaintoolkit.cli.progress import Bar
from domaintoolkit.cli.row_options import Given

if TYPE_CHECKING:
    from domaintoolkit.jobs import Drift

__all__ = ["command"]

EXAMPLES = example(
    "domaintoolkit drift shop 2019-Dec.csv.gz",
    "domaintoolkit drift shop 2019-Dec.csv.gz --fail-on shifted --json",
)

FAILED = 3
"""Neither bad usage nor bad data: a pipeline can tell them apart."""
VERDICTS = ("stable", "shifted", "drifted")


@click.command("drift", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@rows_options
@click.option(
    "--fail-on", type=click.Choice(["shifted", "drifted", "never"]), default="drifted", show_default=True,
    help="The verdict from which on the exit status is 3.",
)  # fmt: skip
@limit_options
@as_json
def command(
    folder: Path,
    given: Given,
    fail_on: str,
    memory: str,
    threads: int | None,
    temporary: Path | None,
    json_output: bool,
) -> None:
    """Compare new data with what an encoded folder was made of.

    For each field: the shares of unseen, clipped and missing values in FILES (in OUT, in brackets), and the
    population stability index of its tokens: up to 0.1 is stable, above 0.25 has drifted.
    """
    from domaintoolkit.jobs import drift
    from domaintoolkit.storage import open_encoded

    given.check()
    source = given.source_of(open_encoded(folder, verify=False))
    with Bar() as bar:
        found = drift(folder, source, memory=memory, threads=threads, temporary=temporary, progress=bar)
    print_json(found.to_json()) if json_output else _show(found)
    if fail_on != "never" and VERDICTS.index(found.verdict) >= VERDICTS.index(fail_on):
        raise SystemExit(FAILED)


def _show(found: Drift) -> None:
    from domaintoolkit.report import Screen, counted

    screen = Screen()
    rows = [
        (
            each.field,
            f"{each.unseen:.1%} ({each.fitted_unseen:.1%})",
            f"{each.clipped:.1%} ({each.fitted_clipped:.1%})",
            f"{each.missing:.1%} ({each.fitted_missing:.1%})",
            f"{each.index:.3f}",
            each.verdict,
        )
        for each in found.fields
    ]
    screen.table(("field", "unseen", "clipped", "missing", "index", "verdict"), rows)
    screen.line()
    refused = f", {counted(found.refused, 'row')} refused" if found.refused else ""
    screen.line(f"{found.verdict}: {counted(found.events, 'new event')}{refused}")
