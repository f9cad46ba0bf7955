"""What people look at: histories on a terminal and as pages."""

from domaintoolkit.report.history import Cell, History, ShownEvent, ShownToken, history_of
from domaintoolkit.report.page import history_page
from domaintoolkit.report.screen import Screen, counted
from domaintoolkit.report.stored_stream import StoredStream, find_stream, first_stream

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
