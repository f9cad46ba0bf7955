"""The setting that would have helped with a text that is not in the expected form of a time."""

from __future__ import annotations

import re
from functools import lru_cache

from domaintoolkit.times.calendar_names import LANGUAGES

__all__ = ["hint_for", "other_formats", "swap_days", "translate"]

_UNITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}
"""The unit that a number of so many digits counts, if it is a time of these years."""

_DATES = {4: ("%Y",), 6: ("%Y%m", "%y%m%d"), 7: ("%Y%j",)}
"""The patterns of a date of so many digits; of eight, it is in ISO 8601."""

_MISSING = re.compile(
    r"\(?null\)?|none|nan|nat|n\.?/?a\.?|nil|void|missing|unknown|undefined|empty|never|not available|tbd|#n/a|<na>|\\n"
    r"|[+-]?inf(?:inity)?|[-?._/ ]{1,4}|1-1-1|[0:\- /T.]{3,}",
    re.IGNORECASE,
)
"""Texts that are not times, but may stand for a missing one."""

_PACKED = {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S", 17: "%Y%m%d%H%M%S%f"}
"""The pattern of a date and a time of so many digits without marks between them."""
_SPREADSHEET = 5
"""Digits of the days since 1899 that spreadsheets count."""

_FORMS = (
    (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", "%Y-%-m-%-d"),
    (r"[0-9]{4}/[0-9]{2}/[0-9]{2}", "%Y/%m/%d"),
    (r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}", "%Y/%-m/%-d"),
    (r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}", "%Y.%m.%d"),
    (r"[0-9]{4}-[0-9]{2}", "%Y-%m"),
    (r"[0-9]{4}-W[0-9]{2}", "%G-W%V"),
    (r"[0-9]{2}\.[0-9]{2}\.[0-9]{4}", "%d.%m.%Y"),
    (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", "%-d.%-m.%Y"),
    (r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}", "%d.%m.%y"),
    (r"[0-9]{2}-[0-9]{2}-[0-9]{4}", "%d-%m-%Y"),
    (r"[0-9]{2} [A-Za-z]{3} [0-9]{4}", "%d %b %Y"),
    (r"[0-9]{1,2} [A-Za-z]{3} [0-9]{4}", "%-d %b %Y"),
    (r"[0-9]{1,2} [A-Za-z]{4,9} [0-9]{4}", "%-d %B %Y"),
    (r"[0-9]{2}-[A-Za-z]{3}-[0-9]{4}", "%d-%b-%Y"),
    (r"[0-9]{2}-[A-Za-z]{3}-[0-9]{2}", "%d-%b-%y"),
    (r"[A-Za-z]{3} [0-9]{1,2}, [0-9]{4}", "%b %-d, %Y"),
    (r"[A-Za-z]{4,9} [0-9]{1,2}, [0-9]{4}", "%B %-d, %Y"),
    (r"[A-Za-z]{3} [0-9]{1,2} [0-9]{4}", "%b %-d %Y"),
    (r"[0-9]{2}/[A-Za-z]{3}/[0-9]{4}", "%d/%b/%Y"),
    (r"[A-Za-z]{3}, [0-9]{2} [A-Za-z]{3} [0-9]{4}", "%a, %d %b %Y"),
    (r"[0-9]{4}Q[0-9]", "%YQ%q"),
    (r"[0-9]{4}-Q[0-9]", "%Y-Q%q"),
    (r"[0-9]{4} Q[0-9]", "%Y Q%q"),
    (r"Q[0-9] [0-9]{4}", "Q%q %Y"),
)
"""Forms of dates that are not ISO 8601, and the pattern of each; others are found from their words and marks."""

_CLOCKS = (
    (r"[0-9]{2}:[0-9]{2}:[0-9]{2}[.,][0-9]+", "%H:%M:%S.%f"),
    (r"[0-9]{2}:[0-9]{2}:[0-9]{2}", "%H:%M:%S"),
    (r"[0-9]{2}:[0-9]{2}", "%H:%M"),
    (r"[0-9]{1,2}:[0-9]{2}:[0-9]{2} [AaPp][Mm]", "%-I:%M:%S %p"),
    (r"[0-9]{1,2}:[0-9]{2} [AaPp][Mm]", "%-I:%M %p"),
    (r"[0-9]:[0-9]{2}:[0-9]{2}", "%-H:%M:%S"),
    (r"[0-9]:[0-9]{2}", "%-H:%M"),
)
_ZONES = (("", ""), (" [+-][0-9]{2}:?[0-9]{2}", " %z"), (" (?:GMT|UTC|Z)", " %Z"))
"""Zones at the end that a pattern can have."""
_NUMBER = re.compile(r"[+-]?([0-9]+)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_NAMED = re.compile(r"[0-9][\s./-]*(?:de )?[^\W\d_]{3,12}\.?[\s,./-]*(?:de )?(?:[0-9]{4}|[0-9]{2}\b)")
"""A date with the name of its month."""
_ZONED = re.compile(r"(.*[0-9]) ?(?:[A-Z][A-Za-z]{2,3}|[A-Z][a-z]+/[A-Z][A-Za-z_]+)")


def hint_for(text: str, kind: str = "time") -> str:
    """`; ` and the setting that reads a text, such as `time_unit = "s"`; nothing if none would."""
    if len(text) > _LONGEST:
        return ""
    if _MISSING.fullmatch(text):
        return f"; if it stands for a missing value, add {text!r} to null in the reader"
    if text != text.strip() and (text.strip()[:1].isdigit() or text.strip()[:1].isalpha()):
        return "; set trim = true to leave out the spaces around it"
    # texts differ in their digits, but most hints do not depend on them
    shape, digits = re.subn("[0-9]", "1", text)
    if digits < _FEWEST:
        return ""
    hint = _hint_for_shape(shape, kind)
    is_name = "%b" in hint or "%B" in hint or "%a" in hint
    return _hint_for_words(text, kind) if not hint or (is_name and not _formats_of(text)) else hint


def other_formats(text: str, known: tuple[str, ...]) -> str:
    """`; ` and the setting that reads a text that none of the `known` patterns reads; nothing if none would."""
    if _MISSING.fullmatch(text) or text != text.strip():
        return hint_for(text)
    found = _formats_of(text) if len(text) <= _LONGEST else ()
    if not found:
        return f"; names of months are read in {LANGUAGES}: write others as numbers" if _NAMED.search(text) else ""
    listed = ", ".join(f'"{_escape(each)}"' for each in (*known, found[0]))
    return f"; if the column has times of several forms, list them: time_format = [{listed}]"


def swap_days(pattern: str) -> str:
    """A pattern with day and month the other way round."""
    return re.sub("%(-?)([dm])", lambda found: f"%{found[1]}{'dm'[found[2] == 'd']}", pattern)


@lru_cache(maxsize=1024)
def _formats_of(text: str) -> tuple[str, ...]:
    from domaintoolkit.times.time_shapes import find_time_formats  # which reads patterns, whose errors have hints

    return tuple(find_time_formats([text]))


def _hint_for_words(text: str, kind: str) -> str:
    found = [each for each in _formats_of(text) if kind == "time" or not re.search("%-?[HI]", each)]
    if not found:
        zoned = _ZONED.fullmatch(text)
        if zoned and ":" in zoned[1]:
            return "; of the names of zones only UTC, GMT and Z are read: set zone, and end time_format with the name"
        return f"; names of months are read in {LANGUAGES}: write others as numbers" if _NAMED.search(text) else ""
    own, *others = map(_escape, found)
    other = f', or "{others[0]}" if that is the order of day, month and year' if others else ""
    # a name is literal text to a pattern, and says nothing of the zone
    name = re.search("(?<= )(?!UTC|GMT)[A-Z]{3,4}$", own)
    zone = f", and zone to the one that {name[0]} is the time of" if name else ""
    return f'; set time_format, such as "{own}"{other}{zone}'


def _escape(pattern: str) -> str:
    """A pattern as TOML writes it: spaces that cannot be told from others as their numbers."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in pattern)


_LONGEST, _FEWEST = 48, 3
"""Characters, and digits, of a text that may be a time in some form."""


@lru_cache(maxsize=1024)
def _hint_for_shape(text: str, kind: str) -> str:
    number = _NUMBER.fullmatch(text)
    if number and kind == "time":
        digits = len(number[1])
        if digits in _PACKED and number[1] == text:
            return f'; set time_format, such as "{_PACKED[digits]}"'
        if digits in _DATES and number[1] == text:
            shown = " or ".join(f'"{each}"' for each in _DATES[digits])
            return f'; set time_format, such as {shown}, or for counts of a unit time_unit, such as time_unit = "s"'
        if digits == _SPREADSHEET:
            return '; the days of a spreadsheet are times with time_unit = "d", time_origin = "1899-12-30"'
        unit = _UNITS.get(digits, "s")
        return f'; numbers are times with a time_unit, such as time_unit = "{unit}"'
    # the first form that fits: those with a fixed number of digits come before those without
    for shape, date in _FORMS:
        clocks = [
            (f"([T :]){clock}{zone}", f"{date}|{spelled}{end}") for clock, spelled in _CLOCKS for zone, end in _ZONES
        ]
        for rest, pattern in (("", date), *clocks):
            found = re.fullmatch(shape + rest, text)
            if found and not (kind == "date" and rest):
                between = found[1] if rest else ""
                return f'; set time_format, such as "{pattern.replace("|", between)}"'
    if any(re.fullmatch(shape, text) for shape, _ in _CLOCKS):
        return "; a time of day needs its date: name the columns of both in time_join, or the date in time_origin"
    return ""


_LETTERS = re.compile(
    r"'([^']*)'|(yyyy|YYYY)|(yy|YY)|(MMMM)|(MMM)|(MM)|(dd|DD)|(HH)|(hh)|(mm)|(ss|SS(?!S))|(f{2,}|S{3,})|(EEEE)|(EEE)"
    r"|(tt|a|A)|(XXX|xx|zzz|ZZ|Z)|(M)|(d|D)|(H)|(h)|([A-Za-z]+)|([^A-Za-z])"
)
_MEANING = (
    "", "%Y", "%y", "%B", "%b", "%m", "%d", "%H", "%H", "%M", "%S", "%f", "%A", "%a", "%p", "%z", "%-m", "%-d",
    "%-H", "%-H",
)  # fmt: skip
"""The meaning of each group of letters; the first group is a text in quotes."""


def translate(words: str) -> str | None:
    """A pattern in letters, such as `DD.MM.YYYY HH:mm`, with directives; None if it has other letters."""
    made, hours = "", False
    for found in _LETTERS.finditer(words):
        group = found.lastindex or 1
        if group == 1:
            made += found[1]
        # the last two groups of `_LETTERS`: other letters, and marks
        elif group == len(_MEANING) + 1:
            if found[0] != "T":
                return None
            made += "T"
        elif group == len(_MEANING) + 2:
            made += found[0]
        else:
            directive = _MEANING[group - 1]
            # in some languages, MM after the hour is the minute, and mm before it the month
            if directive in ("%m", "%M"):
                directive = "%M" if hours else "%m"
            hours = hours or directive in ("%H", "%-H")
            made += directive
    return made.replace("%H", "%I").replace("%-H", "%-I") if "%p" in made else made
