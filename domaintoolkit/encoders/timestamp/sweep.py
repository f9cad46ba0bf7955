"""Decode times fast: all histories side by side, with one interval each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.times.calendar import DAY, HOUR, MINUTE, civil
from domaintoolkit.times.zones import LAST, MICROSECOND, YEARS_BEGIN, YEARS_END, ZoneTable
from domaintoolkit.util.ragged import run_offsets

__all__ = ["Steps", "sweep"]

Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

_WIDE = 16
"""With fewer histories left than this, a step in numpy costs more than the exact search in Python."""

_AHEAD = 40 * 366
_MOST_DAYS = 200_000
"""Days after the last anchor that the table has, and the most days that it may have."""

_SEGMENTS = 3
"""Transitions of the zone that a search for the next interval may cross."""

_RADIX = {"year": 16_384, "month": 16, "day": 32, "weekday": 8}


@dataclass(frozen=True, slots=True)
class Steps:
    """Events of several histories, history by history."""

    zone: ZoneTable
    parts: dict[str, Whole]
    """(events,) the value of each calendar part."""
    low: Whole
    high: Whole
    """(events,) µs later than the one before: at least `low`, less than `high`."""
    days: Whole
    """(histories,) the day of the first event."""
    offsets: Whole
    """(histories + 1,) the first event of each."""


def sweep(steps: Steps) -> tuple[Whole, Flags]:
    """Times (events,) in µs, and True for the histories (histories,) whose times are found."""
    lengths = np.diff(steps.offsets)
    # (histories,) one without events has nothing to find
    solved = lengths == 0
    times = np.zeros(len(steps.low), np.int64)
    # Longest first: those still active at a step are then a prefix of `order`.
    order = np.argsort(-lengths, kind="stable")
    # The longest histories, fewer than _WIDE of them, are left to the exact search.
    deepest = int(lengths[order[_WIDE - 1]]) if len(lengths) >= _WIDE else 0
    order = order[(lengths[order] <= deepest) & (lengths[order] > 0)]
    calendar = _NextMatch.over(steps) if len(order) else None
    if calendar is None:
        return times, solved
    # (steps,) the number of histories that have an event at each step
    active = np.searchsorted(-lengths[order], -np.arange(deepest), "left")
    starts = steps.offsets[order]
    good = _forward(steps, calendar, order, starts, active)
    _backward(steps, times, calendar, starts, active, good)
    solved[order[good]] = True
    return times, solved


def _forward(steps: Steps, calendar: _NextMatch, order: Whole, starts: Whole, active: Whole) -> Flags:
    """Carry one interval along each history; False for those that end up with none."""
    # (histories,) the interval of the event at the current step
    begin = np.maximum(steps.days[order] * DAY, YEARS_BEGIN)
    end = np.minimum(begin + DAY, YEARS_END)
    good = np.ones(len(order), np.bool_)
    for step, count in enumerate(active.tolist()):
        events = starts[:count] + step
        begin, end = begin[:count], end[:count]
        if step:
            # times that are `low` to `high` after some time of the interval before
            begin = np.minimum(begin + steps.low[events], YEARS_END)
            end = np.minimum(end + (steps.high[events] - 1), YEARS_END)
        begin, end = calendar.first(events, begin, end)
        lost = begin >= end
        if lost.any():
            good[:count] &= ~lost
            # A history that is lost goes on with any interval, so that the arrays stay whole.
            end = np.where(lost, begin + 1, end)
        calendar.begin[events], calendar.end[events] = begin, end
    return good


def _backward(steps: Steps, times: Whole, calendar: _NextMatch, starts: Whole, active: Whole, good: Flags) -> None:
    """Choose a time within each interval that fits the time chosen for the next event."""
    # (histories that go on,) the times chosen for the events after
    behind = np.empty(0, np.int64)
    for step in range(len(active) - 1, -1, -1):
        events = starts[: active[step]] + step
        low, high = calendar.begin[events].copy(), calendar.end[events].copy()
        if len(behind):
            # (histories that go on,) the event after, whose time is chosen already
            following = events[: len(behind)] + 1
            np.maximum(low[: len(behind)], behind - steps.high[following] + 1, out=low[: len(behind)])
            np.minimum(high[: len(behind)], behind - steps.low[following] + 1, out=high[: len(behind)])
        # the first whole second, if the interval has one
        second = -(-low // MICROSECOND) * MICROSECOND
        behind = np.where(second < high, second, low)
        good[: len(events)] &= low < high
        times[events] = behind


class _NextMatch:
    """Finds the first interval after a time that agrees with the calendar parts of an event."""

    def __init__(self, steps: Steps, first_day: int, last_day: int) -> None:
        self._zone, self._parts = steps.zone, steps.parts
        self._dated = [name for name in _RADIX if name in steps.parts]
        self.begin, self.end = np.zeros(len(steps.low), np.int64), np.zeros(len(steps.low), np.int64)
        self._first_day, self._last_day = first_day, last_day
        self._whole_days = "hour" not in steps.parts and "minute" not in steps.parts
        self._cycle = HOUR if "minute" in steps.parts and "hour" not in steps.parts else DAY
        self._length = MINUTE if "minute" in steps.parts else HOUR if "hour" in steps.parts else DAY
        self._tabulate()

    @classmethod
    def over(cls, steps: Steps) -> _NextMatch | None:
        """A table for these events; None if it would be too large, or if a date has a minute without an hour."""
        first, last = int(steps.days.min()) - 2, int(steps.days.max()) + _AHEAD
        dated = any(name in steps.parts for name in _RADIX)
        if dated and (last - first > _MOST_DAYS or ("minute" in steps.parts and "hour" not in steps.parts)):
            return None
        return cls(steps, first, last)

    def _tabulate(self) -> None:
        """Runs of consecutive days with the same date parts, sorted by these and then by day."""
        if not self._dated:
            return
        # (days,) of the table
        days = np.arange(self._first_day, self._last_day)
        values = dict(zip(("year", "month", "day"), civil(days), strict=True), weekday=(days + 3) % 7)
        keys = self._key({name: values[name] for name in self._dated})
        # (runs,) the first day of each; with a time of day, each day is a run, since it has an interval of its own
        bounds = run_offsets(keys) if self._whole_days else np.arange(len(days) + 1)
        begins, ends = bounds[:-1], bounds[1:]
        order = np.lexsort((begins, keys[begins]))
        self._run_begin, self._run_end = days[0] + begins[order], days[0] + ends[order]
        self._run_key = keys[begins][order]
        # one sorted array of (key, end of the run), to search in both at once
        self._sorted = self._run_key * _MOST_DAYS * 2 + (self._run_end - self._first_day)

    def _key(self, values: dict[str, Whole]) -> Whole:
        # digits of a number in mixed radix, so that equal dates have equal keys
        key = np.zeros(len(next(iter(values.values()))), np.int64)
        for name in self._dated:
            key = key * _RADIX[name] + values[name]
        return key

    def first(self, events: Whole, start: Whole, stop: Whole) -> tuple[Whole, Whole]:
        """The first interval from `start` up to `stop` of each event; end <= begin if none is found."""
        offset, until = self._segment(start)
        begin, end = self._local(events, start + offset)
        begin, end = begin - offset, np.minimum(np.minimum(end - offset, until), stop)
        # no match before the offset changes: search again from the transition on
        for _ in range(_SEGMENTS):
            again = np.flatnonzero((begin >= until) & (until < stop))  # (events that search on,)
            if not len(again):
                break
            at = until[again]
            offset, following = self._segment(at)
            low, high = self._local(events[again], at + offset)
            # offsets turn local time back into UTC
            begin[again] = low - offset
            end[again] = np.minimum(np.minimum(high - offset, following), stop[again])
            until[again] = following
        return begin, end

    def _segment(self, times: Whole) -> tuple[Whole, Whole]:
        """The offset in force at each time, and the instant at which it ends."""
        if not len(self._zone.instants):
            return np.full(len(times), self._zone.offsets[0]), np.full(len(times), LAST)
        at = np.searchsorted(self._zone.instants, times, "right")
        return self._zone.offsets[at], np.append(self._zone.instants, LAST)[at]

    def _local(self, events: Whole, start: Whole) -> tuple[Whole, Whole]:
        """The first interval from `start` on, in local time; a day beyond the table has none."""
        if self._whole_days and not self._dated:
            return start, np.full(len(start), LAST)
        shift = self._shift(events)
        # (events,) the first cycle whose interval ends after `start`
        cycle = (start - shift - self._length) // self._cycle + 1
        last = cycle + 1
        if self._dated:
            cycle, last = self._next_days(events, cycle)
        begin = np.maximum(start, cycle * self._cycle + shift)
        end = (last - 1) * self._cycle + shift + self._length
        return begin, end

    def _shift(self, events: Whole) -> Whole:
        """The begin of the interval of each event within its cycle, in µs."""
        shift = np.zeros(len(events), np.int64)
        if "hour" in self._parts:
            shift += self._parts["hour"][events] * HOUR
        if "minute" in self._parts:
            shift += self._parts["minute"][events] * MINUTE
        return shift

    def _next_days(self, events: Whole, day: Whole) -> tuple[Whole, Whole]:
        """The first run of days from `day` on with the date parts of each event, and its end."""
        key = self._key({name: self._parts[name][events] for name in self._dated})
        held = np.clip(day, self._first_day, self._last_day) - self._first_day
        # The first run with this key that ends after the day.
        at = np.searchsorted(self._sorted, key * _MOST_DAYS * 2 + held, "right")
        known = at < len(self._sorted)
        at = np.minimum(at, len(self._sorted) - 1)
        known &= (self._run_key[at] == key) & (day >= self._first_day)
        # without a run, an interval far beyond the years, which the caller finds lost
        begin = np.where(known, np.maximum(self._run_begin[at], day), LAST // DAY - 2)
        end = self._run_end[at] if self._whole_days else begin + 1
        return begin, np.where(known, end, begin)
