"""Patterns of times, such as `%d.%m.%Y %H:%M`: checked when they are declared, and read to the letter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from domaintoolkit.errors import quote
from domaintoolkit.times.calendar import DAY, civil, day_number, day_of_week_date
from domaintoolkit.times.calendar_names import find_name
from domaintoolkit.times.directives import DIGITS, LOOSE, Item, check_items, spell_item, split_items
from domaintoolkit.times.iso_text import TextTime, clock_time, offset_of
from domaintoolkit.times.time_hints import hint_for, other_formats, swap_days, translate

__all__ = ["TimePattern", "read_any", "time_pattern"]


@dataclass(frozen=True)
class TimePattern:
    """A pattern that reads times, or times of day if it `has_date` is False."""

    text: str
    items: tuple[Item, ...]
    offset: int | None
    """Microseconds from UTC of the zone that literal text at the pattern's end names; None if there is none."""

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile("".join(item.shape for item in self.items))

    @cached_property
    def _letters(self) -> tuple[str, ...]:
        return tuple(item.letter for item in self.items if item.letter)

    @cached_property
    def _loose(self) -> TimePattern | None:
        """The pattern that reads numbers without zeros too; None if it would not be clear where they end."""
        spelled = (f"%-{item.letter}" if item.letter in LOOSE else spell_item(item) for item in self.items)
        try:
            return time_pattern("".join(spelled))
        except ValueError:
            return None

    @cached_property
    def means(self) -> frozenset[str]:
        """The quantities that the pattern gives."""
        return frozenset(item.means for item in self.items if item.letter)

    @cached_property
    def has_date(self) -> bool:
        """True if the times have a date."""
        return not self.means.isdisjoint({"year", "year of the week"})

    @cached_property
    def has_clock(self) -> bool:
        """True if the times have a time of day."""
        return "hour" in self.means

    @cached_property
    def names_zone(self) -> bool:
        """True if every time in the pattern names its zone, by a directive or by literal text at the end."""
        return "zone" in self.means or self.offset is not None

    def read(self, text: str, cut: bool = False) -> TextTime:
        """The time of one text; a time of day counts from midnight. `cut` cuts what is finer than a microsecond.

        Raises `ValueError` with the reason for a text that does not follow the pattern to the letter.
        """
        found = self._regex.fullmatch(text)
        if found is None:
            hint = self._hint(text) or other_formats(text, (self.text,))
            raise ValueError(f"expected a time like {self.text!r}, got {quote(text)}{hint}")
        return self._time_of(found, text, cut)

    def reads(self, text: str) -> bool:
        """Return True if `read` reads a text, but for digits that are finer than a microsecond."""
        found = self._regex.fullmatch(text)
        try:
            return found is not None and self._time_of(found, text, True) is not None
        except ValueError:
            return False

    def _time_of(self, found: re.Match[str], text: str, cut: bool) -> TextTime:
        groups = dict(zip(self._letters, found.groups(), strict=True))
        clock, leap = self._clock(groups, text, cut)
        zone = groups.get("z")
        offset = (self.offset or 0) if zone is None else offset_of(zone, text)
        day = self._day(groups, text) if self.has_date else 0
        return day * DAY + clock - offset, self.names_zone, leap

    def write(self, time: int) -> str:
        """The text of a time that `read` gives, in µs; it is cut to what the pattern can hold.

        A pattern that names no zone writes it as it is, as wall time, and one that does takes it as UTC.
        """
        # `divmod` rounds down, so times before 1970 have a clock from 0 on too
        day, clock = divmod(time + (self.offset or 0), DAY)
        if not self.has_date:
            day = 0
        return "".join(item.write(day, clock) for item in self.items)

    def _hint(self, text: str) -> str:
        if self._loose is not None and self._loose._regex.fullmatch(text):
            return f'; numbers without zeros are read by time_format = "{self._loose.text}"'
        if all(item.pad == "0" and item.letter in {"", *DIGITS} for item in self.items):
            length = sum(DIGITS.get(item.letter, len(item.literal)) for item in self.items)
            if len(text) < length and re.sub("[0-9]", "", text) == "".join(item.literal for item in self.items):
                return "; digits are missing: was a zero at the beginning of a number lost?"
        return ""

    def _other_order(self, text: str) -> str:
        """The setting that reads a text whose day and month are the other way round, or one that means nothing."""
        if not re.search("[1-9]", text):
            return hint_for(text)
        other = swap_days(self.text)
        if other == self.text or {"day", "month"} - self.means:
            return ""
        groups = time_pattern(other)._regex.fullmatch(text)
        letters = time_pattern(other)._letters
        if groups is None or int(dict(zip(letters, groups.groups(), strict=True)).get("m", 0)) not in range(1, 13):
            return ""
        return f'; time_format = "{other}" reads it, with the month and the day the other way round'

    def _clock(self, groups: Mapping[str, str], text: str, cut: bool) -> tuple[int, bool]:
        if not self.has_clock:
            return 0, False
        hour = int(groups.get("H") or groups["I"])
        if "I" in groups:
            if not 1 <= hour <= 12:
                raise ValueError(f"{quote(text)} is not a time of day: with AM and PM, hours go from 1 to 12")
            hour = hour % 12 + 12 * (groups["p"][0].upper() == "P")
        minute, second = int(groups.get("M", 0)), int(groups.get("S", 0))
        return clock_time(hour, minute, second, groups.get("f", ""), text, cut)

    def _day(self, groups: Mapping[str, str], text: str) -> int:
        weekday = _weekday(groups)
        if "G" in groups:
            year = int(groups["G"])
            day = day_of_week_date(year, int(groups["V"]), 1 if weekday is None else weekday + 1)
            if day is None:
                raise ValueError(f"{quote(text)} is not a week of the calendar")
        else:
            year = int(groups["Y"]) if "Y" in groups else _whole_year(int(groups["y"]))
            found = _day_of_year(groups, year, weekday)
            if found is None or civil(found)[0] != year:
                raise ValueError(f"{quote(text)} is not a day of the calendar{self._other_order(text)}")
            day = found
        if not year:
            raise ValueError(f"{quote(text)} is outside the years 1 to 9999")
        if weekday is not None and (day + 3) % 7 != weekday and not self.means.isdisjoint({"day", "day of the year"}):
            raise ValueError(f"{quote(text)} names a weekday that its date does not have")
        return day


def read_any(patterns: Sequence[TimePattern], text: str, cut: bool = False) -> tuple[TimePattern, TextTime]:
    """The first pattern that reads a text, and its time; raises `ValueError` with one reason if none does."""
    reasons = []
    for pattern in patterns:
        try:
            return pattern, pattern.read(text, cut)
        except ValueError as error:
            reasons.append((pattern._regex.fullmatch(text) is None, str(error)))
    # a pattern that fits, but for its numbers, tells more than one that does not
    is_other, reason = min(reasons, key=lambda each: each[0])
    if not is_other or len(patterns) == 1:
        raise ValueError(reason)
    names = tuple(pattern.text for pattern in patterns)
    raise ValueError(
        f"expected a time like {' or '.join(map(repr, names))}, got {quote(text)}{other_formats(text, names)}"
    )


def _whole_year(year: int) -> int:
    """A year of two digits as POSIX reads it: 69 to 99 are of the 20th century."""
    return year + (1900 if year > 68 else 2000)


def _weekday(groups: Mapping[str, str]) -> int | None:
    """The weekday, 0 on Mondays; None if the pattern has none."""
    number = groups.get("u") or groups.get("w")
    if number is not None:
        return (int(number) + 6) % 7
    letter = next((each for each in "aA" if groups.get(each)), None)
    return None if letter is None else find_name(letter, groups[letter])


def _day_of_year(groups: Mapping[str, str], year: int, weekday: int | None) -> int | None:
    """The day number of a date of a year; None if there is no such day."""
    first = day_number(year, 1, 1)
    month = _month(groups)
    if month is not None:
        of_month = int(groups.get("d", "1"))
        day = day_number(year, month, of_month) if 1 <= month <= 12 else None
        if day is None or civil(day) != (year, month, of_month):
            return None
        return day if "j" not in groups or first + int(groups["j"]) - 1 == day else None
    if "j" in groups:
        return first + int(groups["j"]) - 1
    for letter, begins in (("U", 6), ("W", 0)):
        if letter in groups:
            assert weekday is not None
            # week 1 begins with the first Sunday (U) or Monday (W) of the year; the days before are in week 0
            week_1 = first + (begins - (first + 3)) % 7
            return week_1 + 7 * (int(groups[letter]) - 1) + (weekday - begins) % 7
    return first


def _month(groups: Mapping[str, str]) -> int | None:
    """The month, or the first one of the quarter; None if the pattern has neither."""
    if "q" in groups:
        return 3 * int(groups["q"]) - 2
    if "m" in groups:
        return int(groups["m"])
    letter = next((each for each in "bB" if groups.get(each)), None)
    return None if letter is None else find_name(letter, groups[letter]) + 1


@lru_cache(maxsize=256)
def time_pattern(text: str) -> TimePattern:
    """The pattern of a `time_format`; raises `ValueError` that says what to write instead."""
    items = tuple(split_items(text))
    if not any(item.letter for item in items):
        raise ValueError(_no_pattern(text))
    check_items(items)
    return TimePattern(text, items, _literal_offset(text, items))


def _literal_offset(text: str, items: tuple[Item, ...]) -> int | None:
    """Microseconds from UTC of a zone that the literal text at the end names, such as in `%H:%M:%SZ`."""
    means = {item.means for item in items}
    end = re.split(r"%[-_]?[A-Za-z]", text)[-1]
    named = re.search("(?:UTC|GMT|Z)$", end)
    # the zero stands for a digit of the directive before: -01-02 may be the end of a date
    if named is None and "hour" in means:
        named = re.search("(?<=[0-9 ])[+-][0-9]{2}:?[0-9]{2}$", f"0{end.removesuffix(' UTC')}")
    return None if named is None or "zone" in means else offset_of(named[0], text)


def _no_pattern(text: str) -> str:
    if not text:
        return "is empty; leave it out if the times are in ISO 8601"
    if text.lower() in ("iso", "iso8601", "iso 8601", "iso-8601"):
        return "leave it out: without it, times are in ISO 8601"
    if text.lower() in ("epoch", "unix", "posix", "timestamp", "s", "ms", "us", "ns"):
        unit = text.lower() if text.lower() in ("ms", "us", "ns") else "s"
        return f'counts of a unit need time_unit = "{unit}" and no time_format'
    for words in (translate(text) or text, re.sub("([A-Za-z])", r"%\1", text)):
        try:
            if words != text:
                return f'{text!r} has no directives; write "{time_pattern(words).text}"'
        except ValueError:
            continue
    return f'{text!r} has no directives, such as in "%Y-%m-%d %H:%M:%S"'
