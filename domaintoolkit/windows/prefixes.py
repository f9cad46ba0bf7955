"""Beginnings of histories, as windows that a causal model reads: one window serves many beginnings.

A beginning (prefix) is the first k events of a history. If they fit into a window, it is the start of the history.
Otherwise windows begin at multiples of half a window's room, and a prefix is read in the first window that holds its
end: between half a window and a whole one of its latest events. The window follows from the events of the prefix alone,
so nothing that comes later changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.util.ragged import offsets_of, positions, run_offsets
from domaintoolkit.windows.kernels import WindowBuffers, WindowRanges, gather
from domaintoolkit.windows.packing import LONGEST_ANCHOR, StoredHistories, WindowRule

__all__ = ["PrefixWindows", "Prefixes", "ReadingRule", "bare_headers", "prefix_windows"]

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Beginnings of histories."""

    rows: Longs
    """(n,) the row of each among the `StoredHistories`."""
    events: Longs
    """(n,) the events that each begins with."""
    times: Longs
    """(n,) µs since the epoch, UTC: the date of the anchor of one without events."""


@dataclass(frozen=True, slots=True)
class ReadingRule:
    """The windows of a model."""

    start: WindowRule
    capacity: int
    """Positions of a window, its header among them."""
    unit: Literal["tokens", "events"]
    alone: bool = False
    """True if each prefix needs a window of its own: composites could hold tokens of the event after it."""


@dataclass(frozen=True, slots=True)
class PrefixWindows:
    """Windows one after another, each a whole small stream, and the end of each prefix in them."""

    ids: Ints
    offsets: Longs
    """(w + 1,)"""
    events: Longs
    """(w,) events of each window."""
    window: Longs
    """(n,) the window of each prefix."""
    last: Longs
    """(n,) the number of the last token of each prefix in its window."""
    known: Longs
    """(n,) the events of each prefix in its window."""


def prefix_windows(histories: StoredHistories, prefixes: Prefixes, rule: ReadingRule) -> PrefixWindows:
    """The windows in which a model reads `prefixes`, which all have events."""
    first = _first_events(histories, prefixes, rule)
    rows, known = prefixes.rows, prefixes.events
    # (n,) prefixes by window; one window for those of one history that begin at the same event
    keys = (known, first, rows) if rule.alone else (first, rows)
    # the last key of `lexsort` comes first: by row, then first event, then length
    order = np.lexsort((known, first, rows))
    bounds = run_offsets(*(key[order] for key in keys))
    window = np.empty(len(order), np.int64)
    window[order] = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    # (w,) the shortest and the longest prefix of each window: its first event, and one past its last one
    opens, closes = order[bounds[:-1]], order[bounds[1:] - 1]
    begin, last = first[opens], known[closes]
    ids, offsets, lost = _gather(histories, rows[opens], begin, last, rule)
    # tokens of a window after the end of each prefix, as they are in the history
    after = _ends(histories, rows, last[window]) - _ends(histories, rows, known)
    lengths = np.diff(offsets)[window]
    # (n,) a prefix whose end was cut off ends with its window
    at = np.minimum(lengths + lost[window] - after, lengths) - 1
    return PrefixWindows(ids, offsets, last - begin, window, at, known - first)


def bare_headers(histories: StoredHistories, prefixes: Prefixes, start: WindowRule) -> tuple[Ints, Longs]:
    """(ids, offsets (n + 1,)) of prefixes without events: the header, with the anchor of each one's own date.

    A header's own anchor is the date of the history's first event, which lies in the future of such a prefix.
    """
    begin = histories.offsets[prefixes.rows].astype(np.int64)
    lengths = histories.starts[histories.event_offsets[prefixes.rows]].astype(np.int64)
    flat = histories.ids[positions(begin, lengths)]
    if start.anchors is None:
        return flat, offsets_of(lengths)
    return with_anchors(flat, offsets_of(lengths), prefixes.times, start)


def with_anchors(ids: Ints, offsets: Longs, times: Longs, start: WindowRule) -> tuple[Ints, Longs]:
    """Headers (n,) with the anchors of `times` in place of their own, which are their last tokens."""
    assert start.anchors is not None
    anchors, ends = start.anchors(times)
    # (n,) each header has one first token of an anchor; what comes before it stays
    kept = np.flatnonzero(start.start.place[ids] == start.start.anchor_place) - offsets[:-1]
    # (n, 2) of each header its own tokens, then those of the new anchor, which lie behind all headers in `both`
    lengths = np.stack([kept, np.diff(ends)], 1)
    begins = np.stack([offsets[:-1], ends[:-1] + len(ids)], 1)
    both = np.concatenate([ids, anchors.astype(ids.dtype)])
    return both[positions(begins.ravel(), lengths.ravel())], offsets_of(lengths.sum(1))


def _ends(histories: StoredHistories, rows: Longs, events: Longs) -> Longs:
    """(n,) the tokens of each row up to the end of its first `events` events."""
    at = histories.event_offsets[rows].astype(np.int64) + events
    inside = at < histories.event_offsets[rows + 1]
    length = (histories.offsets[rows + 1] - histories.offsets[rows]).astype(np.int64)
    starts = histories.starts[np.where(inside, at, 0)] if len(histories.starts) else np.zeros(len(at), np.int64)
    ends: Longs = np.where(inside, starts, length)
    return ends


def _first_events(histories: StoredHistories, prefixes: Prefixes, rule: ReadingRule) -> Longs:
    """(n,) the event with which the window of each prefix begins."""
    rows, known = prefixes.rows, prefixes.events
    if rule.unit == "events":
        room = np.full(len(rows), max(1, rule.capacity - 1))
        step = np.maximum(1, room // 2)
        # rounded up to a multiple of the step: the first window that holds the end of the prefix
        first = -(-np.maximum(known - room, 0) // step) * step
        return np.asarray(np.minimum(first, known - 1), np.int64)
    low = histories.event_offsets[rows].astype(np.int64)
    header = histories.starts[low].astype(np.int64)
    room = np.maximum(1, rule.capacity - header)
    step = np.maximum(1, room // 2)
    size = _ends(histories, rows, known) - header
    # (n,) in tokens of the row, rounded up to a multiple of the step
    mark = header + -(-np.maximum(size - room, 0) // step) * step
    # the first event of each history at or after its mark: a binary search in all of them at once
    left, right = low.copy(), low + known - 1
    while (left < right).any():
        middle = (left + right) // 2
        early = (histories.starts[middle] < mark) & (left < right)
        left, right = np.where(early, middle + 1, left), np.where(early, right, np.minimum(middle, right))
    first_events: Longs = left - low
    return first_events


def _gather(
    histories: StoredHistories, rows: Longs, first: Longs, last: Longs, rule: ReadingRule
) -> tuple[Ints, Longs, Longs]:
    """(ids, offsets (w + 1,), tokens that did not fit (w,)) of windows."""
    begin, end = histories.offsets[rows].astype(np.int64), histories.offsets[rows + 1].astype(np.int64)
    low, high = (histories.event_offsets[rows + shift].astype(np.int64) for shift in (0, 1))  # (w,) each
    limits = end - begin + LONGEST_ANCHOR
    if rule.unit == "tokens":
        limits = np.minimum(limits, rule.capacity)
    anchors, anchor_offsets = _anchors(histories, rows, first, rule.start)
    ranges = WindowRanges(begin, end, low, high, first, last, limits, anchor_offsets)
    sizes = _ends(histories, rows, last) - _ends(histories, rows, first) + histories.starts[low]
    # an upper bound: a later window has one anchor, and is counted with its history's as well
    room = int((sizes + np.diff(anchor_offsets)).sum())
    out = WindowBuffers(
        np.empty(room + 1, histories.ids.dtype), np.zeros(len(rows) + 1, np.int64), np.zeros(len(rows), np.int64)
    )
    gather(histories.ids, histories.starts, ranges, anchors, rule.start.start, out)
    return out.ids[: out.offsets[-1]], out.offsets, out.lost


def _anchors(histories: StoredHistories, rows: Longs, first: Longs, start: WindowRule) -> tuple[Ints, Longs]:
    """The anchors of windows, empty if one begins with its history, and offsets into them.

    Without times, a later window keeps the anchor of its history.
    """
    # (windows,) tokens of the anchor that each gets
    lengths = np.zeros(len(rows), np.int64)
    later = np.flatnonzero(first)
    if not len(later) or start.start.anchor_place < 0:
        return np.zeros(1, np.int64), offsets_of(lengths)
    if start.anchors is not None and histories.times is not None:
        events = histories.event_offsets[rows[later]] + first[later]
        ids, ends = start.anchors(np.asarray(histories.times[events], np.int64))
        lengths[later] = np.diff(ends)
        return ids, offsets_of(lengths)
    begin = histories.offsets[rows[later]].astype(np.int64)
    headers = histories.starts[histories.event_offsets[rows[later]]].astype(np.int64)
    flat = histories.ids[positions(begin, headers)]
    # (later,) where the anchor begins in each header; it goes up to the header's end
    at = np.flatnonzero(start.start.place[flat] == start.start.anchor_place) - offsets_of(headers)[:-1]
    lengths[later] = headers - at
    return flat[positions(offsets_of(headers)[:-1] + at, headers - at)], offsets_of(lengths)
