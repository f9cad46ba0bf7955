"""The formats in which texts can be times, found from their digits, words and marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import normalize

from domaintoolkit.times.calendar_names import fold_name, names_of
from domaintoolkit.times.patterns import time_pattern

__all__ = ["find_clock_format", "find_time_formats"]

TOKEN = re.compile(r"\d+|[^\W\d_]+|[\W_]")
ORDERS = ("Ymd", "dmY", "mdY", "dmy", "mdy", "ymd")
COMPACT = {
    14: ("%Y%m%d%H%M%S",), 12: ("%Y%m%d%H%M", "%y%m%d%H%M%S"), 10: ("%Y%m%d%H", "%y%m%d%H%M"),
    8: ("%Y%m%d", "%y%m%d%H"), 6: ("%y%m%d",),
}  # fmt: skip
"""The formats of so many digits, the likeliest first."""
LITERALS = frozenset(
    [
        "T",
        "UTC",
        "GMT",
        "Z",
        "h",
        "de",
        "del",
        "den",
        "of",
        "at",
        "um",
        "Uhr",
        "kl",
        "klo",
        "le",
        "à",
        "\u0433",
        "года",
        "CET",
        "CEST",
        "EST",
        "PST",
        "年",
        "月",
        "日",
        "년",
        "월",
        "일",
    ]
)
"""Words that stand in dates as they are."""
SAMPLE = 400
"""Values that decide the shape; all values decide if a format reads them."""


def find_time_formats(values: Sequence[str]) -> list[str]:
    """The formats that may read all of the distinct texts; several if day and month cannot be told apart."""
    sample = values[:: max(1, len(values) // SAMPLE)][:SAMPLE]
    digits = [[c for c in value if c.isdigit()] for value in sample]
    if not sample or any(len(each) < 3 or not "".join(each).isascii() for each in digits):
        return []
    tokens = [TOKEN.findall(_without_points(value)) for value in sample]
    # one format reads all texts only if they have the same marks in the same places
    shape = _shape(tokens[0])
    if len(tokens[0]) > 24 or any(_shape(each) != shape for each in tokens) or tokens[0][0] in ("-", "+"):
        return []
    columns = [[each[place] for each in tokens] for place in range(len(tokens[0]))]
    # a day of one digit behind two spaces is padded with one
    formats = [re.sub("(?<! )  %-d", " %e", each) for each in _formats(columns)]
    found = [each for each in formats if _reads(each, sample)]
    # digits without marks can be read in one way by chance, in another on purpose: the likeliest stands
    return found[:1] if all(value.isdecimal() for value in sample) else found


def _without_points(text: str) -> str:
    """A text without the points of short names, and of `a. m.`, which patterns read with and without them."""
    text = re.sub(r"\b([ap])\.?\s?m\b\.?", r"\1m", normalize("NFC", text), flags=re.IGNORECASE)
    return re.sub(r"([^\W\d_]{2,})\.", _without_point, text)


def _without_point(found: re.Match[str]) -> str:
    name = fold_name(found[1])
    return found[1] if name in names_of("b") or name in names_of("a") else found[0]


def find_clock_format(values: Sequence[str]) -> str | None:
    """The format of times of day, such as `%H:%M`."""
    for own in ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%-H:%M", "%-H:%M:%S", "%I:%M %p", "%-I:%M %p", "%-I:%M:%S %p",
                "%I:%M:%S %p", "%H.%M", "%Hh%M", "%-Hh%M", "%I:%M%p", "%-I:%M%p"):  # fmt: skip
        if _reads(own, values):
            return own
    return None


def _shape(tokens: Sequence[str]) -> tuple[str, ...]:
    marks = {"+": "-"}  # of offsets, +0100 and -0700
    kinds = ("0" if token[0].isdigit() else "a" if token[0].isalpha() else marks.get(token, token) for token in tokens)
    return tuple(kinds)


def _reads(time_format: str, values: Sequence[str]) -> bool:
    try:
        pattern = time_pattern(time_format)
    except ValueError:
        return False
    return all(pattern.reads(value) for value in values)


def _formats(columns: list[list[str]]) -> list[str]:
    """A text for each order of year, month and day, if the values can be dates."""
    kinds: list[str | None] = [None] * len(columns)
    for place, own in enumerate(columns):
        if own[0][0].isalpha():
            kinds[place] = _word(own)
            if kinds[place] is None:
                return []
        elif not own[0][0].isdigit():
            kinds[place] = own[0].replace("%", "%%")
    has_half = "%p" in kinds
    _find_clock(columns, kinds, has_half)
    _find_offset(columns, kinds)
    left = [place for place, kind in enumerate(kinds) if kind is None]
    if len(left) == 2 and (pair := _compact_pair(columns, left)) is not None:
        kinds[left[0]], kinds[left[1]] = pair
        return ["".join(kind or "" for kind in kinds)]
    month = next((kind for kind in kinds if kind in ("%b", "%B")), None)
    if len(left) == 1 and month is None:
        own = columns[left[0]]
        widths = {len(each) for each in own}
        width = widths.pop() if len(widths) == 1 else 0
        if width not in COMPACT or (width > 8 and "%H" in kinds):
            return []
        found = []
        for compact in COMPACT[width]:
            kinds[left[0]] = compact
            found.append("".join(kind or "" for kind in kinds))
        return found
    if len(left) == 1 and month is not None and "%H" not in kinds and "%-H" not in kinds:
        # January 2024, Jan-2024
        kinds[left[0]] = _directive("Y", columns[left[0]], False) or _directive("y", columns[left[0]], False)
        return ["".join(kinds)] if None not in kinds else []  # type: ignore[arg-type]
    if len(left) != (2 if month else 3):
        return []
    found = []
    # 11/1/2000: a month of two digits can have one digit in another row
    is_loose = any(len(each) == 1 for place in left for each in columns[place])
    for order in dict.fromkeys("".join(each for each in one if not (month and each == "m")) for one in ORDERS):
        made = list(kinds)
        for letter, place in zip(order, left, strict=True):
            spelled = _directive(letter, columns[place], is_loose)
            if spelled is None:
                break
            made[place] = spelled
        else:
            found.append("".join(kind or "" for kind in made))
    return found


def _compact_pair(columns: list[list[str]], left: Sequence[int]) -> tuple[str, str] | None:
    """A date and a time of day of digits alone, such as 20240301 101500."""
    date, clock = ({len(each) for each in columns[place]} for place in left)
    dates, clocks = {8: "%Y%m%d", 6: "%y%m%d"}, {6: "%H%M%S", 4: "%H%M"}
    if len(date) > 1 or len(clock) > 1 or not date <= set(dates) or not clock <= set(clocks):
        return None
    return dates[date.pop()], clocks[clock.pop()]


def _word(own: list[str]) -> str | None:
    words = {fold_name(each) for each in own}
    for letter in "bBaA":
        if words <= names_of(letter).keys():
            return f"%{letter}"
    if words <= {"am", "pm"}:
        return "%p"
    return own[0] if len(words) == 1 and own[0] in LITERALS else None


def _directive(letter: str, own: Sequence[str], is_loose: bool) -> str | None:
    widths = {len(each) for each in own}
    if letter == "Y":
        return "%Y" if widths == {4} else None
    if letter == "y":
        return "%y" if widths == {2} else None
    most = 12 if letter == "m" else 31
    if not widths <= {1, 2} or any(not 1 <= int(each) <= most for each in own):
        return None
    return f"%-{letter}" if is_loose else f"%{letter}"


def _find_clock(columns: list[list[str]], kinds: list[str | None], has_half: bool) -> None:
    """The hour, minute, second and fraction: numbers with `:` between them, or points behind a space."""
    marks = (":", "h") if ":" in kinds or "h" in kinds else (".",)
    for place in range(len(columns) - 2):
        if kinds[place] is not None or kinds[place + 1] not in marks or kinds[place + 2] is not None:
            continue
        if marks == (".",) and (not place or kinds[place - 1] != " "):
            continue
        if any(len(each) > 2 for each in columns[place]):
            continue
        hour = "I" if has_half else "H"
        widths = {len(each) for each in columns[place]}
        kinds[place] = f"%{hour}" if widths == {2} else f"%-{hour}"
        kinds[place + 2] = "%M"
        rest = place + 3
        if rest + 1 < len(columns) and kinds[rest] in (":", marks[0]) and kinds[rest + 1] is None:
            kinds[rest + 1] = "%S"
            rest += 2
            if rest + 1 < len(columns) and kinds[rest] in (".", ",") and kinds[rest + 1] is None:
                kinds[rest + 1] = "%f"
        return


def _find_offset(columns: list[list[str]], kinds: list[str | None]) -> None:
    """An offset from UTC behind a time of day, `+0100` or `+01:00`; a bracket or word may follow it."""
    clock = max((place for place, kind in enumerate(kinds) if kind in ("%M", "%S", "%f")), default=None)
    if clock is None:
        return
    for place in range(clock, len(kinds) - 1):
        if not set(columns[place]) <= {"+", "-"}:
            continue
        digits = columns[place + 1]
        if kinds[place + 1] is None and all(len(each) == 4 for each in digits):
            kinds[place : place + 2] = ["%z", ""]
            return
        is_long = place + 3 < len(kinds) and kinds[place + 2] == ":" and kinds[place + 3] in (None, "%M")
        if kinds[place + 1] in (None, "%H", "%-H") and is_long:
            kinds[place : place + 4] = ["%z", "", "", ""]
            return
