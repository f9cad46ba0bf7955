"""`Figure`: a picture, its caption and the table behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from domaintoolkit.errors import printable

__all__ = ["Figure", "Table", "drawing", "legend", "shape", "text", "tip"]

WIDTH = 480
"""Units of a picture's width: its text is 13 of them high, and is to be read on a phone, which has some 350 pixels."""
NUMBER = re.compile(r"^[-+<]?[\d.,]*(e[-+]?\d+)?[%kMG]?($| \(| to [-+\d])|^(nan|too few)$")
LETTER = 8.2
"""Mean width of a letter at the size of a legend's text, in a font of wide letters."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are shown; columns of text are set apart from those of numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
        """A table of any values, numbers written short."""
        return cls(tuple(header), tuple(tuple(map(cell_text, row)) for row in rows))

    @property
    def is_text(self) -> list[bool]:
        """For each column, True if one of its cells is not a number."""
        return [any(not NUMBER.match(row[place]) for row in self.rows) for place in range(len(self.header))]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its title, what it shows in a sentence, and its numbers. The caption is plain text."""

    title: str
    svg: str
    """An element `<svg>`, whose colours are classes of the page's style."""
    table: Table
    caption: str = ""


def cell_text(value: Any) -> str:
    """A value in a table: numbers with about four digits."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return number_text(value)


def number_text(value: float) -> str:
    """A number with about four digits."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    # larger floats are all whole, and do not mean their last digits
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    size = abs(value)
    if size >= 1e15:
        return f"{value:.4g}"
    return f"{value:,.0f}" if size >= 1e4 else f"{value:.3g}" if size < 0.1 else f"{value:,.{3 if size < 100 else 1}f}"


def shape(name: str, content: str = "", **attributes: Any) -> str:
    """An element; in the names of attributes `_` stands for `-`, and `class_` for `class`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{plain(_attribute(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def _attribute(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(content: str, x: float, y: float, anchor: str = "start", **attributes: Any) -> str:
    """A line of text."""
    return shape("text", plain(content), x=x, y=y, text_anchor=anchor, **attributes)


def tip(content: str) -> str:
    """The text that a mark shows when it is pointed at."""
    return shape("title", plain(content))


def plain(content: str) -> str:
    """Text in a picture: what XML cannot hold is written out, or replaced."""
    return escape(re.sub("[\ufffe\uffff]", "\ufffd", printable(content)))


def drawing(content: str, height: float, label: str) -> str:
    """The whole picture."""
    # a picture with names that can be pressed is a group of things
    role = "group" if 'role="button"' in content else "img"
    return shape("svg", content, class_="chart", viewBox=f"0 0 {WIDTH} {height:.0f}", role=role, aria_label=label)


def legend(names: Sequence[str], colours: Sequence[int], top: float = 14, left: float = 4) -> tuple[str, float]:
    """(marks, the height they take) of the names of the series, in as many lines as they need.

    A name can be pressed, to hide its series and to show it again.
    """
    if len(names) < 2:
        return "", 0.0
    marks, x, y = [], left, top
    for name, colour in zip(names, colours, strict=True):
        shown = shorten(name, 34)
        wide = 30 + LETTER * len(shown)
        if x > left and x + wide > WIDTH:
            x, y = left, y + 18
        box = shape("rect", x=x, y=y - 9, width=11, height=11, rx=2, class_=f"fill c{colour}")
        whole = box + text(shown, x + 16, y, class_="key")
        marks.append(shape("g", whole, class_="legend", data_series=colour, tabindex=0, role="button",
                           aria_pressed="true"))  # fmt: skip
        x += wide
    return "".join(marks), y + 8


def shorten(name: str, most: int) -> str:
    """A name of at most `most` letters."""
    return name if len(name) <= most else f"{name[: most - 1]}…"
