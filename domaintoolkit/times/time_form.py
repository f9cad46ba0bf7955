"""`TimeForm`: the form that the times of a column are written in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from domaintoolkit.times.iso_text import parse_time
from domaintoolkit.times.patterns import TimePattern, time_pattern

__all__ = ["ISO", "Finer", "TimeForm", "TimeFormat", "Unit", "formats_of", "time_form"]

Unit = Literal["ns", "us", "ms", "s", "min", "h", "d"]
Finer = Literal["refuse", "cut"]
TimeFormat = str | tuple[str, ...]
"""A format of times, or several that are tried in their order."""


@dataclass(frozen=True)
class TimeForm:
    """The form that the times of a column are written in. Columns of Arrow's timestamps and dates need none."""

    unit: Unit | None = None
    """Numbers count so many of these since the origin, or since 1970 in UTC."""
    pattern: TimePattern | None = None
    """The pattern of text; without one, text is in ISO 8601."""
    others: tuple[TimePattern, ...] = ()
    """The patterns of texts that the first one does not read, in the order in which they are tried."""
    origin: tuple[int, bool] | None = None
    """The time that counts and times of day are counted from, in microseconds, and whether it names its zone."""
    cut: bool = False
    """True if what is finer than a microsecond is cut off; otherwise it is refused."""

    @property
    def patterns(self) -> tuple[TimePattern, ...]:
        """All patterns of text."""
        return () if self.pattern is None else (self.pattern, *self.others)


ISO = TimeForm()


def formats_of(time_format: TimeFormat | None) -> tuple[str, ...]:
    """The formats that a setting lists, or its one."""
    if time_format is None:
        return ()
    return (time_format,) if isinstance(time_format, str) else tuple(time_format)


# a form is asked for once a column and batch, and its pattern takes a while to compile
@lru_cache(maxsize=256)
def time_form(
    time_format: TimeFormat | None, time_unit: Unit | None, time_origin: str | None, finer_times: Finer | None
) -> TimeForm:
    """The form that a declaration's settings describe; raises `ValueError` for settings that none has."""
    patterns = [time_pattern(each) for each in formats_of(time_format)]
    origin = None if time_origin is None else parse_time(time_origin)[:2]
    return TimeForm(time_unit, patterns[0] if patterns else None, tuple(patterns[1:]), origin, finer_times == "cut")
