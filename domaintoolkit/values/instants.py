"""Columns and single values of every supported type as instants: int64 microseconds since the epoch, UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.times.calendar import DAY, HOUR, MINUTE, civil, day_number, days_of_month
from domaintoolkit.times.zones import MICROSECOND, YEARS_BEGIN, YEARS_END, ZoneTable, zone_table
from domaintoolkit.values.prepared import Prepared

__all__ = ["INSTANT", "from_microseconds", "to_microsecond", "to_microseconds"]

INSTANT = pa.timestamp("us", "UTC")

_PER_UNIT = {"s": MICROSECOND, "ms": 1_000, "us": 1, "D": DAY}
"""Microseconds in each unit that is not finer."""

_ISO = (
    r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[ T](?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?)?"
    r"(?P<zone>Z| ?UTC| ?GMT| ?[+-][0-9]{2}(?::?[0-9]{2})?)?)?$"
)
"""ISO 8601 dates and times. Digits of a second beyond the sixth are dropped."""

_BY_FIELD = 4096
"""So few texts are read field by field, which is slow, once one of them is not like the first."""

_PATTERN = re.compile(_ISO.replace("$", r"\Z"))
_GROUPS = ("year", "month", "day", "hour", "minute", "second")
_NAIVE_EPOCH, _EPOCH = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)
_NO_UNIT = "numbers are times only with a unit: set time_unit"
_OUTSIDE = "outside the years 1 to 9999"


def to_microseconds(values: pa.Array, zone: str | ZoneTable, unit: str | None = None) -> Prepared:
    """A column as timestamp[us, UTC].

    Takes timestamps of any unit and zone, dates, ISO 8601 text, and numbers, which count `unit`s ("s", "ms",
    "us", "ns") since the epoch. What names no zone is wall time in `zone`. Nulls stay; finer digits are cut
    off downwards; rows that are no time or lie outside the years 1 to 9999 are refused.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return to_microseconds(values.dictionary_decode(), zone, unit)
    table = zone_table(zone) if isinstance(zone, str) else zone
    if pa.types.is_null(kind):
        return Prepared(values.cast(INSTANT))
    if pa.types.is_timestamp(kind):
        return _counted(values, values.cast(pa.int64()), kind.unit, table if kind.tz is None else None)
    if pa.types.is_date(kind):
        days = pa.types.is_date32(kind)
        return _counted(values, values.cast(pa.int32() if days else pa.int64()), "D" if days else "ms", table)
    if pa.types.is_large_string(kind) or pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return _parsed(values.cast(pa.large_string()) if pa.types.is_string_view(kind) else values, table)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(values, unit)
    return _all_refused(values, f"values of type {kind} cannot be read as times")


def _all_refused(values: pa.Array, reason: str) -> Prepared:
    rows = np.flatnonzero(~_null_mask(values)).tolist()
    return Prepared(pa.nulls(len(values), INSTANT), [(row, reason) for row in rows])


def _numbers(values: pa.Array, unit: str | None) -> Prepared:
    """Counts of `unit`. Whole floats are read too: so does pandas hold integers with nulls, these as NaN."""
    if unit is None:
        return _all_refused(values, _NO_UNIT)
    if pa.types.is_floating(values.type):
        floats = _filled(values.cast(pa.float64()), 0.0)
        null = _null_mask(values) | np.isnan(floats)
        whole = (floats == np.floor(floats)) & (np.abs(floats) < 2.0**63)
        bad = [(row, f"not a whole number: {floats[row]}") for row in np.flatnonzero(~whole & ~null).tolist()]
        counts = pa.array(np.where(whole, floats, 0).astype(np.int64), mask=null | ~whole)
        return _with(bad, _counted(counts, counts, unit, None))
    if pa.types.is_uint64(values.type):
        huge = _filled(values, 0) > np.uint64(2**63 - 1)
        bad = [(row, f"{_OUTSIDE}: {values[row]}") for row in np.flatnonzero(huge).tolist()]
        counts = pa.array(np.where(huge, 0, _filled(values, 0)).astype(np.int64), mask=_null_mask(values) | huge)
        return _with(bad, _counted(counts, counts, unit, None))
    return _counted(values, values.cast(pa.int64()), unit, None)


def _with(refused: list[tuple[int, str]], prepared: Prepared) -> Prepared:
    return Prepared(prepared.values, sorted([*refused, *prepared.refused])) if refused else prepared


def _null_mask(values: pa.Array) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = values.is_null().to_numpy(zero_copy_only=False)
    return mask


def _filled(values: pa.Array, filler: float) -> NDArray[np.generic]:
    filled: NDArray[np.generic] = (values.fill_null(filler) if values.null_count else values).to_numpy()
    return filled


def _counted(shown: pa.Array, counts: pa.Array, unit: str, wall: ZoneTable | None) -> Prepared:
    """Instants of `counts` of `unit`; wall time where there is a table. `shown` is what a refusal quotes."""
    numbers = _filled(counts, 0).astype(np.int64, copy=False)
    if unit == "ns":
        times, outside = numbers // 1_000, None
    else:
        times, outside = _scaled(numbers, _PER_UNIT[unit])
    if wall is not None:
        times = wall.instant(times)
    if not _all_within(times, YEARS_BEGIN, YEARS_END - 1):
        beyond = (times < YEARS_BEGIN) | (times >= YEARS_END)
        outside = beyond if outside is None else outside | beyond
    if outside is None and not counts.null_count:
        return Prepared(pa.array(times).view(INSTANT))
    nulls = _null_mask(counts)
    if outside is None:
        return Prepared(pa.array(times, mask=nulls).view(INSTANT))
    refused = [(row, f"{_OUTSIDE}: {_quoted(shown, row)}") for row in np.flatnonzero(outside & ~nulls).tolist()]
    return Prepared(pa.array(times, mask=nulls | outside).view(INSTANT), refused)


def _all_within(numbers: NDArray[np.int64], low: int, high: int) -> bool:
    return not len(numbers) or bool(numbers.min() >= low and numbers.max() <= high)


def _scaled(numbers: NDArray[np.int64], factor: int) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Counts times `factor`, and which of them are so far out that the product would overflow; None where none is."""
    bound = YEARS_END // factor * 2
    if _all_within(numbers, -bound, bound):
        return numbers * factor if factor > 1 else numbers, None
    outside = (numbers < -bound) | (numbers > bound)
    return np.where(outside, 0, numbers) * factor, outside


def _quoted(values: pa.Array, row: int) -> str:
    """A value in a message; Python's datetime does not hold the years that a value is refused for."""
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        unit = values.type.unit if pa.types.is_timestamp(values.type) else values.type
        return f"{values[row].value} ({unit}) since 1970"
    return repr(values[row].as_py())


def _parsed(values: pa.Array, table: ZoneTable) -> Prepared:
    """ISO 8601 text: all of one form by Arrow's parser, or else field by field."""
    first = next((item.as_py() for item in values[:64] if item.is_valid), "")
    utc = first.endswith(" UTC")
    try:
        if utc and pc.all(pc.ends_with(values, " UTC")).as_py() and pc.min(pc.binary_length(values)).as_py() > 14:
            bare = pc.utf8_slice_codeunits(values, 0, -4)
            # More than a date, and no second zone before the " UTC": the pattern takes neither.
            return _counted(values, bare.cast(pa.timestamp("us")).cast(pa.int64()), "us", None)
        zoned = (found := _PATTERN.match(first)) is not None and found["zone"] is not None
        unit = pa.timestamp("us", "UTC" if zoned else None)
        return _counted(values, values.cast(unit).cast(pa.int64()), "us", None if zoned else table)
    except pa.ArrowInvalid:
        if len(values) <= _BY_FIELD:
            return _parsed_by_field(values.cast(pa.large_string()), table)
        half = len(values) // 2
        return _joined(_parsed(values[:half], table), _parsed(values[half:], table))


def _joined(above: Prepared, below: Prepared) -> Prepared:
    refused = [(row + len(above.values), reason) for row, reason in below.refused]
    return Prepared(pa.concat_arrays([above.values, below.values]), [*above.refused, *refused])


def _parsed_by_field(texts: pa.Array, table: ZoneTable) -> Prepared:
    """Text of mixed or broken forms, each row for itself."""
    found = pc.extract_regex(texts, _ISO)
    # An optional group that is not there is empty text.
    group = {name: found.field(name).fill_null("") for name in (*_GROUPS, "fraction", "zone")}
    year, month, day, hour, minute, second = (_number(group[name]) for name in _GROUPS)
    valid = found.is_valid().to_numpy(zero_copy_only=False) & (month >= 1) & (month <= 12) & (day >= 1)
    valid &= (day <= days_of_month(year, np.clip(month, 1, 12))) & (hour < 24) & (minute < 60) & (second < 60)
    seconds = day_number(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(group["fraction"], 6, "0"), 0, 6)
    walls = seconds * MICROSECOND + _number(fraction)
    offsets, named, known = _zone_offsets(group["zone"])
    times = np.where(named, walls - offsets, table.instant(walls))
    outside = (times < YEARS_BEGIN) | (times >= YEARS_END)
    valid &= known
    nulls = _null_mask(texts)
    refused = [
        (row, f"{_OUTSIDE}: {texts[row].as_py()!r}" if valid[row] else f"not a time: {texts[row].as_py()!r}")
        for row in np.flatnonzero(~nulls & (outside | ~valid)).tolist()
    ]
    return Prepared(pa.array(times, mask=nulls | outside | ~valid).view(INSTANT), refused)


def _number(digits: pa.Array) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = pc.if_else(pc.equal(digits, ""), "0", digits).cast(pa.int64()).to_numpy()
    return numbers


def _zone_offsets(texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each zone suffix: its offset in µs, whether there is one, and whether it is one that can be."""
    encoded = texts.dictionary_encode()
    offsets = [_zone_offset(text) for text in encoded.dictionary.to_pylist()]
    which = encoded.indices.to_numpy()
    known = np.array([offset is not None for offset in offsets])[which]
    named = np.array([bool(text) for text in encoded.dictionary.to_pylist()])[which]
    return np.array([offset or 0 for offset in offsets], np.int64)[which], named, known


def _zone_offset(text: str) -> int | None:
    """µs of a suffix such as +02:00; None beyond 23:59."""
    sign, digits = (1 if "+" in text else -1), text.lstrip(" +-").replace(":", "")
    if not digits.isdigit():
        return 0
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    return sign * (hours * HOUR + minutes * MINUTE) if hours < 24 and minutes < 60 else None


def to_microsecond(value: object, zone: str | ZoneTable, unit: str | None = None) -> int | None:
    """One Python value as `to_microseconds` reads it. Raises `DataError` for what that refuses."""
    if value is None or value != value:
        return None
    table = zone_table(zone) if isinstance(zone, str) else zone
    time = _instant(value, table, unit)
    if not YEARS_BEGIN <= time < YEARS_END:
        raise _refusal(f"{_OUTSIDE}: {value!r}")
    return time


def _instant(value: object, table: ZoneTable, unit: str | None) -> int:
    match value:
        case datetime() if hasattr(value, "to_pydatetime"):
            return _instant(_without_pandas(value), table, unit)
        case datetime() if value.tzinfo is None:
            return table.instant_of((value - _NAIVE_EPOCH) // timedelta(microseconds=1))
        case datetime():
            return (value - _EPOCH) // timedelta(microseconds=1)
        case date():
            return table.instant_of(day_number(value.year, value.month, value.day) * DAY)
        case str():
            return _text_instant(value, table)
        case np.datetime64():
            return _numpy_instant(value, table)
        case int() | float() | np.integer() | np.floating() if not isinstance(value, bool):
            return _number_instant(value, unit)
    raise _refusal(f"not a time: {value!r}")


def _without_pandas(value: Any) -> datetime:
    """A pandas timestamp as Python's own, with which arithmetic takes a tenth of the time."""
    try:
        plain: datetime = value.to_pydatetime(warn=False)
    except (ValueError, OverflowError):
        raise _refusal(f"{_OUTSIDE}: {value!r}") from None
    return plain


def _number_instant(value: float | np.integer[Any] | np.floating[Any], unit: str | None) -> int:
    if unit is None:
        raise _refusal(_NO_UNIT)
    if not abs(float(value)) < 2**63:
        raise _refusal(f"{_OUTSIDE}: {value!r}")
    if value != int(value):
        raise _refusal(f"not a whole number: {value!r}")
    return int(value) // 1_000 if unit == "ns" else int(value) * _PER_UNIT[unit]


def _numpy_instant(value: np.datetime64, table: ZoneTable) -> int:
    """A numpy datetime names no zone. Its own casts wrap around where they overflow."""
    unit, step = np.datetime_data(value.dtype)
    count = int(value.astype(np.int64)) * step
    if unit in ("ns", "ps", "fs", "as"):
        return table.instant_of(count // 1_000 ** (1 + ("ns", "ps", "fs", "as").index(unit)))
    if unit in ("Y", "M"):
        year, month = divmod(count if unit == "M" else 12 * count, 12)
        return table.instant_of(day_number(1970 + year, month + 1, 1) * DAY)
    lengths = {**_PER_UNIT, "m": MINUTE, "h": HOUR, "W": 7 * DAY}
    return table.instant_of(count * lengths[unit])


def _text_instant(text: str, table: ZoneTable) -> int:
    found = _PATTERN.match(text)
    offset = _zone_offset(found["zone"] or "") if found else None
    if found is None or offset is None:
        raise _refusal(f"not a time: {text!r}")
    year, month, day, hour, minute, second = (int(found[name] or 0) for name in _GROUPS)
    number = day_number(year, month, day)
    if civil(number) != (year, month, day) or not (hour < 24 and minute < 60 and second < 60):
        raise _refusal(f"not a time: {text!r}")
    fraction = int((found["fraction"] or "").ljust(6, "0")[:6])
    seconds = number * 86_400 + hour * 3_600 + minute * 60 + second
    wall = seconds * MICROSECOND + fraction
    return table.instant_of(wall) if found["zone"] is None else wall - offset


def _refusal(reason: str) -> DataError:
    return DataError([Refusal(None, None, reason)])


def from_microseconds(times: Sequence[int] | NDArray[np.int64], type: pa.DataType, table: ZoneTable) -> pa.Array:
    """Instants in a type that `to_microseconds` reads; numbers count µs, what names no zone is in `table`'s."""
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
