"""The directives of patterns of times: their texts both ways, and which of them make a time together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from domaintoolkit.times.calendar import HOUR, MINUTE
from domaintoolkit.times.calendar_names import MONTHS, WEEKDAYS, name_shape

__all__ = ["DIGITS", "LOOSE", "Item", "check_items", "spell_item", "split_items"]

DIGITS = {
    "Y": 4, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "y": 2, "j": 3, "G": 4, "V": 2, "U": 2, "W": 2, "u": 1,
    "w": 1, "q": 1,
}  # fmt: skip
"""Digits of each directive that is a number."""

_WORDS = {
    "b": [name[:3] for name in MONTHS],
    "B": MONTHS,
    "a": [name[:3] for name in WEEKDAYS],
    "A": WEEKDAYS,
    "p": ("AM", "PM"),
}
"""The words that each directive of a word writes."""

_HALVES = r"((?i:[ap]\.?\s?m\.?))"
"""AM and PM, also `a. m.` as in Spanish."""

_FEW_DIGITS = {"u": "([1-7])", "w": "([0-6])", "q": "([1-4])"}
_ZONES = {"z": r"Z|[+-][0-9]{2}(?::?[0-9]{2})?", "Z": "UTC|GMT|Z"}
_SHORT = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y", "%h": "%b"}
_PADDED = {"e": "d", "k": "H", "l": "I"}
"""Directives that are padded with a space: what they are otherwise."""

_MEANS = {
    "Y": "year", "y": "year", "m": "month", "b": "month", "B": "month", "d": "day", "H": "hour", "I": "hour",
    "M": "minute", "S": "second", "f": "fraction", "j": "day of the year", "G": "year of the week", "V": "week",
    "q": "quarter", "U": "week", "W": "week", "u": "weekday", "w": "weekday", "a": "weekday", "A": "weekday",
    "p": "half of the day", "z": "zone", "Z": "zone",
}  # fmt: skip
_INSTEAD = {
    "s": 'counts of seconds need time_unit = "s" and no time_format',
    "Q": 'counts of milliseconds need time_unit = "ms" and no time_format',
    "c": "write out its directives, such as %a %b %e %H:%M:%S %Y",
    "x": "write out its directives, such as %m/%d/%y",
    "X": "write out its directives, such as %H:%M:%S",
    "L": "the digits of a fraction are %f",
    "N": "the digits of a fraction are %f",
    "P": "AM and PM are %p, in capitals or not",
    "n": "write the character itself",
    "t": "write the character itself",
}

LOOSE = frozenset("mdHIMSj")
"""Directives of numbers that people write without zeros."""

_NEEDED = (
    ("f", {"second"}, "a fraction (%f) and no second (%S)"),
    ("S", {"minute"}, "a second (%S) and no minute (%M)"),
    ("M", {"hour"}, "a minute (%M) and no hour (%H); the month is %m"),
    ("p", {"hour"}, "AM or PM (%p) and no hour (%I)"),
    ("I", {"half of the day"}, "an hour from 1 to 12 (%I) and no AM or PM (%p); hours from 0 to 23 are %H"),
    ("V", {"year of the week"}, "a week of ISO 8601 (%V) and not its year (%G, not %Y)"),
    ("G", {"week"}, "the year of a week (%G) and no week (%V); the year is %Y"),
    ("U", {"weekday"}, "a week (%U) and no weekday (%w)"),
    ("W", {"weekday"}, "a week (%W) and no weekday (%w)"),
    ("d", {"month"}, "a day (%d) and no month (%m)"),
    ("m", {"year"}, "a month and no year (%Y)"),
    ("b", {"year"}, "a month and no year (%Y)"),
    ("B", {"year"}, "a month and no year (%Y)"),
    ("q", {"year"}, "a quarter (%q) and no year (%Y)"),
    ("j", {"year"}, "a day of the year (%j) and no year (%Y)"),
    ("U", {"year"}, "a week (%U) and no year (%Y)"),
    ("W", {"year"}, "a week (%W) and no year (%Y)"),
)
"""A directive, quantities of which the pattern has to give one too, and the reason if it gives none."""


@dataclass(frozen=True, slots=True)
class Item:
    """One directive of a pattern, by its letter, or one character of literal text."""

    letter: str
    literal: str = ""
    pad: str = "0"
    """`0` for a fixed number of digits, `_` if the first can be a space, `-` if it can be missing."""

    @property
    def means(self) -> str:
        """The quantity that the directive gives."""
        return _MEANS.get(self.letter, "")

    @property
    def shape(self) -> str:
        """A regular expression of the texts that the item reads."""
        if not self.letter:
            return re.escape(self.literal)
        if self.letter == "p":
            return _HALVES
        if self.letter in _WORDS:
            return f"({name_shape(self.letter)})"
        if self.letter in _ZONES:
            return f"({_ZONES[self.letter]})"
        if self.letter == "f":
            return "([0-9]+)"
        if self.letter in _FEW_DIGITS:
            return _FEW_DIGITS[self.letter]
        digits = DIGITS[self.letter]
        one_fewer = {"_": f"[ 0-9][0-9]{{{digits - 1}}}", "-": f"[0-9]{{1,{digits}}}"}
        return f"({one_fewer.get(self.pad, f'[0-9]{{{digits}}}')})"

    def write(self, day: int, clock: int) -> str:
        """The item's text for a day, counted since 1970, and the time of day in µs."""
        if not self.letter:
            return self.literal
        if self.letter in _ZONES:
            return "UTC" if self.letter == "Z" else "+0000"
        if self.letter == "f":
            return f"{clock % 1_000_000:06}"
        number = _numbers(date.fromordinal(day + _EPOCH), clock)[self.letter]
        if self.letter in _WORDS:
            return _WORDS[self.letter][number]
        digits = DIGITS[self.letter]
        return {"0": f"{number:0{digits}}", "_": f"{number:{digits}}", "-": str(number)}[self.pad]


_EPOCH = date(1970, 1, 1).toordinal()


def _numbers(day: date, clock: int) -> dict[str, int]:
    """The number of each directive; that of a word is its place in its list."""
    # "U" and "W" as C's strftime counts them: week 1 begins with the first Sunday or Monday of the year
    hour, week = clock // HOUR, day.isocalendar()
    of_year, weekday = day.timetuple().tm_yday, day.weekday()
    return {
        "Y": day.year, "y": day.year % 100, "m": day.month, "d": day.day, "q": (day.month + 2) // 3, "j": of_year,
        "b": day.month - 1, "B": day.month - 1, "a": weekday, "A": weekday, "u": weekday + 1, "w": (weekday + 1) % 7,
        "G": week.year, "V": week.week, "U": (of_year + 6 - (weekday + 1) % 7) // 7, "W": (of_year + 6 - weekday) // 7,
        "H": hour, "I": (hour + 11) % 12 + 1, "p": hour // 12, "M": clock // MINUTE % 60, "S": clock // 1_000_000 % 60,
    }  # fmt: skip


def split_items(text: str) -> list[Item]:
    """The items of a pattern; raises `ValueError` for a directive that is not read."""
    for short, long in _SHORT.items():
        text = text.replace(short, long)
    items = []
    # a percent sign with its padding and letter, or one character of literal text
    for percent, pad, letter, literal in re.findall(r"(%)([-_]?)(.?)|(.)", text, re.DOTALL):
        if not percent:
            items.append(Item("", literal))
        elif letter == "%" and not pad:
            items.append(Item("", "%"))
        elif letter in _PADDED and not pad:
            items.append(Item(_PADDED[letter], pad="_"))
        elif letter in _MEANS and (not pad or letter in LOOSE):
            items.append(Item(letter, pad=pad or "0"))
        else:
            instead = _INSTEAD.get(letter, f"the directives are {' '.join(f'%{each}' for each in _MEANS)}")
            raise ValueError(f"{text!r} has the directive %{pad}{letter}, which is not read: {instead}")
    return items


def spell_item(item: Item) -> str:
    """The item as a pattern spells it."""
    if not item.letter:
        return "%%" if item.literal == "%" else item.literal
    return f"%{'' if item.pad == '0' else item.pad}{item.letter}"


def check_items(items: tuple[Item, ...]) -> None:
    """Raise `ValueError` if the quantities of a pattern do not make a time, or if a number's end is not clear."""
    letters = {item.letter for item in items if item.letter}
    given = [item.means for item in items if item.letter]
    twice = {means for means in given if given.count(means) > 1}
    if twice:
        also = {"month": "; the minute is %M", "minute": "; the month is %m", "day": "; the day of the year is %j"}
        raise ValueError(f"has the {min(twice)} twice{also.get(min(twice), '')}")
    for letter, others, reason in _NEEDED:
        if letter in letters and others.isdisjoint(given):
            raise ValueError(f"has {reason}")
    if "H" in letters and "p" in letters:
        raise ValueError("has %p, which belongs to hours from 1 to 12 (%I), not to %H")
    if not {"U", "W"}.isdisjoint(letters) and not {"month", "day of the year"}.isdisjoint(given):
        raise ValueError("has a week (%U or %W) and also a month or a day of the year")
    if "q" in letters and not {"month", "day", "day of the year", "week", "weekday"}.isdisjoint(given):
        raise ValueError("has a quarter (%q) and also a month, week or day")
    if "V" in letters and not {"Y", "y", "U", "W"}.isdisjoint(letters):
        raise ValueError("has a week of ISO 8601 (%G, %V) and another year or week")
    dated = not {"year", "year of the week"}.isdisjoint(given)
    if not dated and "hour" not in given:
        raise ValueError("has neither a date nor a time of day")
    if not dated and not {"weekday", "zone"}.isdisjoint(given):
        raise ValueError("has a weekday or a zone, and no date")
    whole = not {"day", "day of the year"}.isdisjoint(given) or {"week", "weekday"} <= set(given)
    if dated and "hour" in given and not whole:
        raise ValueError("has a time of day and no day (%d)")
    for item, after in pairwise(items):
        open_ended = item.pad == "-" or item.letter == "f"
        digit = after.letter in {*DIGITS, "f"} or after.literal.isdigit()
        if open_ended and digit:
            spelled = spell_item(item)
            raise ValueError(f"has {spelled}, whose number of digits is not fixed, before another digit")
