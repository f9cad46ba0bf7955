"""Windows taken apart: which sequence of tokens each part of each event has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.grammar import Place, Syntax
from domaintoolkit.util.hashing import mix

__all__ = ["Sequences", "take_apart"]

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Sequences:
    """The sequences of one part, in the order of the events, or the session marks.

    An event has one sequence of a part, or none where an earlier token stands for the whole field.
    """

    code: NDArray[np.uint64]
    """(n,): a hash of the sequence; equal sequences have equal ones."""
    group: NDArray[np.int64]
    """(n,): the group of blocks that the event is in."""
    first: NDArray[np.bool_]
    """(n,): nothing of this part comes before it in its window."""
    tokens: NDArray[np.int64]
    """All tokens of the sequences, one after another."""
    offsets: NDArray[np.int64]
    """(n + 1,)"""

    def __len__(self) -> int:
        return len(self.code)


def take_apart(ids: Ints, offsets: Ints, groups: Ints, grammar: Syntax) -> list[Sequences]:
    """Each event part of windows in base ids, and last the session marks; a window is in group `groups[w]`.

    Session marks are sequences of one token, 1 or 0, one for each event that is not the first of its window.
    """
    tokens = np.asarray(ids, np.int64)
    place, start = grammar.place[tokens], grammar.start[tokens]
    group = np.asarray(groups, np.int64)
    window = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    begins = np.flatnonzero(start | (place < Place.BYTE))
    ends = np.append(begins[1:], len(tokens))
    of_event = place[begins] >= grammar.header_parts
    begins, ends = begins[of_event], ends[of_event]
    part = place[begins] - grammar.header_parts
    opens = part == 0
    opening = begins[opens]
    first = np.diff(window[opening], prepend=-1) != 0
    code = _codes(tokens, begins, ends)
    made = []
    for number in range(grammar.event_parts):
        mine = part == number
        low, high = begins[mine], ends[mine]
        bounds = np.concatenate([[0], np.cumsum(high - low)])
        where = group[window[low]]
        new = np.diff(window[low], prepend=-1) != 0
        made.append(Sequences(code[mine], where, new, tokens[_ranges(low, high)], bounds))
    marks = (place[opening - 1] == Place.SESSION)[~first].astype(np.int64)
    after = first[np.flatnonzero(~first) - 1]
    where = group[window[opening[~first]]]
    made.append(Sequences(marks.astype(np.uint64), where, after, marks, np.arange(len(marks) + 1)))
    return made


def _codes(ids: NDArray[np.int64], begins: Ints, ends: Ints) -> NDArray[np.uint64]:
    """A hash of `ids[begin:end]` for each range; the ranges do not overlap."""
    if not len(begins):
        return np.zeros(0, np.uint64)
    lengths = ends - begins
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    mixed = mix(ids[_ranges(begins, ends)].astype(np.uint64) ^ mix(within.astype(np.uint64)))
    return np.add.reduceat(mixed, np.cumsum(lengths) - lengths)


def _ranges(begins: Ints, ends: Ints) -> NDArray[np.int64]:
    """The positions of all ranges, one after another."""
    lengths = ends - begins
    return np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
