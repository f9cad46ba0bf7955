"""Reasons for which a value is refused as a time, in the words of columns and of single values."""

from __future__ import annotations

from domaintoolkit.times.zones import ZoneTable

__all__ = ["NO_LEAP", "NO_ORIGIN", "NO_UNIT", "OUTSIDE", "say_skipped"]

_ZONE = "set zone if the times are of another"

NO_UNIT = 'numbers are times only with a unit: set time_unit, such as time_unit = "s"'
NO_ORIGIN = "a time of day or a duration is a time only with a time_origin, or joined with its date by time_join"
OUTSIDE = "is outside the years 1 to 9999"
NO_LEAP = f"is not a leap second: these are 23:59:60 in UTC at the end of June or December; {_ZONE}"


def say_skipped(wall: ZoneTable) -> str:
    """The reason that refuses a time which the clocks of a zone skip."""
    return f"does not exist in {wall.name}: its clocks are put forward then; {_ZONE}"
