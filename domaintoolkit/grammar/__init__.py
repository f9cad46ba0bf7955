"""The syntax of streams: header, events and their parts, read from ids alone."""

from domaintoolkit.grammar.events import EventIndex, event_starts, index_events
from domaintoolkit.grammar.grammar import FieldParts, Grammar, Syntax
from domaintoolkit.grammar.places import BYTES, Place

__all__ = ["BYTES", "EventIndex", "FieldParts", "Grammar", "Place", "Syntax", "event_starts", "index_events"]
