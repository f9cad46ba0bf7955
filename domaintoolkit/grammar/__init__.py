"""The syntax of streams: header, events and their parts, read from ids alone."""

from domaintoolkit.grammar.events import EventIndex, event_starts, index_events
from domaintoolkit.grammar.grammar import FieldParts, Grammar, Syntax
from domaintoolkit.grammar.places import BYTES, Place
from domaintoolkit.grammar.spans import Spans, check_ids, parse_spans
from domaintoolkit.grammar.windows import WindowStart

__all__ = [
    "BYTES",
    "EventIndex",
    "FieldParts",
    "Grammar",
    "Place",
    "Spans",
    "Syntax",
    "WindowStart",
    "check_ids",
    "event_starts",
    "index_events",
    "parse_spans",
]
