"""Objects as notebooks show them: tokens in the colours of their fields, tables and progress."""

from domaintoolkit.display.colours import COLOURS, Colour, colour_numbers
from domaintoolkit.display.live_line import LiveLine, ShownState, fit_parts
from domaintoolkit.display.markup import Fragment, ShownChip
from domaintoolkit.display.progress import ProgressBar

__all__ = [
    "COLOURS",
    "Colour",
    "Fragment",
    "LiveLine",
    "ProgressBar",
    "ShownChip",
    "ShownState",
    "colour_numbers",
    "fit_parts",
]
