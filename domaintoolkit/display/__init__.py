"""Objects as notebooks show them: tokens in the colours of their fields, facts and tables."""

from domaintoolkit.display.colours import COLOURS, Colour, colour_numbers
from domaintoolkit.display.markup import Fragment, ShownChip

__all__ = ["COLOURS", "Colour", "Fragment", "ShownChip", "colour_numbers"]
