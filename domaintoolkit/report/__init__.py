"""What people look at: histories on a terminal and as pages."""

from domaintoolkit.report._history import Cell, History, ShownEvent, ShownToken, history_of
from domaintoolkit.report._screen import Screen

__all__ = ["Cell", "History", "Screen", "ShownEvent", "ShownToken", "history_of"]
