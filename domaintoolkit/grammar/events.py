"""The beginnings of events, found from base ids alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.grammar.grammar import Syntax
from domaintoolkit.grammar.places import Place

__all__ = ["EventIndex", "event_starts", "index_events"]

Ints = NDArray[np.integer[Any]]


class EventIndex(NamedTuple):
    """The events of n streams; stream i has the events `offsets[i]` to `offsets[i + 1]`."""

    starts: NDArray[np.int64]
    """(events,) where each event begins in the ids: at its session token, if it has one."""
    offsets: NDArray[np.int64]
    """(n + 1,)"""
    has_session: NDArray[np.bool_]
    """(events,) True if the event has a session token."""


def index_events(ids: Ints, offsets: Ints, grammar: Syntax) -> EventIndex:
    """The events of the streams `ids[offsets[i]:offsets[i + 1]]` in base ids."""
    # (events,) the token that begins the first part of each event
    first_tokens = np.flatnonzero(grammar.start[ids] & (grammar.place[ids] == grammar.header_parts))
    before = np.asarray(ids)[np.maximum(first_tokens - 1, 0)]  # an event at position 0 finds itself: no session token
    has_session = grammar.place[before] == Place.SESSION
    starts = first_tokens - has_session
    return EventIndex(starts, np.searchsorted(starts, offsets), has_session)


def event_starts(ids: Ints, grammar: Syntax) -> NDArray[np.int64]:
    """The position at which each event of one stream begins in its base ids: at its session token, if it has one."""
    return index_events(ids, np.array([0, len(ids)]), grammar).starts
