"""Matrices of shares as coloured squares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from domaintoolkit.report.charts.figure import LETTER, WIDTH, Figure, Table, drawing, shape, shorten, text, tip

__all__ = ["heat_map"]

NAME = 16
GAP = 10
LEAST, MOST = 36.0, 64.0
"""Units of a cell: the least that holds its share as text, and the most."""


def heat_map(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    matrices: Mapping[str, Sequence[Sequence[float]]],
    caption: str = "",
) -> Figure:
    """Matrices of shares from 0 to 1 (NaN: none) beside one another, with the same rows and columns."""
    left = 10 + LETTER * max((min(len(name), NAME) for name in rows), default=3)
    # names of columns lean to the right, over the last one's end
    slant = 14 + 0.72 * LETTER * max((min(len(name), NAME) for name in columns), default=3)
    room = WIDTH - left - max(0.0, slant - 30)
    beside = (room - GAP * (len(matrices) - 1)) / len(matrices)
    is_beside = beside >= LEAST * len(columns)
    cell = min((beside if is_beside else room) / max(1, len(columns)), MOST)
    tall = min(cell, 34.0)
    high = 30 + slant + tall * len(rows)
    marks, table = [], []
    for number, (name, matrix) in enumerate(matrices.items()):
        begin, top = (left + number * (beside + GAP), 0.0) if is_beside else (left, number * high)
        marks.append(text(name, begin, top + 14, class_="key"))
        for k, column in enumerate(columns):
            x, y = begin + (k + 0.5) * cell, top + 20 + slant
            marks.append(text(shorten(column, NAME), x, y, class_="tick", transform=f"rotate(-45 {x:.1f} {y:.1f})"))
        for row, (row_name, values) in enumerate(zip(rows, matrix, strict=True)):
            y = top + 26 + slant + row * tall
            if number == 0 or not is_beside:
                marks.append(text(shorten(row_name, NAME), left - 6, y + tall / 2 + 4, "end", class_="tick"))
            for k, value in enumerate(values):
                said = f"{name}, {row_name} then {columns[k]}: {_share(value, 1)}"
                x = begin + k * cell
                marks.append(_cell(value, (x, y), (cell - 1.5, tall - 1.5), said))
            table.append([name, row_name, *(_share(value, 1) for value in values)])
    height = high * (1 if is_beside else len(matrices)) + 4
    return Figure(title, drawing("".join(marks), height, title), Table.of(["", "from", *columns], table), caption)


def _share(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}%}"


def _cell(value: float, place: tuple[float, float], size: tuple[float, float], said: str) -> str:
    """A square as strong in colour as the share is large, never so strong that its text is hard to read."""
    (x, y), (wide, tall) = place, size
    share = 0.0 if math.isnan(value) else min(1.0, max(0.0, value))
    ground = shape("rect", tip(said), x=x, y=y, width=wide, height=tall, class_="cell", data_tip=said)
    over = shape("rect", x=x, y=y, width=wide, height=tall, class_="fill c0", opacity=round(0.55 * share, 3),
                 pointer_events="none")  # fmt: skip
    shown = text(_share(value, 0), x + wide / 2, y + tall / 2 + 4, "middle", class_="key", pointer_events="none")
    return ground + over + (shown if wide >= LEAST - 2 else "")
