"""Histories packed into blocks: cut into windows at event boundaries, and the windows combined with little waste.

A block is a set of ranges of events, so packing reads only where events begin; ids are copied when a block is
read. Every window begins like a history: BOS, the static fields and the anchor of its own first event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.grammar import WindowStart
from domaintoolkit.storage import ShardRows
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.windows.kernels import EventRanges, WindowBuffers, WindowRanges, best_fit, gather, lay_out, pack

__all__ = [
    "Blocks",
    "StoredHistories",
    "WindowRule",
    "Windows",
    "concatenate",
    "cut_events",
    "pack_blocks",
    "refit",
    "to_dense",
]

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]
Unit = Literal["tokens", "events"]

SLACK = 16
"""A block that is left with more than 1/16 of its room gets a part of a longer history."""
LONGEST_ANCHOR = 16
"""More tokens than an anchor has, its year spelled."""


@dataclass(frozen=True, slots=True)
class StoredHistories:
    """Histories in the layout of a shard; the arrays may be views of a memory map."""

    ids: Ints  # (tokens,)
    offsets: Ints
    """(n + 1,): row i is `ids[offsets[i]:offsets[i + 1]]`."""
    starts: Ints  # (events,)
    """First token of each event, counted from its row's first."""
    event_offsets: Ints
    """(n + 1,): row i has the events `event_offsets[i]` to `event_offsets[i + 1]`."""
    times: NDArray[np.int64] | None  # (events,)
    """Microseconds since the epoch, one an event."""
    selected: NDArray[np.int64]
    """(rows,) the rows that are used, such as those of one split."""
    number: int = 0
    """Number of row 0 among all rows of the folder."""

    @classmethod
    def of_streams(
        cls, ids: Ints, offsets: Ints, starts: Ints, event_offsets: Ints, times: NDArray[np.int64] | None = None
    ) -> StoredHistories:
        """Streams in memory, all of them selected; their `starts` are counted from the first token of all."""
        within = starts - np.repeat(offsets[:-1], np.diff(event_offsets))
        return cls(ids, offsets, within, event_offsets, times, np.arange(len(offsets) - 1))

    @classmethod
    def of_shard(cls, rows: ShardRows) -> StoredHistories:
        """The histories of some rows of a shard."""
        return cls(
            rows.ids, rows.offsets, rows.event_starts, rows.event_offsets, rows.times, rows.selected, rows.number
        )


@dataclass(frozen=True, slots=True)
class WindowRule:
    """The start of windows that begin later than their history."""

    start: WindowStart
    anchors: Callable[[Longs], tuple[Longs, Longs]] | None = None
    """Times (n,) to the ids of their anchors, one after another, and offsets (n + 1,); None without a time column."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows one after another, each a whole small stream, and the row of the batch that each belongs to."""

    ids: Ints  # (tokens,)
    offsets: NDArray[np.int64]  # (w + 1,)
    rows: NDArray[np.int64]  # (w,)
    entities: NDArray[np.int64]  # (w,)
    """Number of each window's row among all rows of the folder."""
    firsts: NDArray[np.int64]  # (w,)
    """Number of each window's first event in its history."""
    events: NDArray[np.int64]
    """(w,): events of each window."""
    lost: NDArray[np.int64]
    """(w,): tokens of an event longer than a block, which did not fit."""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of some histories, as positions: read any of them with `read`."""

    histories: StoredHistories
    rule: WindowRule
    capacity: int
    unit: Unit
    history: NDArray[np.int64]
    """(w,), index into `histories.selected`."""
    # (w,) each: the first event of a window and one past its last, counted within the history
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    later: NDArray[np.int64]
    """The windows that begin later than their history, rising."""
    anchors: tuple[Ints, Ints]
    """Their anchors' ids, and offsets into those."""
    offsets: NDArray[np.int64]
    """(b + 1,): block i is the windows `offsets[i]` to `offsets[i + 1]`."""
    left_out: int
    """Histories whose header alone fills a block."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def read(self, blocks: NDArray[np.int64], rows: NDArray[np.int64]) -> Windows:
        """The windows of several blocks, each block for its row of a batch."""
        counts = self.offsets[blocks + 1] - self.offsets[blocks]
        # (w,) the numbers of all windows of these blocks, in the order of the blocks
        windows = positions(self.offsets[blocks], counts)
        whole = self.histories
        chosen = whole.selected[self.history[windows]]
        # (w,) each from here on
        begin, end = _ranges(whole.offsets, chosen)
        event_low, event_high = _ranges(whole.event_offsets, chosen)
        first, last = self.first[windows], self.last[windows]
        limits = self._limits(begin, end, event_low, event_high, first, last)
        anchors, anchor_offsets = self._anchors(windows)
        ranges = WindowRanges(begin, end, event_low, event_high, first, last, limits, anchor_offsets)
        out = WindowBuffers(
            np.empty(int(limits.sum()), whole.ids.dtype),
            np.zeros(len(windows) + 1, np.int64),
            np.zeros(len(windows), np.int64),
        )
        gather(whole.ids, whole.starts, ranges, anchors, self.rule.start, out)
        return Windows(
            ids=out.ids[: out.offsets[-1]],
            offsets=out.offsets,
            rows=np.repeat(rows, counts),
            entities=chosen + whole.number,
            firsts=first,
            events=last - first,
            lost=out.lost,
        )

    def _limits(
        self, begin: Longs, end: Longs, event_low: Longs, event_high: Longs, first: Longs, last: Longs
    ) -> Longs:
        """(w,) the most tokens of each window: the planned number, or all of them in blocks of positions."""
        starts = self.histories.starts
        if self.unit == "events":
            # positions were planned, not tokens: all of the row, and its own anchor, which may be the longer one
            return end - begin + LONGEST_ANCHOR
        # (w,) the event after the window, if its history has one; otherwise the window ends with the row
        past = event_low + last
        inside = past < event_high
        ends = np.where(inside, starts[np.where(inside, past, 0)], end - begin)
        # the header of the history, and the events of the window
        planned: Longs = starts[event_low] + ends - starts[event_low + first]
        return np.minimum(planned, self.capacity)

    def _anchors(self, windows: Ints) -> tuple[Ints, Ints]:
        """The anchors of some windows, empty if a window begins with its history."""
        ids, offsets = self.anchors
        if not len(self.later):
            return np.zeros(1, np.int64), np.zeros(len(windows) + 1, np.int64)
        # (w,) the place of each window among the later ones, if it is one of them
        at = np.minimum(np.searchsorted(self.later, windows), len(self.later) - 1)
        lengths = np.where(self.later[at] == windows, offsets[at + 1] - offsets[at], 0)
        return ids[positions(offsets[at], lengths)], offsets_of(lengths)


def cut_events(histories: StoredHistories, count: int, least: int) -> StoredHistories:
    """The same rows without the last `count` events of each, so that nothing later is seen; of rows with less than
    `least` events, all are kept."""
    sizes = np.diff(histories.event_offsets).astype(np.int64)
    kept = np.where(sizes < least, sizes, sizes - count)  # (n,) events
    begin, end = histories.offsets[:-1].astype(np.int64), histories.offsets[1:].astype(np.int64)
    past = histories.event_offsets[:-1] + kept  # (n,) the first event that is left out
    # (n,) where each row now ends: where its first event that is left out begins
    cut = kept < sizes
    end = np.where(cut, begin + histories.starts[np.where(cut, past, 0)], end) if cut.any() else end
    events = positions(histories.event_offsets[:-1].astype(np.int64), kept)
    return replace(
        histories,
        ids=histories.ids[positions(begin, end - begin)],
        offsets=offsets_of(end - begin),
        starts=histories.starts[events],
        event_offsets=offsets_of(kept),
        times=None if histories.times is None else histories.times[events],
    )


def pack_blocks(
    histories: StoredHistories, rule: WindowRule, capacity: int, unit: Unit = "tokens", latest: bool = False
) -> Blocks:
    """Plan blocks of at most `capacity` tokens, or positions (one an event and one a window's header).

    With `latest`, a history has one window: its latest events that fit into a block. An event longer than a block is
    cut at its end, and so is a window whose own anchor is longer than its history's (its year is spelled); both are
    counted. A history whose header alone fills a block is left out.
    """
    rows = histories.selected
    low, high = _ranges(histories.event_offsets, rows)
    if unit == "tokens":
        starts = histories.starts
        # (rows,) the tokens of each history
        begin, end = _ranges(histories.offsets, rows)
        ends = end - begin
        # an event's start counts from its row's first token: that of the first event is the length of the header
        headers = starts[low].astype(np.int64)
    else:
        # counted in positions, an event takes one and a header one
        starts = np.arange(len(histories.starts), dtype=np.int64)
        ends, headers = high, np.ones(len(rows), np.int64)
    begins = _find_latest(histories, capacity - headers, unit) if latest else low
    # a window that is all of a history must not be split to fill a block
    slack = capacity if latest else capacity // SLACK
    history, first, last, offsets = pack(EventRanges(starts, begins, high, ends, headers), capacity, slack)
    # (w,) `pack` counts from the first event that it was given
    skipped = (begins - low)[history]
    first, last = first + skipped, last + skipped
    left_out = int(np.count_nonzero(headers >= capacity))
    later = np.flatnonzero(first)
    anchors = _anchors(histories, rule, history[later], first[later])
    return Blocks(histories, rule, capacity, unit, history, first, last, later, anchors, offsets, left_out)


def _find_latest(histories: StoredHistories, room: Longs, unit: Unit) -> Longs:
    """(rows,) the number of the earliest event of each row such that all from it on take at most `room`."""
    low, high = _ranges(histories.event_offsets, histories.selected)
    if unit == "events":
        begins: Longs = np.maximum(low, high - room)
        return begins
    begin, end = _ranges(histories.offsets, histories.selected)
    # (events,) where each begins among all ids: they rise, since rows lie one after another
    starts = np.repeat(histories.offsets[:-1], np.diff(histories.event_offsets)) + histories.starts
    # tokens are set aside for the window's own anchor, which may be longer than its history's
    found = np.searchsorted(starts, np.minimum(end, end - room + LONGEST_ANCHOR))
    latest: Longs = np.clip(np.where(end - begin <= room, low, found), low, np.maximum(low, high - 1))
    return latest


def _ranges(offsets: Ints, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return offsets[rows].astype(np.int64), offsets[rows + 1].astype(np.int64)


def _anchors(histories: StoredHistories, rule: WindowRule, history: Ints, first: Ints) -> tuple[Ints, Ints]:
    """The anchors of windows that begin at event `first` of a history, and offsets into them."""
    if rule.anchors is None or histories.times is None:
        return np.zeros(0, np.int64), np.zeros(len(history) + 1, np.int64)
    events = histories.event_offsets[histories.selected[history]] + first
    return rule.anchors(np.asarray(histories.times[events], np.int64))


def concatenate(parts: Iterable[Windows]) -> Windows:
    """The windows of several blocks as one batch."""
    listed = list(parts)
    return Windows(
        ids=np.concatenate([part.ids for part in listed]),
        # (windows + 1,)
        offsets=np.cumsum(np.concatenate([[0], *(np.diff(part.offsets) for part in listed)])),
        rows=np.concatenate([part.rows for part in listed]),
        entities=np.concatenate([part.entities for part in listed]),
        firsts=np.concatenate([part.firsts for part in listed]),
        events=np.concatenate([part.events for part in listed]),
        lost=np.concatenate([part.lost for part in listed]),
    )


def refit(windows: Windows, capacity: int) -> tuple[Windows, int]:
    """(windows, rows): windows that composites have made shorter, each in the fullest row that has room."""
    rows = np.empty(len(windows), np.int64)
    used = best_fit(np.diff(windows.offsets), capacity, rows)
    return replace(windows, rows=rows), used


def to_dense(windows: Windows, rows: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids and document numbers, each int64 (rows, width); the documents of padding are -1."""
    ids, documents = np.zeros((rows, width), np.int64), np.full((rows, width), -1, np.int64)
    lay_out(windows.ids, windows.offsets, windows.rows, ids, documents)
    return ids, documents
