"""Columns and single values of every supported type as instants: int64 microseconds since the epoch, UTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal, quote
from domaintoolkit.times.calendar import DAY, MINUTE, day_number, is_leap_second
from domaintoolkit.times.iso_text import DATE_LENGTH, FINER, parse_time
from domaintoolkit.times.patterns import read_any
from domaintoolkit.times.time_form import ISO, TimeForm
from domaintoolkit.times.zones import YEARS_BEGIN, YEARS_END, ZoneTable, zone_table
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.iso_times import TextTimes, parse_times
from domaintoolkit.values.prepared import Prepared, refuse_all
from domaintoolkit.values.texts import as_strings, holds_text
from domaintoolkit.values.time_counts import (
    PER_UNIT,
    count_of,
    count_of_float,
    floats_as_counts,
    is_count,
    parse_counts,
    show_count,
)
from domaintoolkit.values.time_formats import parse_formatted

__all__ = ["INSTANT", "from_microseconds", "read_text", "text_instants", "to_microsecond", "to_microseconds"]

INSTANT = pa.timestamp("us", "UTC")

_EPOCH, _UTC_EPOCH = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NO_UNIT = 'numbers are times only with a unit: set time_unit, such as time_unit = "s"'
_NO_ORIGIN = "a time of day or a duration is a time only with a time_origin, or joined with its date by time_join"
_OUTSIDE = "is outside the years 1 to 9999"
_ZONE = "set zone if the times are of another"
_NO_LEAP = f"is not a leap second: these are 23:59:60 in UTC at the end of June or December; {_ZONE}"

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
        return _from_counts(values, counts, kind.unit, None if mark else table, show, form.cut)
    if pa.types.is_date(kind):
        days = _fill_nulls(values.view(pa.int32()) if pa.types.is_date32(kind) else values.view(pa.int64()))
        unit = "D" if pa.types.is_date32(kind) else "ms"
        return _from_counts(values, days, "d" if unit == "D" else unit, table, _show_as(days, unit), dates=True)
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
        if _is_counted(str(texts[row]), form):
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
    return Prepared(values, sorted([*made.refused, *((row, f"{show(row)} {_NO_LEAP}") for row in wrong)]))


def _numbers(values: pa.Array, table: ZoneTable, form: TimeForm) -> Prepared:
    """Counts of the form's unit. NaN is null: pandas stores integers with nulls as floats."""
    if form.unit is None:
        return refuse_all(values, INSTANT, _NO_UNIT)
    if pa.types.is_decimal(values.type):
        texts = values.cast(pa.string())
        return text_instants(texts, parse_counts(texts, form), table, form)
    start, wall = _origin(form, table)

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
        refused = [(row, f"{show(row)} {_OUTSIDE}") for row in np.flatnonzero(huge).tolist()]
        numbers = np.where(huge, 0, numbers)
        values = pa.array(numbers, mask=_null_mask(values) | huge)
    counts = numbers.astype(np.int64, copy=False)
    return _from_counts(values, counts, form.unit, wall, show, form.cut, dates, refused, start)


def _durations(values: pa.Array, table: ZoneTable, form: TimeForm) -> Prepared:
    """Times of day and durations, which count from the form's origin."""
    if form.origin is None:
        return refuse_all(values, INSTANT, _NO_ORIGIN)
    start, wall = _origin(form, table)
    numbers = _fill_nulls(values.view(pa.int32() if pa.types.is_time32(values.type) else pa.int64()))

    def show(row: int) -> str:
        return f"{np.timedelta64(int(numbers[row]), values.type.unit)}"

    return _from_counts(values, numbers, values.type.unit, wall, show, form.cut, start=start)


def _origin(form: TimeForm, table: ZoneTable) -> tuple[int, ZoneTable | None]:
    """The microseconds of the form's origin, and the zone whose wall clock they are of, if it names none."""
    if form.origin is None:
        return 0, None
    micros, named = form.origin
    return micros, None if named else table


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


def _from_counts(
    values: pa.Array,
    counts: NDArray[Any],
    unit: str,
    wall: ZoneTable | None,
    show: Show,
    cut: bool = False,
    dates: bool = False,
    refused: Sequence[tuple[int, str]] = (),
    start: int = 0,
) -> Prepared:
    """Instants of `counts` of `unit` since `start`, null where `values` are; wall time if there is a table."""
    numbers = counts.astype(np.int64, copy=False)
    null = _null_mask(values) if values.null_count else None
    wrong = None
    if unit == "ns":
        micros, reason = numbers // 1_000, FINER
        if not cut:
            wrong = micros * 1_000 != numbers
    else:
        factor = PER_UNIT[unit]
        bound = YEARS_END // factor * 2  # beyond it, the product might overflow
        wrong, reason = (numbers < -bound) | (numbers > bound), _OUTSIDE
        micros = numbers * factor if factor > 1 else numbers
    if wrong is not None and wrong.any():
        wrong &= ~_null_mask(values)
        refused = [*refused, *((row, f"{show(row)} {reason}") for row in np.flatnonzero(wrong).tolist())]
        null = _null_mask(values) | wrong
        micros = np.where(wrong, 0, micros)
    return _locate(micros + start if start else micros, null, wall, show, _all(micros) if dates else None, refused)


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
        checks.append((skipped, f"does not exist in {wall.name}: its clocks are put forward then; {_ZONE}"))
    if len(times) and (times.min() < YEARS_BEGIN or times.max() >= YEARS_END):
        checks.append(((times < YEARS_BEGIN) | (times >= YEARS_END), _OUTSIDE))
    for wrong, reason in checks:
        null = np.zeros(len(times), np.bool_) if null is None else null
        rows = np.flatnonzero(wrong & ~null).tolist()
        refused = [*refused, *((row, f"{show(row)} {reason}") for row in rows)]
        null = null | wrong
    if null is None or not null.any():
        return Prepared(pa.array(times).view(INSTANT))
    return Prepared(pa.array(times, mask=null).view(INSTANT), sorted(refused))


def to_microsecond(value: object, zone: str | ZoneTable, form: TimeForm = ISO) -> int | None:
    """One Python value as `to_microseconds` reads it. Raises `DataError` if that refuses it."""
    if value is None or value != value:
        return None
    table = zone_table(zone) if isinstance(zone, str) else zone
    try:
        return _instant(value, table, form)
    except ValueError as error:
        raise DataError([Refusal(None, None, str(error))]) from None


def _instant(value: object, table: ZoneTable, form: TimeForm) -> int:
    match value:
        case str():
            return _text_instant(value, table, form)
        case datetime():
            nanoseconds = getattr(value, "nanosecond", 0)  # of a pandas timestamp
            if nanoseconds and not form.cut:
                raise ValueError(f"{_show_datetime(value)} {FINER}")
            # Python's own datetime, with which arithmetic takes a tenth of the time
            plain = _without_pandas(value) if hasattr(value, "to_pydatetime") else value
            if plain.tzinfo is None:
                return _place((plain - _EPOCH) // _MICROSECOND, table, lambda: _show_datetime(value))
            return _place((plain - _UTC_EPOCH) // _MICROSECOND, None, lambda: _show_datetime(value))
        case date():
            day = day_number(value.year, value.month, value.day)
            return _place(day * DAY, table, value.isoformat, True)
        case np.datetime64():
            return _numpy_instant(value, table, form.cut)
        case int() | np.integer() if form.pattern is not None and not isinstance(value, bool):
            return _text_instant(str(value), table, form)
        case int() | float() | np.integer() | np.floating() | Decimal() if not isinstance(value, bool):
            return _number_instant(value, table, form)
        case time() | timedelta() | np.timedelta64():
            return _duration_instant(value, table, form)
        case bytes():
            return _instant(value.decode(errors="backslashreplace"), table, form)
    raise ValueError(f"not a time: {value!r}")


def _is_counted(text: str, form: TimeForm) -> bool:
    """Return True if a text is read as a count of the form's unit."""
    return form.pattern is None and form.unit is not None and is_count(text)


def _text_instant(text: str, table: ZoneTable, form: TimeForm) -> int:
    if _is_counted(text, form):
        return _number_instant(text, table, form)
    if form.pattern is None:
        micros, named, is_leap = parse_time(text, form.cut)
        whole_day = len(text) <= DATE_LENGTH
    else:
        pattern, (micros, named, is_leap) = read_any(form.patterns, text, form.cut)
        whole_day = not pattern.has_clock
        if form.origin is not None and not pattern.has_date:
            micros, named = micros + form.origin[0], form.origin[1]
    instant = _place(micros, None if named else table, lambda: quote(text), whole_day)
    if is_leap and not is_leap_second(instant):
        raise ValueError(f"{quote(text)} {_NO_LEAP}")
    return instant


def _place(micros: int, wall: ZoneTable | None, show: Callable[[], str], whole_day: bool = False) -> int:
    """One instant, as `_locate` finds it."""
    time = micros if wall is None else wall.instant_of(micros)
    if wall is not None and wall.skips(micros) and not (whole_day and time + wall.segment(time)[0] < micros + DAY):
        raise ValueError(f"{show()} does not exist in {wall.name}: its clocks are put forward then; {_ZONE}")
    if not YEARS_BEGIN <= time < YEARS_END:
        raise ValueError(f"{show()} {_OUTSIDE}")
    return time


def _without_pandas(value: Any) -> datetime:
    try:
        plain: datetime = value.to_pydatetime(warn=False)
    except (ValueError, OverflowError):
        raise ValueError(f"{_show_datetime(value)} {_OUTSIDE}") from None
    return plain


def _show_datetime(value: Any) -> str:
    """A datetime as the messages about columns show it."""
    zone = "" if value.tzinfo is None else "Z"
    if hasattr(value, "asm8"):
        return f"{value.asm8}{zone}"
    epoch = _UTC_EPOCH if zone else _EPOCH
    return f"{np.datetime64((value - epoch) // _MICROSECOND, 'us')}{zone}"


def _number_instant(number: Any, table: ZoneTable, form: TimeForm) -> int:
    if form.unit is None:
        raise ValueError(_NO_UNIT)
    start, wall = _origin(form, table)
    plain = number.item() if isinstance(number, np.generic) else number
    counted = count_of_float(plain, form) if isinstance(plain, float) else count_of(str(plain), form)
    return _place(start + counted, wall, lambda: show_count(plain, form), form.unit == "d")


def _duration_instant(value: time | timedelta | np.timedelta64, table: ZoneTable, form: TimeForm) -> int:
    if form.origin is None:
        raise ValueError(_NO_ORIGIN)
    start, wall = _origin(form, table)
    if isinstance(value, time):
        value = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    finer = getattr(value, "nanoseconds", 0)  # of a pandas timedelta
    if isinstance(value, np.timedelta64):
        nanoseconds = int(value.astype("timedelta64[ns]").astype(np.int64))
        micros, finer = divmod(nanoseconds, 1_000)
    else:
        micros = value // _MICROSECOND
    if finer and not form.cut:
        raise ValueError(f"{value} {FINER}")
    return _place(start + micros, wall, lambda: str(value))


def _numpy_instant(value: np.datetime64, table: ZoneTable, cut: bool) -> int:
    """A numpy datetime names no zone. Its own casts wrap around if they overflow."""
    unit, step = np.datetime_data(value.dtype)
    count = int(value.astype(np.int64)) * step
    if unit in ("Y", "M"):
        # months since January 1970
        year, month = divmod(count if unit == "M" else 12 * count, 12)
        micros = day_number(1970 + year, month + 1, 1) * DAY
    elif unit in ("ns", "ps", "fs", "as"):
        micros, finer = divmod(count, 1_000 ** (1 + ("ns", "ps", "fs", "as").index(unit)))
        if finer and not cut:
            raise ValueError(f"{value} {FINER}")
    else:
        micros = count * {**PER_UNIT, "D": DAY, "m": MINUTE, "W": 7 * DAY}[unit]
    return _place(micros, table, lambda: str(value), unit in ("Y", "M", "W", "D"))


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
