"""Decode the times of one history exactly, with a set of intervals per event."""

from __future__ import annotations

from collections.abc import Sequence

from domaintoolkit.errors import DecodeError
from domaintoolkit.times.calendar import DAY
from domaintoolkit.times.intervals import Interval, Moment, matching
from domaintoolkit.times.zones import MICROSECOND, YEARS_BEGIN, YEARS_END, ZoneTable

__all__ = ["search"]

_FIRST_LIMIT = 4
_GROWTH = 16
_BUDGET = 4_000_000
"""Intervals examined before the search gives up, after some seconds. No encoded stream comes close."""

_Sets = list[list[Interval]]


def search(zone: ZoneTable, kinds: Sequence[Moment], shifts: Sequence[Interval], day: int) -> list[int]:
    """Times in µs of the events of one history, the first of them on `day` in UTC.

    Event i has the calendar parts `kinds[i]`, and comes later than the one before by `shifts[i]`. Raises
    `DecodeError` if no times do.

    A set can have very many intervals (every hour's 30th minute, years after the event before). Only the
    first few are kept, which is nearly always enough: if an event then has none, the search goes back to
    the first set that was cut short and keeps more.
    """
    if not kinds:
        return []
    sets: _Sets = []
    limit, cut = _FIRST_LIMIT, len(kinds)  # `cut`: the first event whose set is incomplete
    # a search that never goes back costs nothing of the budget
    spent = -2 * _FIRST_LIMIT * len(kinds)
    while len(sets) < len(kinds):
        at = len(sets)
        pieces = _shift(sets[-1], shifts[at]) if sets else [(day * DAY, (day + 1) * DAY)]
        found, more = _first_intervals(zone, kinds[at], pieces, limit)
        spent += len(found)
        if spent > _BUDGET:
            raise DecodeError(f"event {at}: found no time that agrees with its tokens and those before")
        if more:
            cut = min(cut, at)
        if found:
            sets.append(found)
        elif cut == len(kinds):
            raise DecodeError(f"event {at}: no time agrees with its tokens and those before")
        else:
            del sets[cut:]
            limit, cut = limit * _GROWTH, len(kinds)
    return _choose(sets, shifts)


def _shift(before: list[Interval], shift: Interval) -> list[Interval]:
    """The times later than `before` by `shift`, in intervals that do not overlap."""
    low, high = shift
    pieces, covered = [], YEARS_BEGIN
    for begin, end in before:
        # the last instant is end - 1, and the longest shift high - 1
        start, stop = max(begin + low, covered), min(end + high - 1, YEARS_END)
        if start < stop:
            pieces.append((start, stop))
            covered = stop
    return pieces


def _first_intervals(zone: ZoneTable, kind: Moment, pieces: list[Interval], limit: int) -> tuple[list[Interval], bool]:
    """The first `limit` intervals that agree within `pieces`, and True if there may be more."""
    found: list[Interval] = []
    for start, stop in pieces:
        for interval in matching(zone, kind, start, stop):
            if len(found) == limit:
                return found, True
            found.append(interval)
    return found, False


def _choose(sets: _Sets, shifts: Sequence[Interval]) -> list[int]:
    """One member of each set, from the last to the first, such that each fits the one after it."""
    time = _pick(sets[-1], YEARS_BEGIN, YEARS_END)
    times = [time]
    for at in range(len(sets) - 1, 0, -1):
        low, high = shifts[at]
        # from high - 1 to low µs before the event after it
        time = _pick(sets[at - 1], time - high + 1, time - low + 1)
        times.append(time)
    return times[::-1]


def _pick(intervals: list[Interval], start: int, stop: int) -> int:
    """A member of the intervals from `start` up to `stop`: the first whole second, or else the first."""
    earliest = None
    for begin, end in intervals:
        low, high = max(begin, start), min(end, stop)
        second = -(-low // MICROSECOND) * MICROSECOND
        if second < high:
            return second
        if low < high and earliest is None:
            earliest = low
    assert earliest is not None
    return earliest
