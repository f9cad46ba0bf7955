"""Objects as notebooks show them: tokens in the colours of their fields, tables and progress."""

from domaintoolkit.display.colours import COLOURS, Colour, colour_numbers
from domaintoolkit.display.markup import Fragment, ShownChip
from domaintoolkit.display.progress import ProgressBar

__all__ = ["COLOURS", "Colour", "Fragment", "ProgressBar", "ShownChip", "colour_numbers"]
