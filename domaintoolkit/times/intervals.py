"""The instants that agree with given calendar parts, as an ordered, lazy sequence of intervals."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.times.calendar import DAY, HOUR, MINUTE, civil, day_number, leap
from domaintoolkit.times.zones import ZoneTable

__all__ = ["ANY", "Interval", "Moment", "TimeTokens", "matching", "moments"]

ANY = -1
"""Any value of a part."""

Interval = tuple[int, int]
"""(start, stop), `stop` excluded; in µs, or in days."""


class Moment(NamedTuple):
    """Calendar parts, each a value or ANY."""

    year: int = ANY
    month: int = ANY
    day: int = ANY
    weekday: int = ANY
    hour: int = ANY
    minute: int = ANY


_EVERY = Moment()


@dataclass(frozen=True, slots=True)
class TimeTokens:
    """The times of n rows as their tokens give them; each array is (n,)."""

    parts: dict[str, NDArray[np.int64]]
    """The value of each calendar part; -1 if the row is null."""
    bucket: NDArray[np.int64] | None
    """The bucket of the time since the previous event, if the field has one."""
    null: NDArray[np.bool_]


def moments(tokens: TimeTokens) -> list[Moment]:
    """The calendar parts of each row."""
    count = len(tokens.null)
    columns = [tokens.parts[name].tolist() if name in tokens.parts else [ANY] * count for name in Moment._fields]
    return [Moment(*row) for row in zip(*columns, strict=True)]


def matching(zone: ZoneTable, moment: Moment, start: int, stop: int) -> Iterator[Interval]:
    """The instants from `start` up to `stop` that agree with `moment`, in intervals that do not overlap."""
    while start < stop:
        # within a segment of the zone, local time is the instant plus a constant
        offset, _, end = zone.segment(start)
        end = min(end, stop)
        for low, high in _local(moment, start + offset, end + offset):
            yield low - offset, high - offset
        start = end


def _local(moment: Moment, start: int, stop: int) -> Iterator[Interval]:
    """The same as `matching`, in local time."""
    if moment == _EVERY:
        yield start, stop
        return
    spans = _spans(moment.hour, moment.minute)
    for first, last in _days(moment, start // DAY, (stop - 1) // DAY + 1):
        if spans is None:
            yield max(first * DAY, start), min(last * DAY, stop)
            continue
        for day in range(first, last):
            for low, high in spans:
                begin, end = max(day * DAY + low, start), min(day * DAY + high, stop)
                if begin < end:
                    yield begin, end


@lru_cache(maxsize=2048)
def _spans(hour: int, minute: int) -> tuple[Interval, ...] | None:
    """The times of day that agree, in µs; None means all."""
    if hour == ANY and minute == ANY:
        return None
    hours = range(24) if hour == ANY else (hour,)
    if minute == ANY:
        return tuple((at * HOUR, (at + 1) * HOUR) for at in hours)
    return tuple((at * HOUR + minute * MINUTE, at * HOUR + (minute + 1) * MINUTE) for at in hours)


def _days(moment: Moment, start: int, stop: int) -> Iterator[Interval]:
    """Runs of days from `start` up to `stop` that agree."""
    year = civil(start)[0]
    if moment.year != ANY:
        if year > moment.year:
            return
        year = moment.year
    first = day_number(year, 1, 1)
    while first < stop:
        longer = leap(year)
        # 1970-01-01, day 0, was a Thursday, weekday 3
        lows, highs = _runs(longer, (first + 3) % 7, moment.month, moment.day, moment.weekday)
        # runs that end before `start` are passed over; `highs` rise, as runs do not overlap
        for at in range(bisect_right(highs, start - first), len(highs)):
            begin, end = max(first + lows[at], start), min(first + highs[at], stop)
            if begin >= end:
                return
            yield begin, end
        year, first = year + 1, first + 365 + longer
        if moment.year not in (ANY, year):
            return


@lru_cache(maxsize=65_536)
def _runs(
    leap: bool, weekday_first: int, month: int, day: int, weekday: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(begins, ends) of runs of days, from the first of January, in a year that begins on `weekday_first`."""
    runs: list[Interval] = []
    year = 2000 if leap else 2001  # any year of that length; only distances within it are used
    months = range(1, 13) if month == ANY else (month,)
    for number in months:
        begin = day_number(year, number, 1) - day_number(year, 1, 1)
        length = day_number(year, number + 1, 1) - day_number(year, number, 1) if number < 12 else 31
        for at in range(length) if day == ANY else range(day - 1, min(day, length)):
            if weekday != ANY and (weekday_first + begin + at) % 7 != weekday:
                continue
            # a day right after the last run belongs to it, also across the end of a month
            if runs and runs[-1][1] == begin + at:
                runs[-1] = (runs[-1][0], begin + at + 1)
            else:
                runs.append((begin + at, begin + at + 1))
    return tuple(low for low, _ in runs), tuple(high for _, high in runs)
