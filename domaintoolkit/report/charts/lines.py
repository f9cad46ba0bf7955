"""Lines, points with intervals, and curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from domaintoolkit.report.charts.axes import Frame, scale_over
from domaintoolkit.report.charts.figure import WIDTH, Figure, Table, drawing, legend, number_text, shape, tip

__all__ = ["Series", "line_chart"]

POINTS = 160
"""Points of a series that are drawn; of more, every n-th, the last included."""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one name. `low` and `high` are the ends of intervals."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    style: str = "line"
    """`line`, `dashed`, `points`, or `both`."""
    colour: int | None = None
    in_table: bool = True
    in_legend: bool = True
    """False for a line that belongs to another series of its colour, which hides and shows it."""


def line_chart(
    title: str,
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    caption: str = "",
    log_x: bool = False,
    log_y: bool = False,
    height: float = 300,
    y_range: tuple[float, float] | None = None,
) -> Figure:
    """A picture of series over a common axis."""
    numbered = [each.colour if each.colour is not None else k % 8 for k, each in enumerate(series)]
    named = [(each.name, colour) for each, colour in zip(series, numbered, strict=True) if each.in_legend]
    keys, above = legend([name for name, _ in named], [colour for _, colour in named])
    ends = [value for each in series for side in (each.y, each.low or (), each.high or ()) for value in side]
    frame = Frame(
        scale_over((value for each in series for value in each.x), 64, WIDTH - 14, log_x),
        scale_over(y_range or ends, height + above - 44, above + 10, log_y),
        x_label,
        y_label,
    )
    marks = "".join(_draw(each, colour, frame) for each, colour in zip(series, numbered, strict=True))
    return Figure(title, drawing(frame.draw() + marks + keys, height + above, title), _table(series, x_label), caption)


def _draw(series: Series, colour: int, frame: Frame) -> str:
    kept = _thin(len(series.x))
    places = [
        (number, frame.across(series.x[number]), frame.up(series.y[number]))
        for number in kept
        if math.isfinite(series.y[number]) and math.isfinite(series.x[number])
    ]
    marks = []
    if series.style != "points" and len(places) > 1:
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for _, x, y in places)
        marks.append(shape("path", d=path, class_=f"line {series.style}"))
    if series.style != "dashed":
        for number, x, y in places:
            said = f"{series.name}: {number_text(series.y[number])} at {number_text(series.x[number])}"
            if series.low is not None and series.high is not None:
                said += f" ({number_text(series.low[number])} to {number_text(series.high[number])})"
                low, high = frame.up(series.low[number]), frame.up(series.high[number])
                marks.append(shape("line", x1=x, x2=x, y1=low, y2=high, class_="line"))
            shown = "dot" if series.style in ("points", "both") else "dot faint"
            marks.append(shape("circle", tip(said), cx=x, cy=y, r=4.0, class_=shown, data_tip=said))
    return shape("g", "".join(marks), class_=f"series c{colour}", data_series=colour)


def _thin(count: int) -> list[int]:
    step = max(1, -(-count // POINTS))
    return sorted({*range(0, count, step), count - 1} - {-1})


def _table(series: Sequence[Series], x_label: str) -> Table:
    """Every number: a row for each place on the common axis."""
    shown = [each for each in series if each.in_table]
    # series may have their points at different places
    places = sorted({value for each in shown for value in each.x})
    if len(places) > POINTS:
        keep = _thin(len(places))
        places = [places[number] for number in keep]
    known = [_by_place(each) for each in shown]
    rows = [[place, *(values.get(place) for values in known)] for place in places]
    return Table.of([x_label, *(each.name for each in shown)], rows)


def _by_place(series: Series) -> dict[float, str]:
    found: dict[float, list[str]] = {}
    for number, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        said = number_text(y)
        if series.low is not None and series.high is not None:
            said += f" ({number_text(series.low[number])} to {number_text(series.high[number])})"
        found.setdefault(x, []).append(said)
    # a place has several values if a series repeats it, as seeds do
    return {x: ", ".join(values[:8]) for x, values in found.items()}
