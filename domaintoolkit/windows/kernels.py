"""The compiled loops behind packing. Importing this module imports numba; the first call of a loop compiles it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["best_fit", "gather", "lay_out", "pack"]

F = TypeVar("F", bound=Callable[..., Any])
Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]


def compiled(function: F) -> F:
    """`numba.njit` with its result kept on disk, and the function's own type."""
    made: Any = numba.njit(cache=True, nogil=True)(function)
    return cast("F", made)


@compiled
def _cut(starts: Ints, first: int, last: int, end: int, room: int) -> int:
    """One past the last event of `first..last` such that the events take at most `room`; `first` where none fits."""
    low, high = first, last
    while low < high:
        middle = (low + high + 1) // 2
        past = starts[middle] if middle < last else end
        if past - starts[first] <= room:
            low = middle
        else:
            high = middle - 1
    return low


@compiled
def pack(
    starts: Ints, low: Ints, high: Ints, ends: Ints, headers: Ints, capacity: int, slack: int
) -> tuple[Longs, Longs, Longs, Longs]:
    """Cut histories into windows and the windows into blocks of at most `capacity`.

    History h has the events `low[h]` to `high[h]`; event e begins at `starts[e]` and the last one ends at
    `ends[h]`; every window of h costs `headers[h]` besides. Each block takes the largest window that fits
    until none does; where more than `slack` is left then, the largest window is split.

    Returns, in the order of the blocks: history, first event and one past the last event of each window
    (counted within the history), and the offsets of the blocks into those. A history whose header leaves no
    room for anything is left out; an event too large for a block is a window of its own.
    """
    events = (high - low).sum()
    windows = np.empty((3, events), np.int64)
    blocks = np.empty(events + 1, np.int64)
    blocks[0] = 0
    heads, links, begin = np.full(capacity + 1, -1, np.int64), np.full(len(headers), -1, np.int64), low.astype(np.int64)
    count, pooled = _cut_long(starts, high, ends, headers, capacity, heads, links, begin, windows, blocks)
    count, made = _fill(starts, high, ends, headers, slack, heads, links, begin, windows, blocks, count, pooled)
    history, first, last = windows[0, :count], windows[1, :count], windows[2, :count]
    for w in range(count):
        first[w] -= low[history[w]]
        last[w] -= low[history[w]]
    return history, first, last, blocks[: made + 1]


@compiled
def _cut_long(
    starts: Ints,
    high: Ints,
    ends: Ints,
    headers: Ints,
    capacity: int,
    heads: Longs,
    links: Longs,
    begin: Longs,
    windows: Longs,
    blocks: Longs,
) -> tuple[int, int]:
    """Cut blocks of their own off histories until what is left fits into one, and put that into the pool.

    The pool has lists of histories by size: `heads[size]` is one, `links[h]` the next. `begin` is the first event
    that is left of each; `windows` are (3, n): history, first event, one past the last. Returns the number of
    windows, each in a block of its own, and of histories in the pool.
    """
    count, pooled = 0, 0
    for h in range(len(headers)):
        if headers[h] >= capacity:
            continue
        while begin[h] < high[h]:
            size = headers[h] + ends[h] - starts[begin[h]]
            if size <= capacity:
                links[h], heads[size] = heads[size], h
                pooled += 1
                break
            past = _cut(starts, begin[h], high[h], ends[h], capacity - headers[h])
            if past == begin[h]:
                past += 1
            windows[0, count], windows[1, count], windows[2, count] = h, begin[h], past
            count += 1
            blocks[count] = count
            begin[h] = past
    return count, pooled


@compiled
def _fill(
    starts: Ints,
    high: Ints,
    ends: Ints,
    headers: Ints,
    slack: int,
    heads: Longs,
    links: Longs,
    begin: Longs,
    windows: Longs,
    blocks: Longs,
    count: int,
    pooled: int,
) -> tuple[int, int]:
    """Fill blocks from the pool of `_cut_long`, whose arrays these are; returns the numbers of windows and blocks."""
    capacity, made = len(heads) - 1, count
    while pooled > 0:
        room, size = capacity, capacity
        while True:
            size = _largest(heads, min(size, room))
            if size == 0:
                break
            h = heads[size]
            heads[size] = links[h]
            windows[0, count], windows[1, count], windows[2, count] = h, begin[h], high[h]
            count += 1
            pooled -= 1
            room -= size
        if room > slack and pooled > 0:
            size = _largest(heads, capacity)
            h = heads[size]
            past = _cut(starts, begin[h], high[h], ends[h], room - headers[h])
            if past > begin[h]:
                heads[size] = links[h]
                windows[0, count], windows[1, count], windows[2, count] = h, begin[h], past
                count += 1
                begin[h] = past
                size = headers[h] + ends[h] - starts[past]
                links[h], heads[size] = heads[size], h
        made += 1
        blocks[made] = count
    return count, made


@compiled
def _largest(heads: Longs, size: int) -> int:
    """The largest size of at most `size` of which the pool has a history; 0 where there is none."""
    while size > 0 and heads[size] < 0:
        size -= 1
    return size


@compiled
def gather(
    ids: Ints,
    row_start: Ints,
    row_end: Ints,
    starts: Ints,
    event_low: Ints,
    event_high: Ints,
    first: Ints,
    last: Ints,
    limits: Ints,
    anchors: Ints,
    anchor_offsets: Ints,
    place: Ints,
    anchor_place: int,
    session: int,
    delta_part: int,
    delta_none: int,
    out: Ints,
    offsets: Ints,
    lost: Longs,
) -> None:
    """Write windows one after another into `out`, where each ends to `offsets[1:]`, and how many tokens were cut
    off from it to `lost`.

    Arrays by window: where its row begins and ends in `ids`, the row's range of events in `starts`, the first
    and one past the last event within the row, and the most tokens that it may have. A window that begins later
    than its history gets the history's header with an anchor of its own, no session token, and `delta_none` as
    its first delta.
    """
    at = offsets[0]
    for w in range(len(first)):
        origin, event = row_start[w], event_low[w]
        window = at
        header = origin + starts[event]
        begin = origin + starts[event + first[w]]
        end = origin + starts[event + last[w]] if event + last[w] < event_high[w] else row_end[w]
        event_end = origin + starts[event + first[w] + 1] if event + first[w] + 1 < event_high[w] else row_end[w]
        for i in range(origin, header):
            if first[w] > 0 and place[ids[i]] == anchor_place:
                break
            out[at] = ids[i]
            at += 1
        if first[w] > 0:
            for i in range(anchor_offsets[w], anchor_offsets[w + 1]):
                out[at] = anchors[i]
                at += 1
            if ids[begin] == session:
                begin += 1
        if end - begin > limits[w] - (at - window):
            lost[w] = end - begin - (limits[w] - (at - window))
            end = begin + limits[w] - (at - window)
        body = at
        for i in range(begin, end):
            out[at] = ids[i]
            at += 1
        if first[w] > 0 and delta_part >= 0:
            for i in range(body, min(at, body + event_end - begin)):
                if place[out[i]] == delta_part:
                    out[i] = delta_none
        offsets[w + 1] = at


@compiled
def best_fit(sizes: Ints, capacity: int, rows: Ints) -> int:
    """Give each size a row of `capacity`: the fullest that has room, else a new one. Returns the number of rows."""
    used = 0
    room = np.empty(len(sizes), np.int64)
    for i in range(len(sizes)):
        chosen = -1
        for row in range(used):
            if room[row] >= sizes[i] and (chosen < 0 or room[row] < room[chosen]):
                chosen = row
        if chosen < 0:
            chosen = used
            room[used] = capacity
            used += 1
        room[chosen] -= sizes[i]
        rows[i] = chosen
    return used


@compiled
def lay_out(ids: Ints, offsets: Ints, rows: Ints, out: Ints, documents: Ints) -> None:
    """Copy windows into the `rows` of `out` (B, T) from the left; `documents` numbers the windows of a row."""
    filled = np.zeros(len(out), np.int64)
    count = np.zeros(len(out), np.int64)
    for w in range(len(rows)):
        row = rows[w]
        at = filled[row]
        for i in range(offsets[w], offsets[w + 1]):
            out[row, at] = ids[i]
            documents[row, at] = count[row]
            at += 1
        filled[row] = at
        count[row] += 1
