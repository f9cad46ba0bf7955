"""From segmented streams back to base streams, from the ids alone.

Each event holds each of its parts exactly once, so a token that begins a part which the current event already
has begins the next event. A token that begins no part (deeper levels of one) belongs to the current event. A
token across events ends the current one, and the last of its events is current from then on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.compilation import entry, inner, leaf
from domaintoolkit.composite.kernels.sets import Base
from domaintoolkit.grammar import Place

__all__ = ["BEFORE_EVENT", "INCOMPLETE", "MISPLACED", "OVERFULL", "Pieces", "expand"]

INCOMPLETE, OVERFULL, BEFORE_EVENT, MISPLACED = 1, 2, 3, 4
# positions in `Event.state`
HEAD, COUNT, RUN, KEY, FILLED = 0, 1, 2, 3, 4


class Pieces(NamedTuple):
    """The base tokens of each id: `token[offsets[c] : offsets[c + 1]]` with c = number[id], or itself if c is -1."""

    number: NDArray[np.int32]  # (V,)
    offsets: NDArray[np.int64]  # (composites + 1,)
    token: NDArray[np.int32]  # (pieces of all composites,)
    event: NDArray[np.int32]
    """The event of the composite that each piece belongs to, from 0; rising."""
    fills: NDArray[np.int16]
    """(V,) the number of parts that a start token fills."""
    header_parts: int
    event_parts: int


class Event(NamedTuple):
    """The event being put together: its tokens as they come, each with its part and its place within that."""

    # (longest,) each: room for the longest stream
    token: NDArray[np.int32]
    part: NDArray[np.int32]
    key: NDArray[np.int32]
    filled: NDArray[np.bool_]  # (event parts,)
    counts: NDArray[np.int64]  # (event parts + 1,) where each part begins, while the event is put into order
    state: NDArray[np.int64]
    """1 if an event has begun; tokens held; part of the base token just read (-1: none), its key; parts filled."""


class Written(NamedTuple):
    """Base streams being written; `at` holds the lengths of `ids` and `starts` so far."""

    ids: NDArray[np.int32]  # (base tokens of all streams,)
    # (base tokens,) the order of each token within its part
    key: NDArray[np.int32]
    starts: NDArray[np.int64]  # (base tokens,) more than there are events
    at: NDArray[np.int64]


@leaf
def begin_event(event: Event, out: Written) -> None:
    event.filled[:] = False
    event.state[HEAD], event.state[COUNT], event.state[RUN], event.state[FILLED] = 1, 0, -1, 0
    out.starts[out.at[1]] = out.at[0]
    out.at[1] += 1


@leaf
def add(event: Event, pieces: Pieces, base: Base, token: int, part: int, key: int) -> int:
    """Add a token to the event; an error code."""
    n = event.state[COUNT]
    event.token[n], event.part[n], event.key[n] = token, part, key
    event.state[COUNT] = n + 1
    if base.start[token]:
        for p in range(part, min(part + pieces.fills[token], pieces.event_parts)):
            if event.filled[p]:
                return OVERFULL
            event.filled[p] = True
            event.state[FILLED] += 1
    return 0


@leaf
def sort_part(out: Written, begin: int, end: int) -> None:
    """Order the tokens of one part by their keys; equal keys stay as they came."""
    # insertion sort: stable, and the tokens of a part are few and mostly in order
    for i in range(begin + 1, end):
        token, key, j = out.ids[i], out.key[i], i
        while j > begin and out.key[j - 1] > key:
            out.ids[j], out.key[j] = out.ids[j - 1], out.key[j - 1]
            j -= 1
        out.ids[j], out.key[j] = token, key


@leaf
def end_event(event: Event, out: Written, pieces: Pieces, base: Base) -> int:
    """Write the event in the order of its parts; an error code."""
    if event.state[FILLED] != pieces.event_parts:
        return INCOMPLETE
    # counting sort: first how many tokens each part has, then where each part begins
    event.counts[:] = 0
    for i in range(event.state[COUNT]):
        event.counts[event.part[i] + 1] += 1
    for p in range(pieces.event_parts):
        event.counts[p + 1] += event.counts[p]
    begin = out.at[0]
    for i in range(event.state[COUNT]):
        # each token goes to the next free place of its part
        at = begin + event.counts[event.part[i]]
        out.ids[at], out.key[at] = event.token[i], event.key[i]
        event.counts[event.part[i]] += 1
    # the pass above moved counts[p] on to where part p ends
    low = 0
    for p in range(pieces.event_parts):
        high = event.counts[p]
        sort_part(out, begin + low, begin + high)
        if high > low and not base.start[out.ids[begin + low]]:
            return MISPLACED
        low = high
    out.at[0] = begin + event.state[COUNT]
    return 0


@leaf
def turn(event: Event, out: Written, pieces: Pieces, base: Base) -> int:
    """End the current event, if one has begun, and begin the next; an error code."""
    error = end_event(event, out, pieces, base) if event.state[HEAD] else 0
    begin_event(event, out)
    return error


@leaf
def read_start(event: Event, out: Written, pieces: Pieces, base: Base, token: int) -> int:
    part = base.place[token] - pieces.header_parts
    error = 0
    if event.state[HEAD] == 0 or event.filled[part]:
        error = turn(event, out, pieces, base)
    event.state[RUN], event.state[KEY] = part, 0
    return max(error, add(event, pieces, base, token, part, 0))


@leaf
def read_rest(event: Event, pieces: Pieces, base: Base, token: int) -> int:
    """Read a continuation token or a byte. Right after a base token of its part it keeps that place."""
    if event.state[HEAD] == 0:
        return BEFORE_EVENT
    part, key = base.place[token] - pieces.header_parts, max(0, base.level[token])
    # a byte belongs to the part of the base token before it; after a composite that is not known
    if base.place[token] < 0:
        part = event.state[RUN]
        if part < 0:
            return MISPLACED
    if part == event.state[RUN]:
        key = max(key, event.state[KEY])
    event.state[RUN], event.state[KEY] = part, key
    return add(event, pieces, base, token, part, key)


@leaf
def read_composite(event: Event, out: Written, pieces: Pieces, base: Base, number: int) -> int:
    begins, clashes, low, high = False, False, pieces.offsets[number], pieces.offsets[number + 1]
    # begins: it starts a part in its first event; clashes: the current event already has such a part
    for i in range(low, high):
        token = pieces.token[i]
        if pieces.event[i] == 0 and base.start[token]:
            begins = True
            clashes = clashes or event.filled[base.place[token] - pieces.header_parts]
    if event.state[HEAD] == 0 and not begins:
        return BEFORE_EVENT
    error, current = 0, 0
    if event.state[HEAD] == 0 or clashes:
        error = turn(event, out, pieces, base)
    for i in range(low, high):
        if pieces.event[i] != current:
            error = max(error, turn(event, out, pieces, base))
            current = pieces.event[i]
        token = pieces.token[i]
        # pieces are of event parts, and their levels say where each stands in its part
        part = base.place[token] - pieces.header_parts
        error = max(error, add(event, pieces, base, token, part, max(0, base.level[token])))
    # no byte may follow, since a composite does not say which part it would continue
    event.state[RUN] = -1
    return error


@leaf
def read(event: Event, out: Written, pieces: Pieces, base: Base, token: int) -> int:
    """Read one token of a segmented stream; an error code."""
    place = base.place[token]
    if pieces.number[token] >= 0:
        return read_composite(event, out, pieces, base, pieces.number[token])
    if place >= pieces.header_parts:
        if base.start[token]:
            return read_start(event, out, pieces, base, token)
        return read_rest(event, pieces, base, token)
    if place == Place.SESSION:
        error = turn(event, out, pieces, base)
        out.ids[out.at[0]] = token
        out.at[0] += 1
        return error
    # still in the header, which is copied
    if event.state[HEAD] == 0:
        out.ids[out.at[0]] = token
        out.at[0] += 1
        return 0
    return read_rest(event, pieces, base, token) if place == Place.BYTE else MISPLACED


@inner
def make_written(total: int) -> Written:
    return Written(
        np.empty(total, np.int32), np.empty(total, np.int32), np.empty(total, np.int64), np.zeros(2, np.int64)
    )


@entry
def expand(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], lengths: NDArray[np.int64], base: Base, pieces: Pieces
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], int, int, int]:
    """Base streams: ids, event starts, how many events each has; and (error code or 0, stream, position).

    `lengths` (s,) is the length of each stream once expanded.
    """
    # no event is longer than its stream once expanded, so one buffer of that length serves all
    longest, parts = 0, pieces.event_parts
    for s in range(len(lengths)):
        longest = max(longest, lengths[s])
    out = make_written(lengths.sum())
    event = Event(
        np.empty(longest, np.int32),
        np.empty(longest, np.int32),
        np.empty(longest, np.int32),
        np.zeros(parts, np.bool_),
        np.zeros(parts + 1, np.int64),
        np.zeros(5, np.int64),
    )
    events = np.zeros(len(lengths), np.int64)
    for s in range(len(lengths)):
        event.state[HEAD] = 0
        # events that were written before this stream
        before = out.at[1]
        for i in range(offsets[s], offsets[s + 1]):
            error = read(event, out, pieces, base, ids[i])
            if error:
                return out.ids, out.starts, events, error, s, i - offsets[s]
        error = end_event(event, out, pieces, base) if event.state[HEAD] else 0
        if error:
            return out.ids, out.starts, events, error, s, offsets[s + 1] - offsets[s]
        events[s] = out.at[1] - before
    return out.ids, out.starts[: out.at[1]].copy(), events, 0, 0, 0
