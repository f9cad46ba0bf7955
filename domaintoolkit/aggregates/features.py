"""The features of each kind of field, as blocks of named columns for ranges of events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.aggregates.decoded_events import SECOND, Codes, DecodedEvents, frequent_values
from domaintoolkit.aggregates.range_statistics import (
    MOMENTS,
    NUMBERS,
    count_codes,
    count_runs,
    describe_by_code,
    describe_numbers,
    find_last,
)
from domaintoolkit.schema import Categorical, Custom, FieldSpec, Numeric, Text, Timestamp
from domaintoolkit.times.calendar import DAY
from domaintoolkit.times.zones import NO_TIME, zone_table
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import offsets_of

__all__ = ["Block", "FeaturePlan", "Ranges", "event_blocks", "static_blocks"]

HOUR = 3600
WINDOWS = tuple(hours * HOUR for hours in (1, 6, 24, 7 * 24, 30 * 24, 90 * 24, 365 * 24, 1095 * 24))
"""Lengths of the windows that trends are taken over, in seconds."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
RECENT = 20
"""Values of a category whose last event is dated."""
FEW = 64
"""Values of a category for each of which numbers are described in full, if the category says what they measure."""

Block = tuple[list[str], NDArray[np.float32]]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """The features of a schema's fields."""

    tokenizer: DomainTokenizer
    windows: tuple[int, ...]
    """Seconds before the date."""
    top: int
    """Values of each category that are counted."""

    @property
    def numbers(self) -> list[FieldSpec]:
        """Fields that are described as numbers."""
        time = self.tokenizer.schema.time
        kinds = (Numeric, Text, Timestamp, Custom)
        fields = [spec for spec in self.tokenizer.schema.fields if isinstance(spec, kinds) and spec.name != time]
        return [spec for spec in fields if is_dated(spec)]

    @property
    def categories(self) -> list[Categorical]:
        """Fields that are counted."""
        return [spec for spec in self.tokenizer.schema.fields if isinstance(spec, Categorical)]

    def frequent(self, spec: FieldSpec, limit: int | None = None) -> list[str]:
        """The values of a category that are counted."""
        return frequent_values(self.tokenizer, spec.name, self.top if limit is None else limit)


@dataclass(frozen=True, slots=True)
class Ranges:
    """The known events of each label row: `low[i]` to `high[i]`, and its date in seconds (NaN without times)."""

    # (n,) each
    low: Longs
    high: Longs
    dates: NDArray[np.float64]

    def within(self, seconds: NDArray[np.float64], window: int) -> Longs:
        """(n,) the first event of each range that is at most `window` seconds before its date."""
        low, high = self.low.copy(), self.high.copy()
        # a binary search in every range at once: times rise within each
        while (low < high).any():
            middle = (low + high) // 2
            seen = seconds[np.minimum(middle, max(len(seconds) - 1, 0))] if len(seconds) else np.zeros(len(low))
            # events without a time come first
            early = ~(seen >= self.dates - window) & (low < high)
            low, high = np.where(early, middle + 1, low), np.where(early | (low >= high), high, middle)
        return low


def is_dated(spec: FieldSpec) -> bool:
    """False for times whose tokens do not say the year."""
    return not isinstance(spec, Timestamp) or "year" in spec.parts


def event_blocks(plan: FeaturePlan, events: DecodedEvents, ranges: Ranges) -> Iterator[Block]:
    """All features of the events in ranges."""
    counts = (ranges.high - ranges.low).astype(np.float32)
    # every block is (n, features of the block), n label rows
    yield ["events"], counts[:, None]
    if plan.tokenizer.schema.has_sessions:
        yield _sessions(events, ranges)
    starts: dict[int, Longs] = {}
    if events.times is not None:
        seconds = events.seconds()
        starts = {window: ranges.within(seconds, window) for window in plan.windows}
        yield from _times(plan, events, seconds, ranges, starts)
    # decoded once, since several features of a field need them
    codes = {category.name: events.codes(category, plan.frequent(category)) for category in plan.categories}
    for category in plan.categories:
        yield from _categories(plan, category, codes[category.name], ranges, starts)
        yield _runs(category.name, codes[category.name], ranges)
        if events.times is not None:
            yield _recencies(plan, category, codes[category.name], seconds, ranges)
    values = {field.name: events.numbers(field) for field in plan.numbers}
    for spec in plan.numbers:
        yield from _numbers(spec.name, values[spec.name], ranges, starts)
        if isinstance(spec, Timestamp):
            yield _days(spec.name, _last(values[spec.name], ranges), ranges)
    for number, category in product(plan.numbers, plan.categories):
        if isinstance(number, Numeric):
            yield from _describe_by_category(plan, number, category, values[number.name], codes[category.name], ranges)


def static_blocks(plan: FeaturePlan, events: DecodedEvents, histories: Longs, ranges: Ranges) -> Iterator[Block]:
    """Features of the static fields, which each event of a history has; `histories` (n,), -1 without one."""
    known = histories >= 0
    # (n,) the first event of each history; of label rows without a history, any event that is not looked at
    at = events.offsets[np.maximum(histories, 0)]
    for spec in filter(is_dated, plan.tokenizer.schema.static):
        if isinstance(spec, Categorical):
            frequent = plan.frequent(spec, min(plan.top, 50))
            coded = events.codes(spec, frequent)
            codes = np.where(known, coded.codes[np.where(known, at, 0)] if len(coded.codes) else -1, -1)
            names = [f"{spec.name}={value}" for value in frequent]
            # (n, values) one column for each frequent value, and one for its rank among them
            yield names, (codes[:, None] == np.arange(len(frequent))).astype(np.float32)
            yield [f"{spec.name}: rank"], np.where(codes < 0, np.nan, codes)[:, None].astype(np.float32)
            continue
        numbers = events.numbers(spec)
        found = np.where(known, numbers[np.where(known, at, 0)] if len(numbers) else np.nan, np.nan)
        if isinstance(spec, Timestamp):
            yield _days(spec.name, found, ranges)
        else:
            yield [spec.name], found[:, None].astype(np.float32)


def _days(name: str, seconds: NDArray[np.float64], ranges: Ranges) -> Block:
    return [f"{name}: days from it to the date"], ((ranges.dates - seconds) / 86_400)[:, None].astype(np.float32)


def _last(values: NDArray[np.float64], ranges: Ranges) -> NDArray[np.float64]:
    """(n,) the last value of each range that is not NaN; in float64, since seconds need it."""
    # (events,) the number of the last event with a value, up to each
    found = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    at = found[ranges.high - 1] if len(values) else np.full(len(ranges.low), -1)
    there = (ranges.high > ranges.low) & (at >= ranges.low)
    return np.where(there, values[np.where(there, at, 0)] if len(values) else np.nan, np.nan)


def _describe(values: NDArray[np.float64], low: Longs, high: Longs) -> NDArray[np.float32]:
    out = np.empty((len(low), len(NUMBERS)), np.float32)
    describe_numbers(values, low, high, out)
    return out


def _count(codes: Codes, low: Longs, high: Longs, top: int) -> NDArray[np.float32]:
    out = np.empty((len(low), top + 3), np.float32)
    count_codes(codes.codes, max(codes.distinct, 1), low, high, top, out)
    return out


def _sessions(events: DecodedEvents, ranges: Ranges) -> Block:
    # (events + 1,) session tokens before each event
    running = offsets_of(events.has_session.astype(np.int64))
    # the first event of a history begins a session without a token
    any_events = ranges.high > ranges.low
    found = running[ranges.high] - running[ranges.low] + any_events  # (n,) sessions
    per = np.where(any_events, (ranges.high - ranges.low) / np.maximum(found, 1), np.nan)
    return ["sessions", "events a session"], np.stack([found, per], 1).astype(np.float32)


def _times(
    plan: FeaturePlan, events: DecodedEvents, seconds: NDArray[np.float64], ranges: Ranges, starts: dict[int, Longs]
) -> Iterator[Block]:
    """Recency, frequency, gaps, counts in windows, and shares of the calendar."""
    # (events + 1,) events with a time before each
    timed = offsets_of((~np.isnan(seconds)).astype(np.int64))
    count = timed[ranges.high] - timed[ranges.low]
    # float32 has 24 bits, and seconds since 1970 need 31: differences are taken in float64
    first, last = _ends(seconds, ranges)
    # (events,) seconds since the event before; NaN for the first of a history
    gaps = np.diff(seconds, prepend=np.nan)
    gaps[events.offsets[:-1][np.diff(events.offsets) > 0]] = np.nan
    # a range begins with its history, so that its first event has no gap
    between = _describe(gaps, ranges.low, ranges.high)
    span = last - first
    with np.errstate(invalid="ignore", divide="ignore"):
        # (n, 5)
        table = np.stack(
            [
                (ranges.dates - last) / HOUR,
                (ranges.dates - first) / HOUR,
                span / HOUR,
                count / np.maximum((ranges.dates - first) / 86_400, 1),
                (ranges.dates - last) / between[:, NUMBERS.index("mean")],
            ],
            1,
        )
    names = [
        "hours since the last event",
        "hours since the first event",
        "hours from the first event to the last",
        "events a day",
        "time since the last event, in usual gaps",
    ]
    # a division by zero, such as by a mean gap of zero, is an infinity
    yield names, np.where(np.isfinite(table), table, np.nan).astype(np.float32)
    kept = [NUMBERS.index(name) for name in ("mean", "std", "min", "max", "last", "mean of last 5", "slope")]
    yield [f"seconds between events: {NUMBERS[place]}" for place in kept], between[:, kept]
    if starts:
        inside = np.stack([ranges.high - start for start in starts.values()], 1)  # (n, windows)
        yield [f"events in the last {_period(window)}" for window in starts], inside.astype(np.float32)
        # (n, windows)
        shares = inside / np.maximum(ranges.high - ranges.low, 1)[:, None]
        yield [f"share of events in the last {_period(window)}" for window in starts], shares.astype(np.float32)
    yield from _calendar(plan, events, ranges, starts)


def _ends(seconds: NDArray[np.float64], ranges: Ranges) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) the first and the last time of each range, NaN without any; events without a time come first."""
    if not len(seconds):
        return np.full(len(ranges.low), np.nan), np.full(len(ranges.low), np.nan)
    timed = offsets_of((~np.isnan(seconds)).astype(np.int64))
    # (n,) events without a time, which come first in their range
    untimed = (ranges.high - ranges.low) - (timed[ranges.high] - timed[ranges.low])
    first = ranges.low + untimed
    there = first < ranges.high
    at = np.where(there, first, 0)
    last = np.where(there, ranges.high - 1, 0)
    return np.where(there, seconds[at], np.nan), np.where(there, seconds[last], np.nan)


def _calendar(plan: FeaturePlan, events: DecodedEvents, ranges: Ranges, starts: dict[int, Longs]) -> Iterator[Block]:
    """Days with events, and shares of weekdays and of the eight parts of the day, in the zone of the time field."""
    assert events.times is not None
    field = plan.tokenizer.schema.time_field
    zone = plan.tokenizer.layout.zones.get(field.name) if field is not None else None
    if field is not None and field.zone != "UTC":
        zone = zone_table(field.zone)
    local = events.times if zone is None else zone.local(events.times)
    missing = events.times == NO_TIME
    day = np.where(missing, -1, local // DAY)
    # (events + 1,) how often the day is another than that of the event before, up to each
    turns = offsets_of((np.diff(day, prepend=-1) != 0).astype(np.int64))
    timed = offsets_of((~missing).astype(np.int64))
    periods = {"": ranges.low, **{f" in the last {_period(window)}": start for window, start in starts.items()}}
    days = np.empty((len(ranges.low), len(periods)), np.float32)
    for place, low in enumerate(periods.values()):
        # (n,) the first event with a time; those without come first
        first = ranges.high - (timed[ranges.high] - timed[low])
        days[:, place] = np.where(
            first < ranges.high, turns[ranges.high] - turns[np.minimum(first + 1, ranges.high)] + 1, 0
        )
    yield [f"days with events{period}" for period in periods], days
    # 1 January 1970 was a Thursday
    weekday = np.where(missing, -1, (local // DAY + 3) % 7)
    kinds: list[tuple[str, tuple[str, ...], Longs]] = [("weekday", WEEKDAYS, weekday)]
    eighth = np.where(missing, -1, local % DAY // (3 * HOUR * SECOND))  # (events,) 0 to 7, -1 without a time
    hours = tuple(f"{3 * part}:00 to {3 * part + 3}:00" for part in range(8))
    kinds.append(("time of day", hours, eighth))
    for title, names, codes in kinds:
        out = _count(Codes(codes, len(names)), ranges.low, ranges.high, len(names))
        # (n, 1)
        total = np.maximum(out[:, : len(names)].sum(1, keepdims=True), 1)
        yield [f"share of {title} {name}" for name in names], out[:, : len(names)] / total


def _numbers(name: str, values: NDArray[np.float64], ranges: Ranges, starts: dict[int, Longs]) -> Iterator[Block]:
    whole = _describe(values, ranges.low, ranges.high)  # (n, 10), columns as in `NUMBERS`; 2 is the mean
    yield [f"{name}: {title}" for title in NUMBERS], whole
    away = whole[:, NUMBERS.index("last")] - whole[:, 2]
    spread = whole[:, NUMBERS.index("std")]
    # in deviations, so that one rule serves small and large amounts; none if all values are equal
    usual = np.where(spread > 0, away / np.where(spread > 0, spread, 1), np.nan)
    yield [f"{name}: last less mean", f"{name}: last less mean, in deviations"], np.stack([away, usual], 1)
    kept = [NUMBERS.index(title) for title in ("count", "sum", "mean", "min", "max")]
    for window, start in starts.items():
        part = _describe(values, start, ranges.high)
        period = _period(window)
        yield [f"{name} in the last {period}: {NUMBERS[place]}" for place in kept], part[:, kept]
        yield [f"{name} in the last {period}: mean less mean of all"], (part[:, 2] - whole[:, 2])[:, None]


def _categories(
    plan: FeaturePlan, spec: Categorical, codes: Codes, ranges: Ranges, starts: dict[int, Longs]
) -> Iterator[Block]:
    frequent = plan.frequent(spec)
    top = len(frequent)
    # (n, top + 3) the counts; how many distinct values; the share of the most frequent; the last code
    whole = _count(codes, ranges.low, ranges.high, top)
    yield [f"{spec.name}={value}: count" for value in frequent], whole[:, :top]
    names = ["distinct", "share of the most frequent", "rank of the last"]
    yield [f"{spec.name}: {name}" for name in names], whole[:, top:]
    few = min(top, 30)
    total = np.maximum(ranges.high - ranges.low, 1)[:, None]
    yield [f"{spec.name}={value}: share" for value in frequent[:few]], (whole[:, :few] / total).astype(np.float32)
    last = min(top, 10)
    # (n, 1) beside (last,)
    is_last = (whole[:, top + 2 :] == np.arange(last)).astype(np.float32)
    yield [f"{spec.name}={value}: is the last" for value in frequent[:last]], is_last
    for window, start in starts.items():
        part = _count(codes, start, ranges.high, last)  # (n, last + 3)
        shares = part[:, :last] / np.maximum(ranges.high - start, 1)[:, None]  # (n, last)
        period = _period(window)
        yield (
            [f"{spec.name}={value} in the last {period}: share" for value in frequent[:last]],
            shares.astype(np.float32),
        )
        yield [f"{spec.name} in the last {period}: distinct"], part[:, last : last + 1]


def _runs(name: str, codes: Codes, ranges: Ranges) -> Block:
    """How new the last value is to the history."""
    out = np.empty((len(ranges.low), 2), np.float32)
    count_runs(codes.codes, ranges.low, ranges.high, out)
    return [f"{name}: share of the last", f"{name}: events with the last without a break"], out


def _recencies(
    plan: FeaturePlan, spec: Categorical, codes: Codes, seconds: NDArray[np.float64], ranges: Ranges
) -> Block:
    frequent = plan.frequent(spec, min(plan.top, RECENT))
    last = np.empty((len(ranges.low), len(frequent)))
    find_last(codes.codes, seconds, ranges.low, ranges.high, len(frequent), last)
    hours = ((ranges.dates[:, None] - last) / HOUR).astype(np.float32)
    return [f"hours since the last {spec.name}={value}" for value in frequent], hours


def _describe_by_category(
    plan: FeaturePlan, number: Numeric, category: Categorical, values: NDArray[np.float64], codes: Codes, ranges: Ranges
) -> Iterator[Block]:
    """Statistics of a number for each value of a category: all of them if the category says what is measured."""
    measured = number.by == category.name
    frequent = plan.frequent(category, FEW if measured else 10)
    top = min(len(frequent), plan.top)
    out = np.empty((len(ranges.low), top, len(MOMENTS)), np.float32)
    describe_by_code(values, codes.codes, ranges.low, ranges.high, top, out)
    kept = MOMENTS if measured else ("mean", "last")
    places = [MOMENTS.index(title) for title in kept]
    names = [f"{number.name} of {category.name}={value}: {title}" for value in frequent[:top] for title in kept]
    yield names, out[:, :, places].reshape(len(out), len(names))


def _period(seconds: int) -> str:
    hours = seconds // HOUR
    if hours <= 24:
        return "hour" if hours == 1 else f"{hours} hours"
    return f"{hours // 24} days"
