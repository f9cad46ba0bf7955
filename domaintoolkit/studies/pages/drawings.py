"""The figures of a study, each with what was fitted, to which points, with which residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from domaintoolkit.report.charts import Figure, Series, Table, bar_chart, line_chart
from domaintoolkit.report.charts.figure import number_text
from domaintoolkit.studies.analysis.column_names import column_name, is_better_higher
from domaintoolkit.studies.analysis.differences import difference
from domaintoolkit.studies.analysis.laws import Law, fit_law, leave_largest_out
from domaintoolkit.studies.analysis.points import points_of
from domaintoolkit.studies.study import StudyFigure

__all__ = ["DrawnFigure", "draw_figure"]

Rows = Sequence[Mapping[str, Any]]
FITS = (
    "", "points", "floor", "95%", "scale", "exponent", "95%", "largest residual", "largest left out: expected",
    "measured", "off",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """A figure, and what is said about it."""

    figure: Figure
    sentences: list[str]
    fits: Table | None = None
    """A row for each law."""
    residuals: Table | None = None


def draw_figure(declared: StudyFigure, rows: Rows) -> DrawnFigure | None:
    """The figure of some rows of a study; None if no row has what it shows."""
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


def _draw_law(declared: StudyFigure, rows: Rows) -> DrawnFigure:
    series: list[Series] = []
    sentences: list[str] = []
    residuals: list[list[Any]] = []
    fits: list[list[Any]] = []
    lines = {name: points_of(own, declared.x, declared.y) for name, own in _groups(declared, rows).items()}
    if any(len(x) > 1 for x, _ in lines.values()):  # a line with one point says nothing of how it falls
        lines = {name: points for name, points in lines.items() if len(points[0]) > 1}
    for number, (line, (x, values)) in enumerate(lines.items()):
        means = [float(np.mean(each)) for each in values]
        low, high = [min(each) for each in values], [max(each) for each in values]
        name = line or "all runs"
        series.append(Series(name, x, means, low, high, "points", number % 8))
        try:
            law = fit_law(x, values)
        except ValueError as error:
            sentences.append(f"{name}: no law is fitted; {error}.")
            continue
        curve = np.geomspace(min(x), max(x) * 2, 60).tolist()
        expected = [law(place) for place in curve]
        series.append(Series(f"{name}, fitted", curve, expected, style="dashed", colour=number % 8, in_table=False,
                             in_legend=False))  # fmt: skip
        sentences.append(_law_sentence(name, law))
        residuals += [
            [name, place, mean, law(place), rest] for place, mean, rest in zip(law.x, law.y, law.residuals, strict=True)
        ]
        predicted = leave_largest_out(x, values)
        fits.append(_fit_row(name, law, predicted))
        if predicted is not None:
            _, foretold, measured = predicted
            off = abs(foretold - measured) / measured
            sentences.append(
                f"{name}: fitted without the largest ({number_text(max(x))}), the law expects {foretold:.3f} there; "
                f"measured is {measured:.3f}, {off:.2%} off."
            )
    caption = "Points are means over seeds, with the least and the greatest; dashed lines are fitted laws."
    ends = [value for each in series for value in each.y]
    figure = line_chart(declared.title, series, column_name(declared.x), column_name(declared.y), caption, log_x=True,
                        log_y=max(ends) > 3 * min(ends) > 0)  # fmt: skip
    header = ("", column_name(declared.x), "measured", "fitted", "residual")
    return DrawnFigure(
        figure, sentences, Table.of(FITS, fits) if fits else None, Table.of(header, residuals) if residuals else None
    )


def _fit_row(name: str, law: Law, predicted: tuple[Law, float, float] | None) -> list[Any]:
    row: list[Any] = [
        name, len(law.x), f"{law.floor:.3f}", _ends(law.floor_interval), f"{law.scale:.4g}", f"{law.exponent:.3f}",
        _ends(law.exponent_interval), f"{max(abs(rest) for rest in law.residuals):.3f}",
    ]  # fmt: skip
    if predicted is None:
        return [*row, "", "", ""]
    _, expected, measured = predicted
    return [*row, f"{expected:.3f}", f"{measured:.3f}", f"{expected / measured - 1:+.2%}"]


def _ends(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _law_sentence(name: str, law: Law) -> str:
    said = f"{name}: {law.formula}, fitted by Huber loss on logarithms to {len(law.x)} points"
    if law.exponent_interval is not None and law.floor_interval is not None:
        low, high = law.exponent_interval
        said += (
            f"; the exponent is {low:.3f} to {high:.3f} and the floor {law.floor_interval[0]:.2f} to "
            f"{law.floor_interval[1]:.2f} (95%, bootstrap over seeds)"
        )
    worst = max((abs(rest) for rest in law.residuals), default=0.0)
    # three coefficients
    few = " Any three points lie near some law: these do not test it." if len(law.x) == 3 else ""
    few += " These points do not fix the exponent: it lies at the end of the search." if law.is_at_end else ""
    return f"{said}; the largest residual is {worst:.3f}.{few}"


def _draw_curves(declared: StudyFigure, rows: Rows) -> DrawnFigure:
    """Means over seeds, a line for each group; or, with `x = "seconds"` or `"steps"`, the course of validation."""
    series = []
    for number, (line, own) in enumerate(_groups(declared, rows).items()):
        x, values = points_of(own, declared.x, declared.y)
        means = [float(np.mean(each)) for each in values]
        low, high = [min(each) for each in values], [max(each) for each in values]
        series.append(Series(line or "all runs", x, means, low, high, "both", number % 8))
    figure = line_chart(declared.title, series, column_name(declared.x), column_name(declared.y),
                        "Means over seeds, with the least and the greatest.", log_x=declared.log_x)  # fmt: skip
    return DrawnFigure(figure, [_best_sentence(declared, rows)])


def _best_sentence(declared: StudyFigure, rows: Rows) -> str:
    word, choose = ("highest", max) if is_better_higher(declared.y) else ("lowest", min)
    best = choose(rows, key=lambda row: float(row[declared.y]))
    level = f" ({declared.lines} {best.get(declared.lines)})" if declared.lines else ""
    x = best[declared.x]
    # the levels of an axis are texts, also if they are numbers
    place = f"{column_name(declared.x)} {x if isinstance(x, str) else number_text(x)}{level}"
    return f"The {word} {column_name(declared.y)} is {best[declared.y]:.3f}, at {place}."


def _draw_bars(declared: StudyFigure, rows: Rows) -> DrawnFigure:
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(str(row[declared.x]), []).append(float(row[declared.y]))
    names = list(groups)
    means = {name: float(np.mean(values)) for name, values in groups.items()}
    base = declared.base if declared.base in groups else names[0]
    shifted = {name: [value - means[base] for value in values] for name, values in groups.items()}
    figure = bar_chart(
        declared.title, names, {f"less {base}": [means[name] - means[base] for name in names]},
        f"{column_name(declared.y)}, difference from {base}",
        f"Means over seeds; the lines are the least and the greatest. {base} has {number_text(means[base])}.",
        {f"less {base}": [(min(shifted[name]), max(shifted[name])) for name in names]},
        [number_text(means[name]) for name in names],
    )  # fmt: skip
    return DrawnFigure(
        figure, [_compare(name, groups[name], groups[base], base, declared.y) for name in names if name != base]
    )


def _compare(name: str, own: Sequence[float], other: Sequence[float], base: str, column: str) -> str:
    """A difference with its 95% interval (Welch's), or that it is none."""
    found = difference([(own, other)])
    if found.reach is None:
        return f"{name}: {found.gap:+.3f} against {base}, with one seed: too few to tell."
    if abs(found.gap) <= found.reach:
        lies = f"lies within {found.reach:.3f} of zero (95%, {len(own)} seeds)"
        return f"{name}: none; {found.gap:+.3f} against {base} {lies}."
    better, size = "lower" if found.gap < 0 else "higher", abs(found.gap)
    interval = f"95%: {size - found.reach:.3f} to {size + found.reach:.3f}"
    return f"{name}: {better} {column_name(column)} than {base} by {size:.3f} ({interval})."
