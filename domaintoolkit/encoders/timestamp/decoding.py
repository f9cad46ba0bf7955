"""Decode times: find instants that agree with every token of a history.

The instants an event can have are those of the event before, shifted by the delta of its token, that agree
with its calendar parts. These sets are carried forward along a history, and one member of each is chosen
backward. `sweep` takes all histories side by side in numpy, one interval each; `search` then takes,
one by one, the histories for which one interval is not enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells
from domaintoolkit.encoders.timestamp.deltas import NONE
from domaintoolkit.encoders.timestamp.encoder import TimestampEncoder
from domaintoolkit.encoders.timestamp.exact_search import search
from domaintoolkit.encoders.timestamp.sweep import Steps, sweep
from domaintoolkit.errors import DecodeError
from domaintoolkit.times.intervals import Moment, TimeTokens, moments
from domaintoolkit.times.zones import LAST, ZoneTable, zone_table

__all__ = ["decode_instants"]


def decode_instants(
    encoder: TimestampEncoder | None,
    cells: Sequence[Cells],
    days: NDArray[np.int64],
    event_offsets: NDArray[np.int64],
    low: NDArray[np.integer[Any] | np.bool_],
    high: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """A time in µs for each event, in whole seconds if these agree.

    `cells` are the parts of the time field, one row per event; without an `encoder` there are no parts.
    `days` (histories,) are the anchors, `event_offsets` (histories + 1,) the first event of each history. An event
    is at least `low` and (if given) less than `high` µs later than the one before it; that of a first event does not
    matter.
    Raises `DecodeError` with the number of the history and of its event if no times have these tokens.
    """
    count = int(event_offsets[-1])
    tokens = TimeTokens({}, None, np.zeros(count, np.bool_)) if encoder is None else encoder.read(cells)
    zone = zone_table("UTC") if encoder is None else encoder.zone
    # (events,) True for the first event of each history, which no delta binds
    first = np.zeros(count, np.bool_)
    first[event_offsets[:-1][np.diff(event_offsets) > 0]] = True
    # (events,) each: µs since the event before
    least, most = np.where(first, 0, low), np.where(first, LAST, LAST if high is None else high)
    least, most = _shifts(encoder, tokens, least, most)
    _check(tokens, least, most, first, event_offsets)
    steps = Steps(zone, tokens.parts, least, most, days, event_offsets)
    # (events,) and (histories,): nearly all histories are solved together, the others one by one
    times, solved = sweep(steps)
    for history in np.flatnonzero(~solved).tolist():
        begin, end = event_offsets[history : history + 2].tolist()
        times[begin:end] = _search_history(
            zone, tokens, least[begin:end], most[begin:end], int(days[history]), history, begin
        )
    return times


def _shifts(
    encoder: TimestampEncoder | None, tokens: TimeTokens, low: NDArray[np.int64], high: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(low, high) as for `decode_instants`, narrowed by the deltas."""
    if encoder is None or encoder.buckets is None or tokens.bucket is None:
        return low, high
    bounds = np.array([encoder.buckets.span(bucket) for bucket in range(len(encoder.buckets.names))])
    # (events, 2) from (buckets, 2)
    spans = bounds[tokens.bucket]
    return np.maximum(low, spans[:, 0]), np.minimum(high, spans[:, 1])


def _check(
    tokens: TimeTokens,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    first: NDArray[np.bool_],
    event_offsets: NDArray[np.int64],
) -> None:
    """Raise `DecodeError` for tokens that no choice of times can satisfy."""
    reasons = [(tokens.null, "the time of an event is null")]
    if tokens.bucket is not None:
        none = tokens.bucket == NONE
        reasons += [
            (first & ~none, "a first event has a time since the previous one"),
            (none & ~first, "an event lacks the time since the previous one"),
            (
                ~first & ~none & (low >= high),
                "events at the same time are not in their order, or their session is not that of their time",
            ),
        ]
    for wrong, reason in reasons:
        if wrong.any():
            event = int(np.argmax(wrong))
            history = int(np.searchsorted(event_offsets, event, "right")) - 1
            raise DecodeError(f"event {event - int(event_offsets[history])}: {reason}", history)


def _search_history(
    zone: ZoneTable,
    tokens: TimeTokens,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    day: int,
    history: int,
    begin: int,
) -> list[int]:
    span = slice(begin, begin + len(low))
    parts = {name: values[span] for name, values in tokens.parts.items()}
    kinds: list[Moment] = moments(TimeTokens(parts, None, tokens.null[span]))
    shifts = list(zip(low.tolist(), high.tolist(), strict=True))
    try:
        return search(zone, kinds, shifts, day)
    except DecodeError as error:
        raise DecodeError(error.reason, history) from None
