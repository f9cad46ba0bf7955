"""The compiled loops of packing. Importing this module imports numba; the first call of a loop compiles it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.grammar import WindowStart
from domaintoolkit.util.loops import compile_loop

__all__ = [
    "EventRanges",
    "WindowBuffers",
    "WindowRanges",
    "best_fit",
    "gather",
    "lay_out",
    "pack",
]

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]


@compile_loop
def _cut(starts: Ints, first: int, last: int, end: int, room: int) -> int:
    """One past the last event of `first..last` such that the events take at most `room`; `first` if none fits."""
    # binary search, since the starts of events rise
    low, high = first, last
    while low < high:
        middle = (low + high + 1) // 2
        past = starts[middle] if middle < last else end
        if past - starts[first] <= room:
            low = middle
        else:
            high = middle - 1
    return low


class EventRanges(NamedTuple):
    """The events of h histories: history i has the events `low[i]` to `high[i]`.

    Event e begins at `starts[e]`, and the last one of history i ends at `ends[i]`. Every window of history i takes
    `headers[i]` more. All of it is in tokens, or in positions.
    """

    starts: Ints  # (events,) of all histories
    low: Ints  # (h,) as `high`, `ends` and `headers`
    high: Ints
    ends: Ints
    headers: Ints


class Pool(NamedTuple):
    """Histories that wait for a block, by size: `heads[size]` is one, `links[i]` the next of the same size; -1 ends."""

    heads: Longs  # (capacity + 1,) by the size of what is left of the history, with a header
    links: Longs  # (h,)
    begin: Longs
    """(h,) the first event of each history that is not in a window yet."""


class PackedWindows(NamedTuple):
    """The windows and blocks so far."""

    # filled up to a count that the loops pass on, since fields of a NamedTuple cannot be assigned to
    windows: Longs
    """(3, n): history, first event, one past the last."""
    blocks: Longs
    """Block b has the windows `blocks[b]` to `blocks[b + 1]`."""


@compile_loop
def pack(events: EventRanges, capacity: int, slack: int) -> tuple[Longs, Longs, Longs, Longs]:
    """Cut histories into windows and put the windows into blocks of at most `capacity`.

    Each block takes the largest window that fits until none does; if more than `slack` is left then, the largest
    window is split.

    Returns, in the order of the blocks: history, first event and one past the last event of each window (counted
    within the history), and the offsets of the blocks into those. A history whose header leaves no room for anything
    is left out; an event too large for a block is a window of its own.
    """
    # a window has at least one event, so there are no more windows than events
    histories, most = len(events.headers), (events.high - events.low).sum()
    made = PackedWindows(np.empty((3, most), np.int64), np.empty(most + 1, np.int64))
    made.blocks[0] = 0
    pool = Pool(np.full(capacity + 1, -1, np.int64), np.full(histories, -1, np.int64), events.low.astype(np.int64))
    count, pooled = _cut_long(events, capacity, pool, made)
    count, blocks = _fill(events, slack, pool, made, count, pooled)
    history, first, last = made.windows[0, :count], made.windows[1, :count], made.windows[2, :count]
    # from numbers among all events to numbers within the history
    for w in range(count):
        first[w] -= events.low[history[w]]
        last[w] -= events.low[history[w]]
    return history, first, last, made.blocks[: blocks + 1]


@compile_loop
def _cut_long(events: EventRanges, capacity: int, pool: Pool, made: PackedWindows) -> tuple[int, int]:
    """Cut whole blocks off histories until the rest of each fits into one block, and put that into the pool.

    Returns the number of windows, each in a block of its own, and of histories in the pool.
    """
    starts, high, ends, headers = events.starts, events.high, events.ends, events.headers
    begin, windows = pool.begin, made.windows
    count, pooled = 0, 0
    for h in range(len(headers)):
        # left out: no window of it could hold an event
        if headers[h] >= capacity:
            continue
        while begin[h] < high[h]:
            size = headers[h] + ends[h] - starts[begin[h]]
            if size <= capacity:
                pool.links[h], pool.heads[size] = pool.heads[size], h
                pooled += 1
                break
            past = _cut(starts, begin[h], high[h], ends[h], capacity - headers[h])
            if past == begin[h]:
                # an event larger than a block is a window of its own, which `gather` cuts off
                past += 1
            windows[0, count], windows[1, count], windows[2, count] = h, begin[h], past
            count += 1
            made.blocks[count] = count
            begin[h] = past
    return count, pooled


@compile_loop
def _fill(events: EventRanges, slack: int, pool: Pool, made: PackedWindows, count: int, pooled: int) -> tuple[int, int]:
    """Fill blocks from the pool of `_cut_long`, after its `count` windows; return how many windows and blocks."""
    heads, links, begin, windows = pool.heads, pool.links, pool.begin, made.windows
    capacity, blocks = len(heads) - 1, count
    while pooled > 0:
        room, size = capacity, capacity
        while True:
            # what remains in a block only shrinks, so the search goes on downwards from the last size
            size = _largest(heads, min(size, room))
            if size == 0:
                break
            h = heads[size]
            heads[size] = links[h]
            windows[0, count], windows[1, count], windows[2, count] = h, begin[h], events.high[h]
            count += 1
            pooled -= 1
            room -= size
        # no history fits whole: the largest one gives its first events, and the rest of it goes back into the pool
        if room > slack and pooled > 0:
            size = _largest(heads, capacity)
            h = heads[size]
            past = _cut(events.starts, begin[h], events.high[h], events.ends[h], room - events.headers[h])
            if past > begin[h]:
                heads[size] = links[h]
                windows[0, count], windows[1, count], windows[2, count] = h, begin[h], past
                count += 1
                begin[h] = past
                # what is left repeats the header
                size = events.headers[h] + events.ends[h] - events.starts[past]
                links[h], heads[size] = heads[size], h
        blocks += 1
        made.blocks[blocks] = count
    return count, blocks


@compile_loop
def _largest(heads: Longs, size: int) -> int:
    """The largest size of at most `size` of which the pool has a history; 0 if there is none."""
    while size > 0 and heads[size] < 0:
        size -= 1
    return size


class WindowRanges(NamedTuple):
    """The positions of w windows in the histories of a shard."""

    row_start: Ints
    row_end: Ints
    """(w,) where the row of each window begins and ends in the ids."""
    event_low: Ints
    event_high: Ints
    """(w,) the range of the row's events."""
    first: Ints
    last: Ints
    """(w,) the first event of the window and one past its last, counted within the row."""
    limits: Ints
    """(w,) the most tokens of each window."""
    anchor_offsets: Ints
    """(w + 1,) its anchor: no tokens if it begins with its history."""


class WindowBuffers(NamedTuple):
    """Windows as they are written."""

    ids: Ints
    offsets: Longs
    """(w + 1,)"""
    lost: Longs
    """(w,) tokens that were cut off the end of each."""


@compile_loop
def gather(
    ids: Ints, starts: Ints, windows: WindowRanges, anchors: Ints, start: WindowStart, out: WindowBuffers
) -> None:
    """Write windows one after another; event e begins at `starts[e]`, counted from the first token of its row."""
    first, last, event_high = windows.first, windows.last, windows.event_high
    at = out.offsets[0]
    for w in range(len(first)):
        origin, event = windows.row_start[w], windows.event_low[w]
        window = at
        header = origin + starts[event]
        begin = origin + starts[event + first[w]]
        end = origin + starts[event + last[w]] if event + last[w] < event_high[w] else windows.row_end[w]
        # the end of the window's first event, in the row: only there the delta is replaced
        second = event + first[w] + 1
        event_end = origin + starts[second] if second < event_high[w] else windows.row_end[w]
        # [BOS] and the static fields; a later window stops before the history's anchor, since it has its own
        for i in range(origin, header):
            if first[w] > 0 and start.place[ids[i]] == start.anchor_place:
                break
            out.ids[at] = ids[i]
            at += 1
        if first[w] > 0:
            for i in range(windows.anchor_offsets[w], windows.anchor_offsets[w + 1]):
                out.ids[at] = anchors[i]
                at += 1
            if ids[begin] == start.session:
                begin += 1
        # header and anchor are kept whole: what does not fit is cut off the end
        room = windows.limits[w] - (at - window)
        if end - begin > room:
            out.lost[w] = end - begin - room
            end = begin + room
        # (positions of the first event) its time since the event before is not known inside the window
        body = at
        for i in range(begin, end):
            out.ids[at] = ids[i]
            at += 1
        if first[w] > 0 and start.delta_place >= 0:
            # only its first event: the others have an event before them
            for i in range(body, min(at, body + event_end - begin)):
                if start.place[out.ids[i]] == start.delta_place:
                    out.ids[i] = start.no_delta
        out.offsets[w + 1] = at


@compile_loop
def best_fit(sizes: Ints, capacity: int, rows: Ints) -> int:
    """Give each size the fullest row of `capacity` that has room, else a new one; return the number of rows."""
    used = 0
    room = np.empty(len(sizes), np.int64)  # (rows,) at most one a size
    for i in range(len(sizes)):
        chosen = -1
        for row in range(used):
            # tries every row: quadratic, but a batch has few rows
            if room[row] >= sizes[i] and (chosen < 0 or room[row] < room[chosen]):
                chosen = row
        if chosen < 0:
            chosen = used
            room[used] = capacity
            used += 1
        room[chosen] -= sizes[i]
        rows[i] = chosen
    return used


@compile_loop
def lay_out(ids: Ints, offsets: Ints, rows: Ints, out: Ints, documents: Ints) -> None:
    """Copy windows into the `rows` of `out` (B, T) from the left; `documents` numbers the windows of a row."""
    filled = np.zeros(len(out), np.int64)  # (B,)
    count = np.zeros(len(out), np.int64)  # (B,)
    for w in range(len(rows)):
        row = rows[w]
        at = filled[row]
        for i in range(offsets[w], offsets[w + 1]):
            out[row, at] = ids[i]
            documents[row, at] = count[row]
            at += 1
        filled[row] = at
        count[row] += 1
