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
    reads_tables,
    row_options,
)
from domaintoolkit.cli.row_options import RowOptions
from domaintoolkit.display import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domaintoolkit.jobs import Change, Drift

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit drift shop 2019-Dec.csv.gz",
    "domaintoolkit drift shop 2019-Dec.csv.gz --fail-on shifted --json",
)

FAILED = 3
"""The exit status of a drift, so that a pipeline can tell it from bad data (1) and bad usage (2)."""

VERDICTS = ("stable", "shifted", "drifted")
NEW_VALUES = 3
"""New values of a field that are printed; `--json` has more."""


@click.command("drift", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@row_options
@click.option(
    "--fail-on", type=click.Choice(["shifted", "drifted", "never"]), default="drifted", show_default=True,
    help="Lowest verdict that ends with exit status 3.",
)  # fmt: skip
@limit_options
@json_option
@reads_tables()
def command(
    folder: Path,
    rows: RowOptions,
    fail_on: str,
    limits: Limits,
    json_output: bool,
) -> None:
    """Compare new data with the data in an encoded folder.

    Each part of each field is compared by the population stability index of its tokens, less the value that
    sampling alone gives. It is stable below 0.1 and has drifted from 0.25 on, if chance does not explain the
    difference. Calendar parts are compared once both sides cover four of their cycles (four weeks for a
    weekday). Too few entities give no verdict.
    """
    from domaintoolkit.jobs import drift
    from domaintoolkit.storage import open_encoded

    rows.check()
    source = rows.open_for_folder(open_encoded(folder, verify=False))
    with ProgressBar() as bar:
        found = drift(folder, source, progress=bar, **limits.as_arguments())
    print_json(found.to_json()) if json_output else _show(found)
    if fail_on != "never" and found.verdict in VERDICTS[VERDICTS.index(fail_on) :]:
        raise SystemExit(FAILED)


def _show(found: Drift) -> None:
    from domaintoolkit.report import Screen, pluralize

    screen = Screen()
    rows = [
        (part.part, f"{part.index:.3f}", _format_chance(part.p_value), part.verdict, _format_changes(part.changes))
        if part.verdict in VERDICTS
        else (part.part, "", "", part.verdict, "")
        for field in found.fields
        for part in field.parts
    ]
    screen.table(("part", "index", "chance", "verdict", "largest changes"), rows)
    screen.line()
    shares = [
        (
            each.field,
            f"{each.unseen:.1%} ({each.encoded_unseen:.1%})",
            f"{each.clipped:.1%} ({each.encoded_clipped:.1%})",
            f"{each.missing:.1%} ({each.encoded_missing:.1%})",
            each.verdict,
            ", ".join(f"{value.value!r} {value.rows}x" for value in each.new_values[:NEW_VALUES]),
        )
        for each in found.fields
    ]
    screen.table(("field", "unseen", "clipped", "missing", "verdict", "new values"), shares)
    screen.line()
    refused = f", {pluralize(found.refused, 'row')} refused" if found.refused else ""
    entities = pluralize(found.entities, "entity", "entities")
    screen.line(f"{found.verdict}: {pluralize(found.events, 'new event')} of {entities}{refused}")


def _format_chance(p_value: float) -> str:
    return "<0.0001" if p_value < 0.0001 else f"{p_value:.4f}"


def _format_changes(changes: Sequence[Change]) -> str:
    return ", ".join(f"{change.tokens} {change.encoded:.1%} -> {change.new:.1%}" for change in changes)
