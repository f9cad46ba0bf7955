"""Bars beside one another, and histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from domaintoolkit.report.charts.axes import Frame, Scale1D, scale_over, tick_text
from domaintoolkit.report.charts.figure import (
    LETTER,
    WIDTH,
    Figure,
    Table,
    drawing,
    legend,
    number_text,
    shape,
    shorten,
    text,
    tip,
)  # fmt: skip

__all__ = ["bar_chart", "histogram"]

NAME = 21
"""Letters of a name beside its bars."""


def bar_chart(
    title: str,
    names: Sequence[str],
    values: Mapping[str, Sequence[float]],
    x_label: str,
    caption: str = "",
    intervals: Mapping[str, Sequence[tuple[float, float] | None]] | None = None,
    texts: Sequence[str] | None = None,
) -> Figure:
    """Lying bars, one for each series under each name; with `intervals`, each has its ends. `texts` end the rows."""
    series = list(values)
    keys, above = legend(series, list(range(len(series))))
    # all lengths are in the units of the picture, which is `WIDTH` wide and scaled to the page
    thick = 15 if len(series) == 1 else 11
    # the bars of a name, and the gap before the next name
    step = thick * len(series) + 9
    left = 14 + LETTER * max((min(len(name), NAME) for name in names), default=4)
    height = above + 12 + step * len(names) + 44
    known = intervals or {}
    ends = [value for each in values.values() for value in each if math.isfinite(value)]
    ends += [end for each in known.values() for pair in each if pair for end in pair if math.isfinite(end)]
    room = 16 + (LETTER * max(map(len, texts), default=0) if texts else 0)
    across = scale_over(ends, left, WIDTH - room, zero=True)
    marks = [_grid(across, above + 8, height - 40)]
    for row, name in enumerate(names):
        top = above + 12 + step * row
        marks.append(text(shorten(name, NAME), left - 8, top + (step - 9) / 2 + 4, "end", class_="tick"))
        if texts:
            marks.append(text(texts[row], WIDTH - 2, top + (step - 9) / 2 + 4, "end", class_="tick"))
        for number, each in enumerate(series):
            value = values[each][row]
            if not math.isfinite(value):
                continue
            pair = known[each][row] if each in known else None
            said = f"{name}, {each}: {number_text(value)}"
            said += f" ({number_text(pair[0])} to {number_text(pair[1])})" if pair else ""
            begin, end = sorted((across(0), across(value)))
            y = top + thick * number
            # a value near zero still shows as a thin line
            bar = shape("rect", tip(said), x=begin, y=y, width=max(end - begin, 0.8), height=thick - 2.0, rx=1.5,
                        class_="fill", data_tip=said)  # fmt: skip
            if pair:
                middle = y + thick / 2 - 1
                bar += shape("line", x1=across(pair[0]), x2=across(pair[1]), y1=middle, y2=middle, class_="whisker")
            marks.append(shape("g", bar, class_=f"series c{number}", data_series=number))
    marks.append(text(x_label, (left + WIDTH - room) / 2, height - 6, "middle", class_="label"))
    rows = [[name, *(_cell(values, known, each, row) for each in series)] for row, name in enumerate(names)]
    return Figure(title, drawing("".join(marks) + keys, height, title), Table.of(["", *series], rows), caption)


def _cell(
    values: Mapping[str, Sequence[float]],
    intervals: Mapping[str, Sequence[tuple[float, float] | None]],
    series: str,
    row: int,
) -> str:
    said = number_text(values[series][row])
    pair = intervals[series][row] if series in intervals else None
    return f"{said} ({number_text(pair[0])} to {number_text(pair[1])})" if pair else said


def _grid(across: Scale1D, top: float, bottom: float) -> str:
    marks = []
    for value in across.ticks():
        x = across(value)
        marks.append(shape("line", x1=x, x2=x, y1=top, y2=bottom, class_="axis" if value == 0 else "grid"))
        marks.append(text(tick_text(value), x, bottom + 16, "middle", class_="tick"))
    return "".join(marks)


def histogram(
    title: str,
    edges: Sequence[float],
    counts: Mapping[str, Sequence[float]],
    x_label: str,
    caption: str = "",
    log_x: bool = False,
    cuts: Sequence[float] = (),
    y_label: str = "share of values",
) -> Figure:
    """Counts between edges, each series as shares of its own sum; `cuts` are drawn over them as lines."""
    series = list(counts)
    keys, above = legend(series, list(range(len(series))))
    height = 230 + above
    shares = {name: _shares(values) for name, values in counts.items()}
    frame = Frame(
        scale_over(edges, 64, WIDTH - 12, log_x),
        scale_over([value for each in shares.values() for value in each], height - 44, above + 10, zero=True),
        x_label,
        y_label,
    )
    marks = [frame.draw()]
    for number, (name, values) in enumerate(shares.items()):
        marks.append(_steps(name, values, edges, frame, number, filled=number == 0))
    for cut in cuts:
        x = frame.across(cut)
        marks.append(shape("line", x1=x, x2=x, y1=frame.up.begin, y2=frame.up.end, class_="cut"))
    rows = [
        [f"{number_text(low)} to {number_text(high)}", *(f"{counts[name][k]:,.0f}" for name in series)]
        for k, (low, high) in enumerate(pairwise(edges))
    ]
    return Figure(title, drawing("".join(marks) + keys, height, title), Table.of([x_label, *series], rows), caption)


def _shares(values: Sequence[float]) -> list[float]:
    total = sum(values) or 1.0
    return [value / total for value in values]


def _steps(name: str, values: Sequence[float], edges: Sequence[float], frame: Frame, number: int, filled: bool) -> str:
    marks = []
    base = frame.up(0)
    outline = []
    for k, value in enumerate(values):
        left, right, top = frame.across(edges[k]), frame.across(edges[k + 1]), frame.up(value)
        said = f"{name}, {number_text(edges[k])} to {number_text(edges[k + 1])}: {value:.2%}"
        shown = "fill soft" if filled else "clear"
        marks.append(shape("rect", tip(said), x=left, y=top, width=max(right - left, 0.5), height=max(base - top, 0.5),
                           class_=shown, data_tip=said))  # fmt: skip
        # the upper edge of the bar; joined to the next one, these are the steps of the outline
        outline.append(f"{left:.1f} {top:.1f}L{right:.1f} {top:.1f}")
    if outline:
        marks.append(shape("path", d="M" + "L".join(outline), class_="line"))
    return shape("g", "".join(marks), class_=f"series c{number}", data_series=number)
