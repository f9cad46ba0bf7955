"""One colour per field; neighbours are distinct on a dark and on a light background."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["COLOURS", "Colour", "colour_numbers"]


class Colour(NamedTuple):
    """The name of a colour on a terminal, and its hue (0 to 360) on a page."""

    terminal: str
    hue: int


COLOURS = (
    Colour("cyan", 190),
    Colour("yellow", 45),
    Colour("magenta", 315),
    Colour("green", 130),
    Colour("blue", 220),
    Colour("red", 5),
    Colour("bright_magenta", 270),
    Colour("bright_yellow", 75),
    Colour("bright_cyan", 165),
    Colour("bright_red", 25),
    Colour("bright_blue", 245),
    Colour("bright_green", 100),
)


def colour_numbers(fields: Iterable[str | None]) -> dict[str | None, int]:
    """An index into `COLOURS` for each field; the colours repeat if there are more fields."""
    return {name: number % len(COLOURS) for number, name in enumerate(fields)}
