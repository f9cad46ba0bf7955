"""`domaintoolkit drift`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from domaintoolkit.cli.options import (
    Limits,
    format_examples,
    json_option,
    limit_options,
    print_json,
    row_options,
)
from domaintoolkit.cli.progress import Bar
from domaintoolkit.cli.row_options import RowOptions

if TYPE_CHECKING:
    from domaintoolkit.jobs import Drift

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit drift shop 2019-Dec.csv.gz",
    "domaintoolkit drift shop 2019-Dec.csv.gz --fail-on shifted --json",
)

FAILED = 3
"""The exit status of a drift, so that a pipeline can tell it from bad data (1) and bad usage (2)."""

VERDICTS = ("stable", "shifted", "drifted")


@click.command("drift", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@row_options
@click.option(
    "--fail-on", type=click.Choice(["shifted", "drifted", "never"]), default="drifted", show_default=True,
    help="Lowest verdict that ends with exit status 3.",
)  # fmt: skip
@limit_options
@json_option
def command(
    folder: Path,
    rows: RowOptions,
    fail_on: str,
    limits: Limits,
    json_output: bool,
) -> None:
    """Compare new data with the data in an encoded folder.

    For each field, print the shares of unseen, clipped and missing values in FILES (those of OUT in brackets)
    and the population stability index of its tokens. A field is stable up to an index of 0.1, and has drifted
    above 0.25.
    """
    from domaintoolkit.jobs import drift
    from domaintoolkit.storage import open_encoded

    rows.check()
    source = rows.open_for_folder(open_encoded(folder, verify=False))
    with Bar() as bar:
        found = drift(folder, source, progress=bar, **limits.as_arguments())
    print_json(found.to_json()) if json_output else _show(found)
    if fail_on != "never" and VERDICTS.index(found.verdict) >= VERDICTS.index(fail_on):
        raise SystemExit(FAILED)


def _show(found: Drift) -> None:
    from domaintoolkit.report import Screen, pluralize

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
    refused = f", {pluralize(found.refused, 'row')} refused" if found.refused else ""
    screen.line(f"{found.verdict}: {pluralize(found.events, 'new event')}{refused}")
