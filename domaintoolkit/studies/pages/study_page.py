"""The page of a study: its question, verdicts on published findings, figures with what was fitted, and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domaintoolkit.report.charts import Table
from domaintoolkit.report.pages.template import render_page
from domaintoolkit.studies.analysis.column_names import column_name
from domaintoolkit.studies.analysis.verdicts import AGREES, DISAGREES, Verdict
from domaintoolkit.studies.pages.drawings import DrawnFigure
from domaintoolkit.studies.study import Study
from domaintoolkit.studies.study_results import StudyResults

__all__ = ["facts_of", "notes_of", "seed_spread", "study_page"]

Rows = Sequence[Mapping[str, Any]]
COLOURS = {AGREES: "c2", DISAGREES: "c3"}
"""Of answers."""


def study_page(results: StudyResults, drawn: Sequence[DrawnFigure], verdicts: Sequence[Verdict]) -> str:
    """The page, as one file."""
    sections = [("overview", "Overview"), ("findings", "Published findings"), ("figures", "Figures"), ("runs", "Runs")]
    return render_page(
        "study.html", ("page.js",), {}, title=results.study.title, lead=results.study.question,
        sections=[each for each in sections if verdicts or each[0] != "findings"], overview=facts_of(results),
        command=results.command, drawn=drawn, verdicts=verdicts, colours=COLOURS, spread=seed_spread(results.rows),
        notes=notes_of(results, drawn),
        table=_result_table(results.study, results.rows),
        footer="Written by domaintoolkit study. The table is in results.parquet and results.csv beside this page, and "
        "what is said of the findings in findings.csv.",
    )  # fmt: skip


def facts_of(results: StudyResults) -> list[tuple[str, str]]:
    """Facts about the run of the study."""
    facts = [
        ("runs", f"{len(results.rows):,}"), ("seeds", ", ".join(map(str, results.seeds))), ("form", results.form),
        ("data", results.data),
        ("events of the test", f"{max((row.get('test_events') or 0 for row in results.rows), default=0):,}"),
        ("training, all runs together", _duration(results.training_seconds)),
    ]  # fmt: skip
    if results.wall_seconds is not None:
        facts.append(("time of the command", _duration(results.wall_seconds)))
    facts.append(("machine", results.machine))
    if results.plan is not None:
        facts.append(("budget", f"{results.plan.factor:.0%} of the steps, {results.plan.seeds} seeds"))
    return facts


def notes_of(results: StudyResults, drawn: Sequence[DrawnFigure]) -> list[str]:
    """The runs and figures that the page lacks, each with its reason."""
    titles = [each.figure.title for each in drawn]
    notes = [f"A run failed and is not on this page. {label}: {reason}" for label, reason in results.failed.items()]
    return notes + [
        f"There is no figure {each.title!r}: no run at its levels has both {column_name(each.x)} and "
        f"{column_name(each.y)}."
        for each in results.study.figures if each.title not in titles
    ]  # fmt: skip


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def _result_table(study: Study, rows: Rows) -> Table:
    columns = [*study.axes, "seed", "learning_rate", "steps", "inner_parameters", "training_events", "bits"]
    optional = ("markov_bits", "recall", "invalidation", "seconds_a_step")
    more = [name for name in optional if any(row.get(name) is not None for row in rows)]
    more += sorted({name for row in rows for name in row if name.startswith("auroc.")})
    columns = [name for name in [*columns, *more] if any(row.get(name) is not None for row in rows)]
    return Table.of(
        [column_name(column) for column in columns],
        [["" if row.get(name) is None else row[name] for name in columns] for row in rows],
    )  # fmt: skip


def seed_spread(rows: Rows) -> str:
    """The spread between runs that differ in their seed alone."""
    groups = _by_levels(rows)
    spreads = [float(np.std(values, ddof=1)) for values in groups.values() if len(values) > 1]
    if not spreads:
        return "There is one seed, so nothing says how large a difference has to be to mean something."
    return (
        f"Runs that differ only in their seed differ by {np.median(spreads):.3f} bits an event (standard deviation, "
        f"the median of {len(spreads)} groups, from {min(spreads):.3f} to {max(spreads):.3f})."
    )


def _by_levels(rows: Rows) -> dict[tuple[Any, ...], list[float]]:
    groups: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        if row["bits"] is None:  # the training has diverged
            continue
        levels = tuple(value for name, value in sorted(row.items()) if name != "cell" and isinstance(value, str))
        groups.setdefault((*levels, row["learning_rate"], row["steps"]), []).append(row["bits"])
    return groups
