"""From base streams to sets: which tokens of an event may take part in composites."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.compilation import entry, leaf
from domaintoolkit.grammar import Place

__all__ = ["MAX_SET", "Base", "find_levels", "split_event", "split_events"]

MAX_SET = 64
"""The most tokens that a set holds; further parts of a larger event stay outside, in the order of the schema."""


class Base(NamedTuple):
    """The tables of all ids that the loops look up, each (V,)."""

    place: NDArray[np.int16]
    start: NDArray[np.bool_]
    allowed: NDArray[np.bool_]
    """May take part: fusible, of a field that takes part, not a composite."""
    level: NDArray[np.int16]
    """The one position of a continuation token in its part's sequence; 0 if unknown, -1 if it has several."""


@leaf
def run_end(ids: NDArray[np.int32], i: int, end: int, start: NDArray[np.bool_]) -> int:
    """The end of the sequence that begins at `i`."""
    j = i + 1
    while j < end and not start[ids[j]]:
        j += 1
    return j


@leaf
def run_fits(ids: NDArray[np.int32], i: int, j: int, room: int, base: Base) -> bool:
    """Return True if the sequence ids[i:j] may take part: its event's set holds a part as a whole or not at all."""
    if j - i > room or not base.allowed[ids[i]]:
        return False
    fits = True
    for q in range(i + 1, j):
        # a token without one fixed level could not be put back into its place by `expand`
        fits = fits and base.allowed[ids[q]] and base.level[ids[q]] == q - i
    return fits


@leaf
def split_event(
    ids: NDArray[np.int32], begin: int, end: int, base: Base, out: NDArray[np.int32], at: int
) -> tuple[int, bool]:
    """Write the set of the event ids[begin:end] to `out[at:]`; its size, and whether other parts stay outside."""
    size, outside, i = 0, False, begin
    while i < end:
        j = run_end(ids, i, end, base.start)
        if run_fits(ids, i, j, MAX_SET - size, base):
            for q in range(i, j):
                out[at + size] = ids[q]
                size += 1
        else:
            outside = True
        i = j
    return size, outside


@entry
def split_events(
    ids: NDArray[np.int32], begins: NDArray[np.int64], ends: NDArray[np.int64], base: Base
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """(tokens, first (n + 1,), outside (n,), opens (n,)) of n events.

    The set of event e is `tokens[first[e]:first[e + 1]]`; `outside` is True if the event has parts outside its set,
    and `opens` if it has a session token.
    """
    n = len(begins)
    # as long as the events: a set has at most the tokens of its event
    tokens, first = np.empty((ends - begins).sum(), np.int32), np.zeros(n + 1, np.int64)
    outside, opens = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    for e in range(n):
        begin = begins[e]
        if begin < ends[e] and base.place[ids[begin]] == Place.SESSION:
            opens[e] = True
            begin += 1
        size, outside[e] = split_event(ids, begin, ends[e], base, tokens, first[e])
        first[e + 1] = first[e] + size
    # a copy, since the slice would keep the whole array alive
    return tokens[: first[n]].copy(), first, outside, opens


@leaf
def note_levels(ids: NDArray[np.int32], i: int, j: int, base: Base, known: NDArray[np.bool_]) -> None:
    """Note where the tokens of one sequence stand, if all of them may take part."""
    for q in range(i, j):
        if not base.allowed[ids[q]] or q - i > MAX_SET:
            return
    for q in range(i + 1, j):
        token = ids[q]
        if known[token]:
            continue
        if base.level[token] == 0:  # not seen before
            base.level[token] = q - i
        elif base.level[token] != q - i:
            base.level[token] = -1


@entry
def find_levels(ids: NDArray[np.int32], begins: NDArray[np.int64], ends: NDArray[np.int64], base: Base) -> None:
    """Fill in the `level` of continuation tokens that may take part and have none yet; -1 if it varies."""
    # a level that an earlier model noted stays: its composites are expanded by it
    known = base.level > 0
    for e in range(len(begins)):
        # [SESSION] is a run of its own: the token after it begins a part
        i = begins[e]
        while i < ends[e]:
            j = run_end(ids, i, ends[e], base.start)
            note_levels(ids, i, j, base, known)
            i = j
