"""Matrices of shares as coloured squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domaintoolkit.report.charts.figure import LETTER, WIDTH, Figure, Table, drawing, shape, shorten, text, tip

__all__ = ["heat_map"]

NAME = 16


def heat_map(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    matrices: Mapping[str, Sequence[Sequence[float]]],
    caption: str = "",
) -> Figure:
    """Matrices of shares from 0 to 1 beside one another, with the same rows and columns."""
    left = 10 + LETTER * max((min(len(name), NAME) for name in rows), default=3)
    wide = (WIDTH - left - 8 * len(matrices)) / len(matrices)
    cell = min(wide / max(1, len(columns)), 64.0)
    slant = 18 + 0.72 * LETTER * max((min(len(name), NAME) for name in columns), default=3)
    tall = min(cell, 34.0)
    marks, table = [], []
    for number, (name, matrix) in enumerate(matrices.items()):
        begin = left + number * (wide + 8)
        marks.append(text(name, begin, 14, class_="key"))
        for k, column in enumerate(columns):
            x, y = begin + (k + 0.5) * cell, 20 + slant
            marks.append(text(shorten(column, NAME), x, y, class_="tick", transform=f"rotate(-45 {x:.1f} {y:.1f})"))
        for row, (row_name, values) in enumerate(zip(rows, matrix, strict=True)):
            y = 26 + slant + row * tall
            if number == 0:
                marks.append(text(shorten(row_name, NAME), left - 6, y + tall / 2 + 4, "end", class_="tick"))
            for k, value in enumerate(values):
                said = f"{name}, {row_name} then {columns[k]}: {value:.1%}"
                x = begin + k * cell
                marks.append(shape("rect", tip(said), x=x, y=y, width=cell - 1.5, height=tall - 1.5, class_="heat",
                                   style=f"--share: {min(1.0, max(0.0, value)):.3f}", data_tip=said))  # fmt: skip
                if cell >= 34:
                    shown = f"{value:.0%}"
                    ink = "tick on" if value > 0.4 else "tick"
                    marks.append(text(shown, x + cell / 2 - 1, y + tall / 2 + 4, "middle", class_=ink))
            table.append([name, row_name, *(f"{value:.1%}" for value in values)])
    height = 34 + slant + tall * len(rows)
    return Figure(title, drawing("".join(marks), height, title), Table.of(["", "from", *columns], table), caption)
