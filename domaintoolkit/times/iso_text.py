"""Single texts in ISO 8601 as integers: times and dates."""

from __future__ import annotations

import re

from domaintoolkit.errors import quote
from domaintoolkit.times.calendar import DAY, HOUR, LEAP_SECOND, MINUTE, SECOND, civil, day_number, day_of_week_date
from domaintoolkit.times.time_hints import hint_for

__all__ = ["DATE_LENGTH", "FINER", "PLACE", "ZONE", "TextTime", "offset_of", "parse_date", "parse_time"]

TextTime = tuple[int, bool, bool]
"""Microseconds since 1970, in UTC if the text names its zone and of the wall clock if not; whether it does; and
whether it is a leap second, which is read as the last microsecond before it."""

_DAY = (
    r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2})|([0-9]{2})([0-9]{2})"
    r"|-W([0-9]{2})-([1-7])|W([0-9]{2})([1-7])|-([0-9]{3}))"
)
_CLOCK = r"([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?|([0-9]{2})(?:([0-9]{2})(?:[.,]([0-9]+))?)?)?"
ZONE = r" ?(?:[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)"
"""Matches the zone at the end of a time."""

PLACE = r"(?:\[[A-Za-z0-9_+/\-]+\])?"
"""Matches the name of a zone behind its offset, as in RFC 9557: `2024-01-01T10:00+01:00[Europe/Berlin]`."""

# groups: 1 year; 2 and 3, or 4 and 5, month and day; 6 and 7, or 8 and 9, week and weekday; 10 day of the year;
# 11 hour; 12, 13 and 14, or 15, 16 and 17, minute, second and digits of the fraction; 18 zone
_ISO = re.compile(rf"{_DAY}(?:[Tt ]{_CLOCK}(?:({ZONE}){PLACE})?)?")

DATE_LENGTH = 10
"""Characters of the longest form of a date; a time with a time of day has more."""

FINER = 'is finer than a microsecond; finer_times = "cut" cuts it'


def parse_time(text: str, cut: bool = False) -> TextTime:
    """The time of one text. `cut` cuts digits after the sixth of a second.

    Raises `ValueError` with the reason for what is not a time.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a time in ISO 8601, got {quote(text)}{hint_for(text)}")
    clock, leap = _time_of_day(found, text, cut)
    zone = found[18]
    return _day(found) * DAY + clock - (offset_of(zone, text) if zone else 0), zone is not None, leap


def parse_date(text: str) -> int:
    """The day number of a date: 0 is 1970-01-01. Raises `ValueError` with the reason for what is not a date."""
    found = _ISO.fullmatch(text)
    if found is None or found[11] is not None:
        raise ValueError(f"expected a date like 2019-10-31, got {quote(text)}{hint_for(text, 'date')}")
    return _day(found)


def _day(found: re.Match[str]) -> int:
    year = int(found[1])
    # for messages: the text up to the mark before the hour
    day = found[0] if found[11] is None else found[0][: found.start(11) - 1]
    if found[6] or found[8]:
        number = day_of_week_date(year, int(found[6] or found[8]), int(found[7] or found[9]))
        if number is None:
            raise ValueError(f"{quote(day)} is not a week of the calendar")
    elif found[10]:
        number = day_number(year, 1, 1) + int(found[10]) - 1
        if found[10] == "000" or civil(number)[0] != year:
            raise ValueError(f"{quote(day)} is not a day of the calendar")
    else:
        month, of_month = int(found[2] or found[4]), int(found[3] or found[5])
        number = day_number(year, month, of_month)
        if civil(number) != (year, month, of_month):
            missing = "" if month and of_month else f"; if it stands for a missing value, add {found.string!r} to null"
            raise ValueError(f"{quote(day)} is not a day of the calendar{missing}")
    # ISO 8601 has a year 0, but Python's dates have none
    if not year:
        raise ValueError(f"{quote(day)} is outside the years 1 to 9999")
    return number


def _time_of_day(found: re.Match[str], text: str, cut: bool) -> tuple[int, bool]:
    """Microseconds since midnight, and whether they are a leap second."""
    if found[11] is None:
        return 0, False
    hour, minute, second = int(found[11]), int(found[12] or found[15] or 0), int(found[13] or found[16] or 0)
    return clock_time(hour, minute, second, found[14] or found[17] or "", text, cut)


def clock_time(hour: int, minute: int, second: int, fraction: str, text: str, cut: bool) -> tuple[int, bool]:
    """Microseconds since midnight, and whether they are a leap second; `fraction` are the digits after the second.

    24:00 is the midnight at the end of a day. A leap second is read as the last microsecond before it.
    """
    digits = fraction.rstrip("0")  # zeros at the end do not make a fraction finer
    if hour > 23 and (hour, minute, second, digits) != (24, 0, 0, ""):
        raise ValueError(f"{quote(text)} is not a time of day: the last one is 24:00")
    if minute > 59 or second > 60:
        raise ValueError(f"{quote(text)} is not a time of day: minutes and seconds go to 59")
    if second == 60:
        return hour * HOUR + minute * MINUTE + LEAP_SECOND, True
    if len(digits) > 6 and not cut:
        raise ValueError(f"{quote(text)} {FINER}")
    return hour * HOUR + minute * MINUTE + second * SECOND + (int(digits[:6].ljust(6, "0")) if digits else 0), False


def offset_of(zone: str, text: str) -> int:
    """Microseconds of a zone such as `+02:00`, with which `text` ends."""
    digits = zone.lstrip(" +-").replace(":", "")
    if not digits.isdigit():
        return 0
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(f"{quote(text)} is farther from UTC than 23:59")
    return (-1 if "-" in zone else 1) * (hours * HOUR + minutes * MINUTE)
