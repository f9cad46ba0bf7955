"""Histories and tables for people: on a terminal, and as HTML pages."""

from domaintoolkit.errors import pluralize
from domaintoolkit.report.history import Cell, History, ShownEvent, ShownToken, history_of
from domaintoolkit.report.page import history_page
from domaintoolkit.report.screen import Screen, percent
from domaintoolkit.report.stored_stream import StoredStream, find_stream, first_stream

__all__ = [
    "Cell",
    "History",
    "Screen",
    "ShownEvent",
    "ShownToken",
    "StoredStream",
    "find_stream",
    "first_stream",
    "history_of",
    "history_page",
    "percent",
    "pluralize",
]
