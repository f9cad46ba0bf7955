"""Columns and single values of every supported type as instants: int64 microseconds since the epoch, UTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal, quote
from domaintoolkit.times.calendar import DAY, HOUR, MINUTE, day_number
from domaintoolkit.times.zones import MICROSECOND, YEARS_BEGIN, YEARS_END, ZoneTable, zone_table
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.iso_times import DATE_LENGTH, TextTimes, parse_time, parse_times
from domaintoolkit.values.prepared import Prepared, refuse_all
from domaintoolkit.values.texts import as_strings, holds_text

__all__ = ["INSTANT", "from_microseconds", "text_instants", "to_microsecond", "to_microseconds"]

INSTANT = pa.timestamp("us", "UTC")

_PER_UNIT = {"s": MICROSECOND, "ms": 1_000, "us": 1, "D": DAY}
"""Microseconds in each unit that is not finer."""

_EPOCH, _UTC_EPOCH = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NO_UNIT = "numbers are times only with a unit: set time_unit"
_OUTSIDE = "is outside the years 1 to 9999"
_FINER = "is finer than a microsecond; round it first"

Flags = NDArray[np.bool_]
Show = Callable[[int], str]


def to_microseconds(values: pa.Array, zone: str | ZoneTable, unit: str | None = None) -> Prepared:
    """A column as timestamp[us, UTC].

    Takes timestamps of any unit and zone, dates, ISO 8601 text, and whole numbers, which count `unit`s ("s", "ms",
    "us", "ns") since the epoch. A time that names no zone is wall time in `zone`. Nulls stay. It refuses what is
    not a time, is finer than a microsecond, is skipped by the clocks of the zone, or is outside the years 1 to 9999.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        codes, distinct = codes_of(values)
        return to_microseconds(distinct, zone, unit).spread(codes)
    table = zone_table(zone) if isinstance(zone, str) else zone
    if pa.types.is_null(kind):
        return Prepared(values.cast(INSTANT))
    if pa.types.is_timestamp(kind):
        mark = "" if kind.tz is None else "Z"
        counts = _fill_nulls(values.view(pa.int64()))
        return _from_counts(
            values, counts, kind.unit, table if kind.tz is None else None, _show_as(counts, kind.unit, mark)
        )
    if pa.types.is_date(kind):
        days = _fill_nulls(values.view(pa.int32()) if pa.types.is_date32(kind) else values.view(pa.int64()))
        unit = "D" if pa.types.is_date32(kind) else "ms"
        return _from_counts(values, days, unit, table, _show_as(days, unit), dates=True)
    if holds_text(kind):
        texts = as_strings(values)
        return text_instants(texts, parse_times(texts), table)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(values, unit)
    return refuse_all(values, INSTANT, f"values of type {kind} cannot be read as times")


def text_instants(texts: pa.Array, times: TextTimes, table: ZoneTable) -> Prepared:
    """The instants of times that were read from `texts`: those that name no zone are wall time of the table's."""
    micros, named, null, refused = times

    def show(row: int) -> str:
        return quote(texts[row].cast(pa.large_binary()).as_py())

    def dates() -> Flags:
        return np.asarray(pc.fill_null(pc.equal(pc.binary_length(texts), DATE_LENGTH), False))

    if named.all():
        return _locate(micros, null, None, show, refused=refused)
    if not named.any():
        return _locate(micros, null, table, show, dates, refused)
    walls = _locate(micros, null | named, table, show, dates, refused)
    zoned = _locate(micros, null | ~named, None, show)
    values = pc.if_else(pa.array(named), zoned.values, walls.values)
    return Prepared(values, sorted([*walls.refused, *zoned.refused]))


def _numbers(values: pa.Array, unit: str | None) -> Prepared:
    """Counts of `unit`. Whole floats are read too: pandas stores integers with nulls as floats, with NaN for null."""
    if unit is None:
        return refuse_all(values, INSTANT, _NO_UNIT)
    numbers = _fill_nulls(values.cast(pa.float64()) if pa.types.is_floating(values.type) else values)

    def show(row: int) -> str:
        return f"{values[row].as_py()} ({unit} since 1970)"

    null, refused = _null_mask(values), []
    if numbers.dtype.kind == "f":
        null |= np.isnan(numbers)
        whole = (numbers == np.floor(numbers)) | null
        refused = [(row, _not_whole(values[row].as_py())) for row in np.flatnonzero(~whole).tolist()]
        null |= ~whole
    # beyond int64, a cast would wrap around
    huge = np.zeros(len(numbers), np.bool_)
    if numbers.dtype.kind == "f" or numbers.dtype == np.uint64:
        huge = ~null & ((numbers >= 2**63) | (numbers < -(2.0**63)))
        refused += [(row, f"{show(row)} {_OUTSIDE}") for row in np.flatnonzero(huge).tolist()]
    counts = np.where(null | huge, 0, numbers).astype(np.int64)
    return _from_counts(pa.array(counts, mask=null | huge), counts, unit, None, show, refused=refused)


def _not_whole(number: float) -> str:
    return f"not a whole number: {number}"


def _show_as(counts: NDArray[np.int64], unit: str, zone: str = "") -> Show:
    """Times as a message quotes them. Python's datetime cannot hold the years that are refused."""
    return lambda row: f"{np.array(counts[row], np.int64).view(f'datetime64[{unit}]')}{zone}"


def _null_mask(values: pa.Array) -> Flags:
    return np.array(values.is_null())


def _fill_nulls(values: pa.Array) -> NDArray[Any]:
    filled: NDArray[Any] = (values.fill_null(0) if values.null_count else values).to_numpy()
    return filled


def _from_counts(
    values: pa.Array,
    counts: NDArray[Any],
    unit: str,
    wall: ZoneTable | None,
    show: Show,
    dates: bool = False,
    refused: Sequence[tuple[int, str]] = (),
) -> Prepared:
    """Instants of `counts` of `unit`, which are null where `values` are; wall time if there is a table."""
    numbers = counts.astype(np.int64, copy=False)
    null = _null_mask(values) if values.null_count else None
    if unit == "ns":
        micros = numbers // 1_000
        wrong, reason = micros * 1_000 != numbers, _FINER
    else:
        factor = _PER_UNIT[unit]
        bound = YEARS_END // factor * 2  # beyond it, the product might overflow
        wrong, reason = (numbers < -bound) | (numbers > bound), _OUTSIDE
        micros = numbers * factor if factor > 1 else numbers
    if wrong.any():
        wrong &= ~_null_mask(values)
        refused = [*refused, *((row, f"{show(row)} {reason}") for row in np.flatnonzero(wrong).tolist())]
        null = _null_mask(values) | wrong
        micros = np.where(wrong, 0, micros)
    return _locate(micros, null, wall, show, (lambda: np.ones(len(micros), np.bool_)) if dates else None, refused)


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
            skipped &= ~(dates() & (wall.local(times) // DAY == micros // DAY))
        checks.append((skipped, f"does not exist in {wall.name}: its clocks are put forward then"))
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


def to_microsecond(value: object, zone: str | ZoneTable, unit: str | None = None) -> int | None:
    """One Python value as `to_microseconds` reads it. Raises `DataError` if that refuses it."""
    if value is None or value != value:
        return None
    table = zone_table(zone) if isinstance(zone, str) else zone
    try:
        return _instant(value, table, unit)
    except ValueError as error:
        raise DataError([Refusal(None, None, str(error))]) from None


def _instant(value: object, table: ZoneTable, unit: str | None) -> int:
    match value:
        case str():
            micros, named = parse_time(value)
            return _place(micros, None if named else table, lambda: quote(value), len(value) == DATE_LENGTH)
        case datetime():
            if getattr(value, "nanosecond", 0):  # a pandas timestamp
                raise ValueError(f"{_show_datetime(value)} {_FINER}")
            # Python's own datetime, with which arithmetic takes a tenth of the time
            plain = _without_pandas(value) if hasattr(value, "to_pydatetime") else value
            if plain.tzinfo is None:
                return _place((plain - _EPOCH) // _MICROSECOND, table, lambda: _show_datetime(value))
            return _place((plain - _UTC_EPOCH) // _MICROSECOND, None, lambda: _show_datetime(value))
        case date():
            day = day_number(value.year, value.month, value.day)
            return _place(day * DAY, table, value.isoformat, True)
        case np.datetime64():
            return _numpy_instant(value, table)
        case int() | float() | np.integer() | np.floating() if not isinstance(value, bool):
            return _number_instant(value, unit)
        case bytes():
            return _instant(value.decode(errors="backslashreplace"), table, unit)
    raise ValueError(f"not a time: {value!r}")


def _place(micros: int, wall: ZoneTable | None, show: Callable[[], str], whole_day: bool = False) -> int:
    """One instant, as `_locate` finds it."""
    time = micros if wall is None else wall.instant_of(micros)
    if wall is not None and wall.skips(micros) and not (whole_day and time + wall.segment(time)[0] < micros + DAY):
        raise ValueError(f"{show()} does not exist in {wall.name}: its clocks are put forward then")
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


def _number_instant(value: float | np.integer[Any] | np.floating[Any], unit: str | None) -> int:
    if unit is None:
        raise ValueError(_NO_UNIT)
    number = value.item() if isinstance(value, np.generic) else value
    if not abs(number) < 2**64:
        raise ValueError(f"{number} ({unit} since 1970) {_OUTSIDE}")
    if number != int(number):
        raise ValueError(_not_whole(number))
    if unit == "ns" and int(number) % 1_000:
        raise ValueError(f"{number} (ns since 1970) {_FINER}")
    micros = int(number) // 1_000 if unit == "ns" else int(number) * _PER_UNIT[unit]
    return _place(micros, None, lambda: f"{number} ({unit} since 1970)")


def _numpy_instant(value: np.datetime64, table: ZoneTable) -> int:
    """A numpy datetime names no zone. Its own casts wrap around if they overflow."""
    unit, step = np.datetime_data(value.dtype)
    count = int(value.astype(np.int64)) * step
    if unit in ("Y", "M"):
        year, month = divmod(count if unit == "M" else 12 * count, 12)
        micros = day_number(1970 + year, month + 1, 1) * DAY
    elif unit in ("ns", "ps", "fs", "as"):
        micros, finer = divmod(count, 1_000 ** (1 + ("ns", "ps", "fs", "as").index(unit)))
        if finer:
            raise ValueError(f"{value} {_FINER}")
    else:
        micros = count * {**_PER_UNIT, "m": MINUTE, "h": HOUR, "W": 7 * DAY}[unit]
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
