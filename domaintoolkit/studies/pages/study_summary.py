"""The summary of a study, as Markdown with pictures and small tables beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domaintoolkit.report.charts import Table
from domaintoolkit.report.charts.figure import number_text
from domaintoolkit.report.charts.standalone import name_files, standalone_svg
from domaintoolkit.studies.analysis.column_names import column_name
from domaintoolkit.studies.analysis.verdicts import Verdict
from domaintoolkit.studies.pages.drawings import DrawnFigure
from domaintoolkit.studies.pages.study_page import facts_of, notes_of, seed_spread
from domaintoolkit.studies.study_results import StudyResults

__all__ = ["summary_files"]

MEASURED = ("inner_parameters", "training_events", "bits", "markov_bits", "recall", "seconds_a_step")
LONG = 40
"""Rows of a table that a summary shows; longer ones are files."""


def summary_files(
    results: StudyResults, drawn: Sequence[DrawnFigure], verdicts: Sequence[Verdict], folder: str
) -> dict[str, str]:
    """The text of each file by its name in the folder beside the summary, whose own name is empty."""
    study = results.study
    names = name_files([each.figure.title for each in drawn])
    pictures = {f"{name}.svg": standalone_svg(each.figure) for name, each in zip(names, drawn, strict=True)}
    parts = [f"# {study.title}", "", study.question, "", "## How it was run", ""]
    parts += ["```", results.command, "```", "", *(f"- {name}: {value}" for name, value in facts_of(results)), ""]
    parts += [seed_spread(results.rows), ""]
    parts += [line for each in notes_of(results, drawn) for line in (_plain(each), "")]
    if verdicts:
        parts += ["## What others have found, and what these runs say", ""]
        parts += [line for each in verdicts for line in _verdict(each)]
    parts += ["## Figures", ""]
    for each, picture in zip(drawn, pictures, strict=True):
        parts += _figure(each, f"{folder}/{picture}")
    means = _mean_table(results)
    parts += ["## Runs", "", f"Means over seeds; each run has a row in [results.csv]({folder}/results.csv).", ""]
    if len(means.rows) <= LONG:
        parts += [*_table(means), ""]
    return {"": "\n".join(parts).rstrip("\n") + "\n", "results.csv": _csv(results), **pictures}


def _verdict(verdict: Verdict) -> list[str]:
    finding = verdict.finding
    said = f"{_plain(finding.claim)} ({finding.source})"
    lines = [f"- **{verdict.answer}**: {said}<br>Here: {_plain(verdict.sentence)}", ""]
    return lines if verdict.table is None else [*lines, *_table(verdict.table), ""]


def _figure(drawn: DrawnFigure, picture: str) -> list[str]:
    lines = [f"### {drawn.figure.title}", "", f"![{drawn.figure.title}]({picture})", "", drawn.figure.caption, ""]
    lines += [f"- {_plain(each)}" for each in drawn.sentences]
    for table in (drawn.fits, drawn.residuals):
        if table is not None and len(table.rows) <= LONG:
            lines += ["", *_table(table)]
    return [*lines, ""]


def _table(table: Table) -> list[str]:
    rules = ("---" if is_text else "---:" for is_text in table.is_text)
    return [_row(table.header), f"|{'|'.join(rules)}|", *(_row(row) for row in table.rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Text in which no character means something to Markdown or HTML."""
    for character in ("\\", "|", "*", "_", "<", ">", "`", "["):
        text = text.replace(character, f"\\{character}")
    return text


def _mean_table(results: StudyResults) -> Table:
    """A row for each combination of levels, with the mean and the standard deviation of the loss over seeds."""
    axes = [axis for axis in results.study.axes if len({row[axis] for row in results.rows}) > 1]
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in results.rows:
        if row["is_chosen"]:
            groups.setdefault(tuple(row[axis] for axis in axes), []).append(row)
    known = [name for name in MEASURED if any(row.get(name) is not None for row in results.rows)]
    rows = []
    for levels, own in groups.items():
        cells = [_mean([row[name] for row in own if row.get(name) is not None], name == "bits") for name in known]
        rows.append([*("" if level is None else level for level in levels), str(len(own)), *cells])
    return Table.of([*axes, "seeds", *map(column_name, known)], rows)


def _mean(values: Sequence[float], with_spread: bool) -> str:
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.3f}" if with_spread and len(values) > 1 else ""
    return f"{number_text(float(np.mean(values)))}{spread}"


def _csv(results: StudyResults) -> str:
    """Each run's levels, seed and main measurements, with six digits."""
    names = [*results.study.axes, "seed", "learning_rate", "is_chosen", "steps", "events_seen", "flops", *MEASURED]
    names += ["gain", "value_bits", "invalidation", "embedding_norm"]
    names += sorted({name for row in results.rows for name in row if name.startswith("auroc.")})
    names = [name for name in names if any(row.get(name) is not None for row in results.rows)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in results.rows:
        writer.writerow([_short(row.get(name)) for name in names])
    return text.getvalue()


def _short(value: Any) -> Any:
    return "" if value is None else float(f"{value:.6g}") if isinstance(value, float) else value
