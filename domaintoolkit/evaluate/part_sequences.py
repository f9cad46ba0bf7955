"""Windows split into the sequences of each event part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.grammar import EventIndex, Syntax, parse_spans
from domaintoolkit.util.hashing import mix
from domaintoolkit.util.ragged import offsets_of, positions

__all__ = ["PartSequences", "find_last_events", "split_parts"]

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class PartSequences:
    """The sequences of one part, in the order of the events, or the session marks.

    An event has one sequence of a part, or none if an earlier token of the field fills the part.
    """

    code: NDArray[np.uint64]
    """(n,) a hash of the sequence; equal sequences have equal ones."""
    group: NDArray[np.int64]
    """(n,) the group of the event's window."""
    first: NDArray[np.bool_]
    """(n,) True for the first of this part in its window."""
    tokens: NDArray[np.int64]
    """All tokens of the sequences, one after another."""
    offsets: NDArray[np.int64]
    """(n + 1,)"""
    counted: NDArray[np.bool_]
    """(n,) True if the sequence is scored, and not only what others follow."""

    def __len__(self) -> int:
        return len(self.code)


def split_parts(
    ids: Ints, offsets: Ints, groups: Ints, grammar: Syntax, last_only: bool = False
) -> list[PartSequences]:
    """Each event part of windows in base ids, and last the session marks; window w is in group `groups[w]`.

    Session marks are sequences of one token, 1 or 0, one for each event that is not the first of its window. With
    `last_only`, only the last event of each window counts.
    """
    flat, group = np.asarray(ids, np.int64), np.asarray(groups, np.int64)
    spans = parse_spans(flat, offsets, grammar, cut=True)
    windows, made = spans.streams, []
    events = spans.index(offsets)
    # (windows,) the token from which on everything counts
    begins = find_last_events(events, offsets) if last_only else np.asarray(offsets[:-1], np.int64)
    for part in range(grammar.event_parts):
        chosen = np.flatnonzero(spans.places == grammar.header_parts + part)
        own, lengths = windows[chosen], spans.lengths[chosen]
        tokens, bounds = flat[positions(spans.begins[chosen], lengths)], offsets_of(lengths)
        # spans come in the order of the windows: a new number begins a window
        first = np.diff(own, prepend=-1) != 0
        counted = spans.begins[chosen] >= begins[own]
        made.append(PartSequences(_hash_sequences(tokens, bounds), group[own], first, tokens, bounds, counted))
    return [*made, _session_marks(events, group, begins)]


def find_last_events(events: EventIndex, offsets: Ints) -> NDArray[np.int64]:
    """(windows,) the token at which the last event of each window begins; the window's end if it has none."""
    has_events = np.diff(events.offsets) > 0
    begins = np.asarray(offsets[1:], np.int64).copy()
    begins[has_events] = events.starts[events.offsets[1:][has_events] - 1]
    return begins


def _session_marks(events: EventIndex, groups: NDArray[np.int64], begins: NDArray[np.int64]) -> PartSequences:
    counts = np.diff(events.offsets)
    # (events,) the first event of each window, which has no mark
    first = np.zeros(len(events.starts), np.bool_)
    first[events.offsets[:-1][counts > 0]] = True
    later = np.flatnonzero(~first)
    marks = events.has_session[later].astype(np.int64)
    window = np.repeat(np.arange(len(counts)), counts)[later]
    counted = events.starts[later] >= begins[window]
    bounds = np.arange(len(marks) + 1)
    # a mark is the first of its window if the event before it is
    return PartSequences(marks.astype(np.uint64), groups[window], first[later - 1], marks, bounds, counted)


def _hash_sequences(tokens: NDArray[np.int64], bounds: NDArray[np.int64]) -> NDArray[np.uint64]:
    """(n,) a hash of each of the sequences `tokens[bounds[i]:bounds[i + 1]]`, none of which is empty."""
    if len(bounds) == 1:
        return np.zeros(0, np.uint64)
    within = np.arange(len(tokens)) - np.repeat(bounds[:-1], np.diff(bounds))
    # a sum has no order, so each token is mixed with its place first
    mixed = mix(tokens.astype(np.uint64) ^ mix(within.astype(np.uint64)))
    return np.add.reduceat(mixed, bounds[:-1])
