"""The page of a study: its question, its figures with what was fitted, and its table."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit.report.charts import Figure, Series, Table, bar_chart, line_chart
from domaintoolkit.report.charts.figure import number_text
from domaintoolkit.report.pages.template import render_page
from domaintoolkit.studies.laws import Law, fit_law, leave_largest_out
from domaintoolkit.studies.study import Study, StudyFigure
from domaintoolkit.studies.time_budget import TimePlan

__all__ = ["study_page"]

Rows = Sequence[Mapping[str, Any]]
HIDDEN = ("cell",)
SHOWN_COLUMNS = 14
NAMES = {
    "bits": "bits an event (test)",
    "inner_parameters": "parameters without embeddings",
    "training_events": "training events",
    "flops": "FLOPs of training",
    "recall": "recall@10, mean over parts",
    "seconds_a_step": "seconds a step",
    "gain": "bits saved over the best baseline",
    "value_bits": "bits of the values an event",
    "embedding_norm": "mean norm of the embeddings",
    "invalidation": "invalidation rate",
}


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A figure, and what is said about it."""

    figure: Figure
    sentences: list[str]
    residuals: Table | None = None


def study_page(
    study: Study,
    form: str,
    table: pa.Table,
    measured: Sequence[Mapping[str, Any]],
    plan: TimePlan | None,
    domain: str | None,
) -> tuple[str, dict[str, str]]:
    """(the page, each figure as a picture of its own by a name for its file)."""
    rows: list[dict[str, Any]] = [
        {**row, "seconds_a_step": more.get("seconds_a_step"), "validation": more.get("validation", [])}
        for row, more in zip(table.to_pylist(), measured, strict=True)
    ]
    drawn = [found for each in study.figures if (found := _draw(each, rows)) is not None]
    seeds = sorted({row["seed"] for row in rows})
    facts = [
        ("runs", f"{len(rows):,}"), ("seeds", ", ".join(map(str, seeds))), ("form", form), ("data", domain or "given"),
        ("events of the test", f"{max((row.get('test_events') or 0 for row in rows), default=0):,}"),
    ]  # fmt: skip
    if plan is not None:
        facts.append(("budget", f"{plan.factor:.0%} of the steps, {plan.seeds} seeds"))
    page = render_page(
        "study.html", ("page.js",), {}, title=study.title, lead=study.question,
        sections=(("overview", "Overview"), ("figures", "Figures"), ("runs", "Runs")), overview=facts, drawn=drawn,
        published=study.published, spread=_spread(rows), table=_result_table(study, rows),
        footer="Written by domaintoolkit study. The table is in results.parquet and results.csv beside this page.",
    )  # fmt: skip
    return page, {_file_name(each.figure.title): each.figure.standalone() for each in drawn}


def _file_name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "figure"


def _name(column: str) -> str:
    return NAMES.get(column, column)


def _result_table(study: Study, rows: Rows) -> Table:
    columns = [*study.axes, "seed", "learning_rate", "steps", "inner_parameters", "training_events", "bits"]
    optional = ("markov_bits", "recall", "invalidation", "seconds_a_step")
    more = [name for name in optional if any(row.get(name) is not None for row in rows)]
    more += sorted({name for row in rows for name in row if name.startswith("auroc.")})
    columns = [*columns, *more]
    return Table.of(
        [_name(column) for column in columns],
        [["" if row.get(name) is None else row[name] for name in columns] for row in rows],
    )  # fmt: skip


def _spread(rows: Rows) -> str:
    """How far runs differ that differ in their seed alone."""
    groups = _by_levels(rows)
    spreads = [float(np.std(values, ddof=1)) for values in groups.values() if len(values) > 1]
    if not spreads:
        return "There is one seed, so nothing says how large a difference has to be to mean something."
    pooled = math.sqrt(sum(value**2 for value in spreads) / len(spreads))
    return (
        f"Runs that differ only in their seed differ by {pooled:.3f} bits an event (standard deviation, pooled over "
        f"{len(spreads)} groups): a difference of means below {2 * pooled / math.sqrt(3):.3f} is called none."
    )


def _by_levels(rows: Rows) -> dict[tuple[Any, ...], list[float]]:
    groups: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        levels = tuple(value for name, value in sorted(row.items()) if name != "cell" and isinstance(value, str))
        groups.setdefault((*levels, row["learning_rate"], row["steps"]), []).append(row["bits"])
    return groups


def _draw(declared: StudyFigure, rows: Rows) -> _Drawn | None:
    kept = [
        row for row in rows
        if all(str(row.get(axis)) == level for axis, level in declared.only.items())
        and not any(str(row.get(axis)) == level for axis, level in declared.without.items())
        and (row["is_chosen"] or declared.every_run)
        and row.get(declared.y) is not None and row.get(declared.x) is not None
    ]  # fmt: skip
    if not kept:
        return None
    if declared.kind == "bars":
        return _draw_bars(declared, kept)
    if declared.kind == "curves":
        return _draw_curves(declared, kept)
    return _draw_law(declared, kept)


def _groups(declared: StudyFigure, rows: Rows) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of each line; one without a name if there are no lines."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        level = "" if declared.lines is None else row.get(declared.lines)
        if level is not None:
            found.setdefault(str(level), []).append(row)
    return found


def _points(declared: StudyFigure, rows: Rows) -> tuple[list[float], list[list[float]]]:
    """(places, the values of each): runs at one place differ in their seed."""
    found: dict[float, list[float]] = {}
    for row in rows:
        found.setdefault(float(row[declared.x]), []).append(float(row[declared.y]))
    places = sorted(found)
    return places, [found[place] for place in places]


def _draw_law(declared: StudyFigure, rows: Rows) -> _Drawn:
    series: list[Series] = []
    sentences: list[str] = []
    residuals: list[list[Any]] = []
    for number, (line, own) in enumerate(_groups(declared, rows).items()):
        x, values = _points(declared, own)
        means = [float(np.mean(each)) for each in values]
        low, high = [min(each) for each in values], [max(each) for each in values]
        name = line or "measured"
        series.append(Series(name, x, means, low, high, "points", number % 8))
        try:
            law = fit_law(x, values)
        except ValueError as error:
            sentences.append(f"{name}: no law is fitted; {error}.")
            continue
        curve = np.geomspace(min(x), max(x) * 2, 60).tolist()
        expected = [law(place) for place in curve]
        series.append(Series(f"{name}, fitted", curve, expected, style="dashed", colour=number % 8, in_table=False))
        sentences.append(_law_sentence(name, law))
        residuals += [
            [name, place, mean, law(place), rest] for place, mean, rest in zip(law.x, law.y, law.residuals, strict=True)
        ]
        predicted = leave_largest_out(x, values)
        if predicted is not None:
            _, foretold, measured = predicted
            off = abs(foretold - measured) / measured
            sentences.append(
                f"{name}: fitted without the largest ({number_text(max(x))}), the law expects {foretold:.3f} there; "
                f"measured is {measured:.3f}, {off:.2%} off."
            )
    caption = "Points are means over seeds, with the least and the greatest; dashed lines are fitted laws."
    figure = line_chart(declared.title, series, _name(declared.x), _name(declared.y), caption, log_x=True)
    header = ("", _name(declared.x), "measured", "fitted", "residual")
    return _Drawn(figure, sentences, Table.of(header, residuals) if residuals else None)


def _law_sentence(name: str, law: Law) -> str:
    said = f"{name}: {law.formula}, fitted by Huber loss on logarithms to {len(law.x)} points"
    if law.exponent_interval is not None and law.floor_interval is not None:
        low, high = law.exponent_interval
        said += (
            f"; the exponent is {low:.3f} to {high:.3f} and the floor {law.floor_interval[0]:.2f} to "
            f"{law.floor_interval[1]:.2f} (95%, bootstrap over seeds)"
        )
    worst = max((abs(rest) for rest in law.residuals), default=0.0)
    return f"{said}; the largest residual is {worst:.3f}."


def _draw_curves(declared: StudyFigure, rows: Rows) -> _Drawn:
    """Means over seeds, a line for each group; or, with `x = "seconds"` or `"steps"`, the course of validation."""
    series = []
    for number, (line, own) in enumerate(_groups(declared, rows).items()):
        x, values = _points(declared, own)
        means = [float(np.mean(each)) for each in values]
        low, high = [min(each) for each in values], [max(each) for each in values]
        series.append(Series(line or "measured", x, means, low, high, "both", number % 8))
    figure = line_chart(declared.title, series, _name(declared.x), _name(declared.y),
                        "Means over seeds, with the least and the greatest.", log_x=declared.log_x)  # fmt: skip
    return _Drawn(figure, [_best_sentence(declared, rows)])


def _best_sentence(declared: StudyFigure, rows: Rows) -> str:
    best = min(rows, key=lambda row: float(row[declared.y]))
    level = f" ({declared.lines} {best.get(declared.lines)})" if declared.lines else ""
    place = f"{_name(declared.x)} {number_text(best[declared.x])}{level}"
    return f"The lowest {_name(declared.y)} is {best[declared.y]:.3f}, at {place}."


def _draw_bars(declared: StudyFigure, rows: Rows) -> _Drawn:
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(str(row[declared.x]), []).append(float(row[declared.y]))
    names = list(groups)
    means = {name: float(np.mean(values)) for name, values in groups.items()}
    base = declared.base if declared.base in groups else names[0]
    shifted = {name: [value - means[base] for value in values] for name, values in groups.items()}
    figure = bar_chart(
        declared.title, names, {f"less {base}": [means[name] - means[base] for name in names]},
        f"{_name(declared.y)}, difference from {base}",
        f"Means over seeds; the lines are the least and the greatest. {base} has {number_text(means[base])}.",
        {f"less {base}": [(min(shifted[name]), max(shifted[name])) for name in names]},
        [number_text(means[name]) for name in names],
    )  # fmt: skip
    return _Drawn(
        figure, [_compare(name, groups[name], groups[base], base, declared.y) for name in names if name != base]
    )


def _compare(name: str, own: Sequence[float], other: Sequence[float], base: str, column: str) -> str:
    """A difference with its 95% interval (Welch's), or that it is none."""
    gap = float(np.mean(own) - np.mean(other))
    if min(len(own), len(other)) < 2:
        return f"{name}: {gap:+.3f} against {base}, with one seed: too few to tell."
    errors = [float(np.var(values, ddof=1)) / len(values) for values in (own, other)]
    spread = math.sqrt(sum(errors))
    parts = sum(error**2 / (len(values) - 1) for error, values in zip(errors, (own, other), strict=True))
    freedom = sum(errors) ** 2 / max(1e-300, parts)
    from scipy.stats import t

    reach = float(t.ppf(0.975, max(1.0, freedom))) * spread
    if abs(gap) <= reach:
        return f"{name}: none; {gap:+.3f} against {base} lies within {reach:.3f} of zero (95%, {len(own)} seeds)."
    better, interval = "lower" if gap < 0 else "higher", f"95%: {abs(gap) - reach:.3f} to {abs(gap) + reach:.3f}"
    return f"{name}: {better} {_name(column)} than {base} by {abs(gap):.3f} ({interval})."
