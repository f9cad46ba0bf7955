"""Columns of every supported type as instants: int64 microseconds since the epoch, UTC; and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import quote
from domaintoolkit.times.calendar import DAY, PER_UNIT, is_leap_second
from domaintoolkit.times.iso_text import DATE_LENGTH, FINER
from domaintoolkit.times.time_form import ISO, TimeForm
from domaintoolkit.times.zones import YEARS_BEGIN, YEARS_END, ZoneTable, zone_table
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.instants.iso_times import TextTimes, parse_times
from domaintoolkit.values.instants.time_counts import (
    floats_as_counts,
    is_counted,
    origin_of,
    parse_counts,
    show_count,
)
from domaintoolkit.values.instants.time_formats import parse_formatted
from domaintoolkit.values.instants.time_refusals import NO_LEAP, NO_ORIGIN, NO_UNIT, OUTSIDE, say_skipped
from domaintoolkit.values.prepared import Prepared, refuse_all
from domaintoolkit.values.texts import as_strings, holds_text

__all__ = ["INSTANT", "from_microseconds", "read_text", "text_instants", "to_microseconds"]

INSTANT = pa.timestamp("us", "UTC")

Flags = NDArray[np.bool_]
Show = Callable[[int], str]


def to_microseconds(values: pa.Array, zone: str | ZoneTable, form: TimeForm = ISO) -> Prepared:
    """A column as timestamp[us, UTC].

    Takes timestamps of any unit and zone, dates, text, numbers, and times of day and durations, which count from
    the form's origin. A time that names no zone is wall time in `zone`. Nulls stay. It refuses what is not a time,
    is finer than a microsecond, is skipped by the clocks of the zone, or is outside the years 1 to 9999.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        codes, distinct = codes_of(values)
        return to_microseconds(distinct, zone, form).spread(codes)
    table = zone_table(zone) if isinstance(zone, str) else zone
    if pa.types.is_null(kind):
        return Prepared(values.cast(INSTANT))
    if pa.types.is_timestamp(kind):
        mark = "" if kind.tz is None else "Z"
        counts = _fill_nulls(values.view(pa.int64()))
        show = _show_as(counts, kind.unit, mark)
        return _from_counts(_Counts(values, counts, kind.unit, None if mark else table, show), form.cut)
    if pa.types.is_date(kind):
        days = _fill_nulls(values.view(pa.int32()) if pa.types.is_date32(kind) else values.view(pa.int64()))
        unit = "D" if pa.types.is_date32(kind) else "ms"
        show = _show_as(days, unit)
        return _from_counts(_Counts(values, days, "d" if unit == "D" else unit, table, show, are_dates=True))
    if holds_text(kind):
        texts = as_strings(values)
        return text_instants(texts, read_text(texts, form), table, form)
    if pa.types.is_integer(kind) and form.pattern is not None:  # 20240105, as data warehouses have dates
        return to_microseconds(values.cast(pa.string()), table, form)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _numbers(values, table, form)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        return _durations(values, table, form)
    return refuse_all(values, INSTANT, f"values of type {kind} cannot be read as times")


def read_text(texts: pa.Array, form: TimeForm = ISO) -> TextTimes:
    """The times of text in a form."""
    if form.pattern is not None:
        return parse_formatted(texts, form.patterns, form.cut, form.origin)
    return parse_times(texts, form.cut) if form.unit is None else parse_counts(texts, form)


def text_instants(texts: pa.Array, times: TextTimes, table: ZoneTable, form: TimeForm) -> Prepared:
    """The instants of times that were read from `texts`: those that name no zone are wall time of the table's."""
    micros, named, null, refused, leaps, known_dates = times

    def show(row: int) -> str:
        if is_counted(str(texts[row]), form):
            return show_count(texts[row], form)
        return quote(texts[row].cast(pa.large_binary()).as_py())

    def dates() -> Flags:
        if known_dates is not None:
            return known_dates
        return np.asarray(pc.fill_null(pc.less_equal(pc.binary_length(texts), DATE_LENGTH), False))

    if named.all():
        made = _locate(micros, null, None, show, refused=refused)
    elif not named.any():
        made = _locate(micros, null, table, show, dates, refused)
    else:
        walls = _locate(micros, null | named, table, show, dates, refused)
        # null in the rows of the other part, as that is in these; `refused` goes with one of them only
        zoned = _locate(micros, null | ~named, None, show)
        values = pc.if_else(pa.array(named), zoned.values, walls.values)
        made = Prepared(values, sorted([*walls.refused, *zoned.refused]))
    return made if not leaps else _refuse_false_leaps(made, leaps, show)


def _refuse_false_leaps(made: Prepared, rows: Sequence[int], show: Show) -> Prepared:
    """The same instants without those of `rows`, seconds of the number 60, that are not leap seconds in UTC."""
    wrong = [row for row in rows if made.values[row].is_valid and not is_leap_second(made.values[row].value)]
    mask = np.zeros(len(made.values), np.bool_)
    mask[wrong] = True
    values = pc.if_else(pa.array(mask), pa.scalar(None, INSTANT), made.values)
    return Prepared(values, sorted([*made.refused, *((row, f"{show(row)} {NO_LEAP}") for row in wrong)]))


def _numbers(values: pa.Array, table: ZoneTable, form: TimeForm) -> Prepared:
    """Counts of the form's unit. NaN is null: pandas stores integers with nulls as floats."""
    if form.unit is None:
        return refuse_all(values, INSTANT, NO_UNIT)
    if pa.types.is_decimal(values.type):
        texts = values.cast(pa.string())
        return text_instants(texts, parse_counts(texts, form), table, form)
    start, wall = origin_of(form, table)

    def show(row: int) -> str:
        return show_count(values[row].as_py(), form)

    numbers = _fill_nulls(values.cast(pa.float64()) if pa.types.is_floating(values.type) else values)
    dates = form.unit == "d"
    if numbers.dtype.kind == "f":
        made = floats_as_counts(numbers, _null_mask(values) | np.isnan(numbers), form)
        micros = np.asarray(made.values.fill_null(0))
        days = _all(micros) if dates else None
        return _locate(micros + start, _null_mask(made.values), wall, show, days, made.refused)
    refused: list[tuple[int, str]] = []
    if numbers.dtype == np.uint64 and (huge := numbers >= 2**63).any():  # beyond int64, a cast would wrap around
        refused = [(row, f"{show(row)} {OUTSIDE}") for row in np.flatnonzero(huge).tolist()]
        numbers = np.where(huge, 0, numbers)
        values = pa.array(numbers, mask=_null_mask(values) | huge)
    counts = numbers.astype(np.int64, copy=False)
    return _from_counts(_Counts(values, counts, form.unit, wall, show, dates, start), form.cut, refused)


def _durations(values: pa.Array, table: ZoneTable, form: TimeForm) -> Prepared:
    """Times of day and durations, which count from the form's origin."""
    if form.origin is None:
        return refuse_all(values, INSTANT, NO_ORIGIN)
    start, wall = origin_of(form, table)
    numbers = _fill_nulls(values.view(pa.int32() if pa.types.is_time32(values.type) else pa.int64()))

    def show(row: int) -> str:
        return f"{np.timedelta64(int(numbers[row]), values.type.unit)}"

    return _from_counts(_Counts(values, numbers, values.type.unit, wall, show, start=start), form.cut)


def _show_as(counts: NDArray[np.int64], unit: str, zone: str = "") -> Show:
    """Times as a message quotes them. Python's datetime cannot hold the years that are refused."""
    return lambda row: f"{np.array(counts[row], np.int64).view(f'datetime64[{unit}]')}{zone}"


def _null_mask(values: pa.Array) -> Flags:
    return np.array(values.is_null())


def _fill_nulls(values: pa.Array) -> NDArray[Any]:
    filled: NDArray[Any] = (values.fill_null(0) if values.null_count else values).to_numpy()
    return filled


def _all(micros: NDArray[np.int64]) -> Callable[[], Flags]:
    return lambda: np.ones(len(micros), np.bool_)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counts of `unit` since `start`, null where `values` are; wall time if there is a table. A date is a whole day."""

    values: pa.Array
    numbers: NDArray[Any]
    unit: str
    wall: ZoneTable | None
    show: Show
    are_dates: bool = False
    start: int = 0


def _from_counts(counts: _Counts, cut: bool = False, refused: Sequence[tuple[int, str]] = ()) -> Prepared:
    values, unit, show, start = counts.values, counts.unit, counts.show, counts.start
    numbers = counts.numbers.astype(np.int64, copy=False)
    null = _null_mask(values) if values.null_count else None
    wrong = None
    if unit == "ns":
        micros, reason = numbers // 1_000, FINER
        if not cut:
            wrong = micros * 1_000 != numbers
    else:
        factor = PER_UNIT[unit]
        bound, reason = YEARS_END // factor * 2, OUTSIDE  # beyond it, the product might overflow
        # nearly all columns have none: two numbers say so, in half the time of two masks
        if len(numbers) and (numbers.min() < -bound or numbers.max() > bound):
            wrong = (numbers < -bound) | (numbers > bound)
        micros = numbers * factor if factor > 1 else numbers
    if wrong is not None and wrong.any():
        wrong &= ~_null_mask(values)
        refused = [*refused, *((row, f"{show(row)} {reason}") for row in np.flatnonzero(wrong).tolist())]
        null = _null_mask(values) | wrong
        micros = np.where(wrong, 0, micros)
    dates = _all(micros) if counts.are_dates else None
    return _locate(micros + start if start else micros, null, counts.wall, show, dates, refused)


def _locate(
    micros: NDArray[np.int64],
    null: Flags | None,
    wall: ZoneTable | None,
    show: Show,
    dates: Callable[[], Flags] | None = None,
    refused: Sequence[tuple[int, str]] = (),
) -> Prepared:
    """Instants of `micros`, which are wall time if there is a table; `dates` says which of them are whole days.

    A date is the first instant of its day, also if the clocks skip its midnight.
    """
    times = micros if wall is None else wall.instant(micros)
    checks = []  # (rows at fault, reason)
    skipped = None if wall is None else wall.find_skipped(micros)
    if wall is not None and skipped is not None:
        if dates is not None:
            # a date stays unless its whole day is skipped, as 30 December 2011 is in Apia
            skipped &= ~(dates() & (wall.local(times) // DAY == micros // DAY))
        checks.append((skipped, say_skipped(wall)))
    if len(times) and (times.min() < YEARS_BEGIN or times.max() >= YEARS_END):
        checks.append(((times < YEARS_BEGIN) | (times >= YEARS_END), OUTSIDE))
    for wrong, reason in checks:
        null = np.zeros(len(times), np.bool_) if null is None else null
        rows = np.flatnonzero(wrong & ~null).tolist()
        refused = [*refused, *((row, f"{show(row)} {reason}") for row in rows)]
        null = null | wrong
    if null is None or not null.any():
        return Prepared(pa.array(times).view(INSTANT))
    return Prepared(pa.array(times, mask=null).view(INSTANT), sorted(refused))


def from_microseconds(times: Sequence[int] | NDArray[np.int64], type: pa.DataType, table: ZoneTable) -> pa.Array:
    """Instants in a type that `to_microseconds` reads; numbers count µs, and a type without a zone gets wall time."""
    instants = pa.array(np.asarray(times, np.int64))
    if pa.types.is_timestamp(type) and type.tz is not None:
        return _in_unit(instants, type)
    if pa.types.is_timestamp(type) or pa.types.is_date(type):
        walls = pa.array(table.local(instants.to_numpy()))
        return walls.cast(pa.timestamp("us")).cast(type, safe=False)
    if pa.types.is_integer(type) or pa.types.is_floating(type):
        return instants.cast(type)
    texts = pc.strftime(instants.cast(pa.timestamp("us")), "%Y-%m-%dT%H:%M:%SZ")
    return texts.cast(type)


def _in_unit(instants: pa.Array, type: pa.DataType) -> pa.Array:
    return instants.cast(pa.timestamp("us")).cast(pa.timestamp(type.unit), safe=False).view(type)
