"""Streams as flat arrays, which learning and segmentation take and give."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrays", "Ints", "StreamArrays", "event_bounds", "plain"]

Ints = NDArray[np.integer[Any]]


class StreamArrays(Protocol):
    """Streams of any kind: `Arrays`, or the streams that a tokenizer gives."""

    @property
    def ids(self) -> Ints: ...
    @property
    def offsets(self) -> NDArray[np.int64]: ...
    @property
    def event_starts(self) -> NDArray[np.int64]: ...
    @property
    def event_offsets(self) -> NDArray[np.int64]: ...


class Arrays(NamedTuple):
    """n streams: `ids[offsets[i]:offsets[i + 1]]` is stream i.

    Its events begin at `event_starts[event_offsets[i]:event_offsets[i + 1]]`, counted over all of `ids`. In
    segmented streams, events that share their first token begin in the same place.
    """

    ids: Ints  # (tokens,)
    offsets: NDArray[np.int64]  # (n + 1,)
    event_starts: NDArray[np.int64]  # (events,)
    event_offsets: NDArray[np.int64]  # (n + 1,)


def plain(values: Any, dtype: Any) -> Any:
    """A contiguous, writable array of `dtype`: loops are compiled again for each kind of array."""
    return np.require(values, dtype, ["C", "W"])


def event_bounds(streams: StreamArrays) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The positions at which each event begins and ends in `ids`."""
    begins, offsets = plain(streams.event_starts, np.int64), plain(streams.offsets, np.int64)
    event_offsets = plain(streams.event_offsets, np.int64)
    # (events,) an event ends where the next one begins, and the last one of a stream where the stream ends
    ends = np.empty(len(begins), np.int64)
    ends[:-1] = begins[1:]
    # (streams,) False for a stream without events, which has no end to correct
    last = np.diff(event_offsets) > 0
    ends[event_offsets[1:][last] - 1] = offsets[1:][last]
    return begins, ends
