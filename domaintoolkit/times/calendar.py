"""The proleptic Gregorian calendar in integers: day numbers (0 is 1970-01-01) and their parts."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DAY",
    "FIELDS",
    "HOUR",
    "LEAP_SECOND",
    "MINUTE",
    "PER_UNIT",
    "SECOND",
    "WEEKDAYS",
    "civil",
    "day_number",
    "day_of_week_date",
    "days_of_month",
    "is_leap_second",
    "leap",
]

Whole = TypeVar("Whole", int, NDArray[np.int64])
"""One whole number, or an array of them."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""Lengths in microseconds."""

PER_UNIT: dict[str, int] = {"us": 1, "ms": 1_000, "s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
"""Microseconds in each unit that is not finer."""

LEAP_SECOND = MINUTE - 1
"""Microseconds of the minute that a leap second is read as: the last one before it, as clocks without it have none."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

FIELDS: dict[str, tuple[int, int]] = {
    "month": (1, 12),
    "day": (1, 31),
    "weekday": (0, 6),
    "hour": (0, 23),
    "minute": (0, 59),
}
"""The lowest and the highest value of each part but the year."""


def civil(days: Whole) -> tuple[Whole, Whole, Whole]:
    """Year, month and day of day numbers (Howard Hinnant, chrono-compatible low-level date algorithms)."""
    # Days since 0000-03-01: with the leap day at its end, a year's months have the same lengths every year.
    shifted = days + 719_468
    # An era is 400 years, after which the calendar repeats.
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    # without the leap days so far (one in 4 years, but not in 100, but in 400) every year has 365 days
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    # 0 is March. The months from March on have 153 days per five.
    march_month = (5 * of_year + 2) // 153
    day = of_year - (153 * march_month + 2) // 5 + 1
    month = march_month + 3 - 12 * (march_month >= 10)
    return year_of_era + era * 400 + (month <= 2), month, day


def day_number(year: Whole, month: Whole, day: Whole) -> Whole:
    """Day numbers of dates; a day beyond its month runs on into the next."""
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    # the steps of `civil` backwards; years begin in March, so that a leap day is their last
    of_year = (153 * (month + 12 * (month <= 2) - 3) + 2) // 5 + day - 1
    number: Whole = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return number


def is_leap_second(time: int) -> bool:
    """Return True if a leap second can be read as an instant in UTC: as the last microsecond of June or December."""
    return time > 0 and (time + 1) % DAY == 0 and civil((time + 1) // DAY)[1:] in ((1, 1), (7, 1))


def day_of_week_date(year: int, week: int, weekday: int) -> int | None:
    """The day number of a week date of ISO 8601, whose `weekday` is 1 on Mondays; None if the year has no such week."""
    # week 1 has the 4th of January in it; day 0 was a Thursday
    fourth = day_number(year, 1, 4)
    monday = fourth - (fourth + 3) % 7 + 7 * (week - 1)
    # the year of a week is that of its Thursday
    return monday + weekday - 1 if 1 <= week <= 53 and civil(monday + 3)[0] == year else None


def leap(year: int) -> bool:
    """Return True if a year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_of_month(years: NDArray[np.int64], months: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of days in the `months` (1 to 12) of `years`, element by element."""
    lengths = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[months - 1]  # (n,)
    leaps = (years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0))
    result: NDArray[np.int64] = lengths + (leaps & (months == 2))
    return result
