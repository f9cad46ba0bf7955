"""`evaluate --next`: its options, and its result on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from domaintoolkit.cli.completion import complete_fields
from domaintoolkit.cli.evaluation.shared_options import Machine
from domaintoolkit.cli.options import AtLeast, add_options, bundle, print_json
from domaintoolkit.display import ProgressBar

if TYPE_CHECKING:
    from domaintoolkit.next_events import NextReport

__all__ = ["NextOptions", "Split", "next_options", "run_next"]

Split = Literal["train", "validation", "test", "all"]
UNITS = ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
HELD_OUT = {
    "last": "the last event of each history",
    "session": "the last session of each history",
    "every": "each event but the first of its history",
}


@dataclass(frozen=True, slots=True)
class NextOptions:
    """The options of `evaluate --next`."""

    next: str | None = None
    held_out: str = "last"
    top: tuple[int, ...] = ()
    samples: int = 16
    suffixes: int = 0
    end: str | None = None
    cases: int | None = None


def next_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `evaluate --next`; the command takes them as `ranking`."""
    return add_options(
        bundle(function, NextOptions, "ranking"),
        click.option("--next", metavar="FIELD", shell_complete=complete_fields,
            help="Rank the values of FIELD in held-out next events, and predict when these come."),
        click.option("--held-out", default="last", show_default=True, metavar="WHICH",
            help="last: the last event of each history; session: all of its last session; every: each event but the "
            "first; or a date, from which each event is held out."),
        click.option("--top", type=AtLeast(1), multiple=True, metavar="K",
            help="Recall and NDCG of the first K values. Repeatable.  [default: 5, 10, 20]"),
        click.option("--samples", type=AtLeast(1), default=16, show_default=True, metavar="N",
            help="Draws of the fields before FIELD in an event; there are none if it comes first."),
        click.option("--suffixes", type=AtLeast(0), default=0, show_default=True, metavar="N",
            help="Also write the rest of a history in N cases, and compare it."),
        click.option("--end", metavar="VALUE", help="The value of FIELD that ends a history, for --suffixes."),
        click.option("--cases", type=AtLeast(1), metavar="N", help="Evaluate on N held-out events, drawn by the seed."),
    )  # fmt: skip


def run_next(
    run: Path | None, folder: Path, options: NextOptions, split: Split, machine: Machine, json_output: bool
) -> None:
    """Evaluate, and print the report."""
    from domaintoolkit.model import load_model
    from domaintoolkit.next_events import NextSettings, evaluate_next

    assert options.next is not None
    if options.end is not None and not options.suffixes:
        raise click.UsageError("--end: no effect without --suffixes N; add it or drop --end")
    settings = NextSettings(
        field=options.next,
        held_out=options.held_out,
        split=split,
        tops=options.top or (5, 10, 20),
        samples=options.samples,
        suffixes=options.suffixes,
        end=options.end,
        seed=machine.seed,
        most_cases=options.cases,
    )
    model = None if run is None else load_model(run, machine.device)
    with ProgressBar() as bar:
        report = evaluate_next(model, folder, settings, bar)
    if json_output:
        print_json(report.to_json())
    else:
        _show(report)


def _show(report: NextReport) -> None:
    from domaintoolkit.report import Screen

    screen = Screen()
    what = HELD_OUT.get(report.held_out, f"each event from {report.held_out}")
    screen.facts(
        [
            ("field", f"{report.field}, {report.values:,} values, all of them ranked"),
            ("held out", f"{what}: {report.cases:,} cases of {report.histories:,} histories (split: {report.split})"),
            *([("missing", f"{report.missing:,} cases have no value")] if report.missing else []),
        ]
    )
    names = _columns(report)
    for title, chosen in (("all values", "figures"), ("values of the history left out", "fresh")):
        screen.line()
        head = (title, *names, *(["calibration error"] if chosen == "figures" else []))
        rows = []
        for row in report.rows:
            found = getattr(row, chosen)
            cells = [_write(found[name].value) for name in names]
            if chosen == "figures":
                cells.append("-" if row.reliability is None else f"{row.reliability.error:.4f}")
            rows.append((row.name, *cells))
        screen.table(head, rows)
    if report.times:
        _show_times(report)
    if report.suffixes:
        screen.line()
        head = (f"rest of the history, {report.suffix_cases:,} cases", "similarity", "remaining time, error in days")
        screen.table(
            head,
            [(row.name, _write(row.similarity.value), "-" if row.days is None else f"{row.days.value:.3f}")
             for row in report.suffixes],
        )  # fmt: skip
    screen.line()
    for note in report.notes:
        screen.line(f"note: {note}")
    screen.line(report.verdict)


def _columns(report: NextReport) -> Sequence[str]:
    found = list(report.rows[0].figures)
    return ["accuracy", "mrr", *(name for name in found if "@" in name)]


def _write(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"


def _show_times(report: NextReport) -> None:
    from domaintoolkit.report import Screen

    least = min((row.error.value for row in report.times if row.error.value == row.error.value), default=0.0)
    size, unit = next(((size, unit) for size, unit in UNITS if least >= size), UNITS[-1])
    screen = Screen()
    screen.line()
    screen.table(
        ("time to the next event", f"mean error, {unit}", "95% interval"),
        [
            (
                row.name,
                f"{row.error.value / size:.3f}",
                "-" if row.error.low != row.error.low else f"{row.error.low / size:.3f} to {row.error.high / size:.3f}",
            )
            for row in report.times
        ],
    )
