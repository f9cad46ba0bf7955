"""Objects as notebooks show them: tokens in the colours of their fields, tables and progress."""

from domaintoolkit.display.colours import COLOURS, Colour, colour_numbers
from domaintoolkit.display.live_line import LiveLine, ShownState, fit_parts
from domaintoolkit.display.markup import CHIP_STYLE, Fragment, ShownChip, chip_html
from domaintoolkit.display.progress import ProgressBar

__all__ = [
    "CHIP_STYLE",
    "COLOURS",
    "Colour",
    "Fragment",
    "LiveLine",
    "ProgressBar",
    "ShownChip",
    "ShownState",
    "chip_html",
    "colour_numbers",
    "fit_parts",
]
