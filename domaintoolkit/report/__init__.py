"""What people look at: histories on a terminal and as pages."""

from domaintoolkit.report._history import Cell, History, ShownEvent, ShownToken, history_of
from domaintoolkit.report._page import history_page
from domaintoolkit.report._screen import Screen, counted
from domaintoolkit.report._stored import StoredStream, find_stream, first_stream

__all__ = [
    "Cell",
    "History",
    "Screen",
    "ShownEvent",
    "ShownToken",
    "StoredStream",
    "counted",
    "find_stream",
    "first_stream",
    "history_of",
    "history_page",
]
