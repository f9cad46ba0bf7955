"""Durations as people write them: `1:05:30`, `2 days 03:04:05`, `PT5M`, `1h 30min`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

__all__ = ["SECONDS", "ShortClock", "duration_hint", "parse_duration"]

ShortClock = Literal["h:mm", "m:ss"]
"""The meaning of two numbers with a colon between them: hours and minutes, or minutes and seconds."""

SECONDS: dict[str, Fraction] = {
    "ns": Fraction(1, 10**9), "us": Fraction(1, 10**6), "ms": Fraction(1, 1000), "s": Fraction(1), "min": Fraction(60),
    "h": Fraction(3600), "d": Fraction(86_400),
}  # fmt: skip
"""Seconds of each unit that durations count."""

_SIGN = r"(?P<sign>[+\-\u2212\u2013])?\s*"
_CLOCK = r"(?:(?P<hours>[0-9]+):(?P<minutes>[0-9]{2}):(?P<seconds>[0-9]{2})|(?P<first>[0-9]+):(?P<second>[0-9]{2}))"
_DAYS = (
    r"(?:(?P<day_sign>[+\-\u2212\u2013])?(?P<days>[0-9]+)"
    r"(?:\s*(?:days?|d|tage?|jours?|j)\b,?\s*|\.(?=[0-9]{2}:[0-9]{2}:)))"
)
_CLOCKED = re.compile(rf"{_DAYS}?{_SIGN}{_CLOCK}(?:[.,](?P<fraction>[0-9]+))?", re.IGNORECASE)

_VALUE = r"[+-]?[0-9]+(?:[.,][0-9]+)?"
_ISO = re.compile(
    rf"(?P<sign>[+-])?P(?=[0-9T+-])(?:(?P<w>{_VALUE})W)?(?:(?P<d>{_VALUE})D)?"
    rf"(?:T(?=[0-9+-])(?:(?P<h>{_VALUE})H)?(?:(?P<min>{_VALUE})M)?(?:(?P<s>{_VALUE})S)?)?",
    re.IGNORECASE,
)
"""Each part may have a sign, as pandas writes durations below zero."""
_ISO_SECONDS = SECONDS | {"w": Fraction(7 * 86_400)}
_FOREVER = Fraction(10**12)
_CALENDAR = re.compile(r"[+-]?P(?=[0-9+-])[0-9.,DW+-]*[YM][0-9.,YMDW+-]*(?:T.*)?", re.IGNORECASE)
"""Durations of ISO 8601 in years or months, whose length depends on the date."""

_WORDS: dict[str, Fraction] = {
    word: seconds
    for words, seconds in (
        ("w wk wks week weeks wochen woche", Fraction(7 * 86_400)),
        ("d day days tag tage jour jours día días dia dias giorno giorni", SECONDS["d"]),
        ("h hr hrs hour hours std stunde stunden heure heures hora horas ora ore", SECONDS["h"]),
        ("m min mins minute minutes minuten minuto minutos minuti", SECONDS["min"]),
        ("s sec secs second seconds sek sekunde sekunden seconde secondes segundo segundos secondi", SECONDS["s"]),
        ("ms msec msecs millisecond milliseconds millis", SECONDS["ms"]),
        ("us µs μs usec microsecond microseconds", SECONDS["us"]),
        ("ns nanosecond nanoseconds nanos", SECONDS["ns"]),
    )
    for word in words.split()
}
"""Words for units, in small letters, and the seconds of each."""

_PART = re.compile(r"\s*([0-9]+(?:[.,][0-9]+)?)\s*([^\W\d_]+)\.?,?")
_HOURS_MINUTES = re.compile(r"([0-9]+)\s?h\s?([0-5][0-9])", re.IGNORECASE)
_LONGEST = 60
"""Characters of the longest text that may be a duration."""


def parse_duration(text: str, short: ShortClock | None = None) -> Fraction | None:
    """The seconds of a duration; None if the text is none, or has two numbers as `05:30` and no `short` says which."""
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    return _read_clock(text, short) if ":" in text else _read_units(text)


def _read_clock(text: str, short: ShortClock | None) -> Fraction | None:
    found = _CLOCKED.fullmatch(text)
    if found is None:
        return None
    part = found.groupdict(default="")
    if not part["first"]:
        hours, minutes, seconds = int(part["hours"]), int(part["minutes"]), int(part["seconds"])
    # a fraction is one of seconds, and hours and minutes follow days
    elif part["fraction"] or (short == "m:ss" and not part["days"]):
        hours, minutes, seconds = *divmod(int(part["first"]), 60), int(part["second"])
    elif short == "h:mm" or part["days"]:
        hours, minutes, seconds = int(part["first"]), int(part["second"]), 0
    else:
        return None
    if minutes > 59 or seconds > 59 or (part["days"] and hours > 23):
        return None
    clock = hours * SECONDS["h"] + minutes * SECONDS["min"] + seconds + _fraction(part["fraction"])
    clock = clock if part["sign"] in ("", "+") else -clock
    days = int(part["days"] or 0) * SECONDS["d"]
    if part["day_sign"] in ("", "+"):
        return days + clock
    # Python writes a minute before midnight as "-1 day, 23:59:00", and pandas as "-1 days +23:59:00"
    return clock - days if part["sign"] or "," in text else -days - clock


def _read_units(text: str) -> Fraction | None:
    found = _ISO.fullmatch(text)
    if found is not None:
        parts = [(name, value) for name, value in found.groupdict().items() if value and name != "sign"]
        total = sum((_number(value) * _ISO_SECONDS[name] for name, value in parts), Fraction(0))
        return -total if found["sign"] == "-" else total
    sign, rest = (-1, text[1:]) if text[:1] in ("-", "\u2212", "\u2013") else (1, text.removeprefix("+"))
    if (short := _HOURS_MINUTES.fullmatch(rest.strip())) is not None:
        return sign * (int(short[1]) * SECONDS["h"] + int(short[2]) * SECONDS["min"])
    total, units, at = Fraction(0), [_FOREVER], 0
    while at < len(rest):
        part = _PART.match(rest, at)
        unit = None if part is None else _WORDS.get(part[2].lower())
        # from the longest unit to the shortest, each once
        if part is None or unit is None or unit >= units[-1]:
            return None
        total, at = total + _number(part[1]) * unit, part.end()
        units.append(unit)
    return sign * total if len(units) > 1 else None


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "."))


def _fraction(digits: str) -> Fraction:
    return Fraction(int(digits or 0), 10 ** len(digits))


def duration_hint(text: str, unit: str, short: ShortClock | None) -> str:
    """`; ` and the setting that reads a text as a duration, which the settings given do not; "" if none would."""
    if _CALENDAR.fullmatch(text.strip()) and parse_duration(text) is None:
        return "; years and months are not equally long: durations are read in weeks, days, hours, minutes and seconds"
    if parse_duration(text, short or "m:ss") is None and parse_duration(text, "h:mm") is None:
        return ""
    needed = [] if unit else ["duration_unit = 's'"]
    if parse_duration(text, short) is None:
        needed.append("duration_clock = 'm:ss' (or 'h:mm')")
    return f"; set {' and '.join(needed)} for this column to read durations" if needed else ""
