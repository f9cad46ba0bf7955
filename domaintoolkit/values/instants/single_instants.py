"""`to_microsecond`: one Python value as an instant, as `to_microseconds` reads a column of such values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from domaintoolkit.errors import DataError, Refusal, quote
from domaintoolkit.times.calendar import DAY, MINUTE, PER_UNIT, day_number, is_leap_second
from domaintoolkit.times.iso_text import DATE_LENGTH, FINER, parse_time
from domaintoolkit.times.patterns import read_any
from domaintoolkit.times.time_form import ISO, TimeForm
from domaintoolkit.times.zones import YEARS_BEGIN, YEARS_END, ZoneTable, zone_table
from domaintoolkit.values.instants.time_counts import (
    count_of,
    count_of_float,
    is_counted,
    origin_of,
    show_count,
)
from domaintoolkit.values.instants.time_refusals import NO_LEAP, NO_ORIGIN, NO_UNIT, OUTSIDE, say_skipped

__all__ = ["to_microsecond"]

_EPOCH, _UTC_EPOCH = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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


def _text_instant(text: str, table: ZoneTable, form: TimeForm) -> int:
    if is_counted(text, form):
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
        raise ValueError(f"{quote(text)} {NO_LEAP}")
    return instant


def _place(micros: int, wall: ZoneTable | None, show: Callable[[], str], whole_day: bool = False) -> int:
    """One instant, as a column of them is placed."""
    time = micros if wall is None else wall.instant_of(micros)
    if wall is not None and wall.skips(micros) and not (whole_day and time + wall.segment(time)[0] < micros + DAY):
        raise ValueError(f"{show()} {say_skipped(wall)}")
    if not YEARS_BEGIN <= time < YEARS_END:
        raise ValueError(f"{show()} {OUTSIDE}")
    return time


def _without_pandas(value: Any) -> datetime:
    try:
        plain: datetime = value.to_pydatetime(warn=False)
    except (ValueError, OverflowError):
        raise ValueError(f"{_show_datetime(value)} {OUTSIDE}") from None
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
        raise ValueError(NO_UNIT)
    start, wall = origin_of(form, table)
    plain = number.item() if isinstance(number, np.generic) else number
    counted = count_of_float(plain, form) if isinstance(plain, float) else count_of(str(plain), form)
    return _place(start + counted, wall, lambda: show_count(plain, form), form.unit == "d")


def _duration_instant(value: time | timedelta | np.timedelta64, table: ZoneTable, form: TimeForm) -> int:
    if form.origin is None:
        raise ValueError(NO_ORIGIN)
    start, wall = origin_of(form, table)
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
