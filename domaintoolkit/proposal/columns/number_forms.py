"""The way in which the numbers of a column of text are written, found from its values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

__all__ = ["find_number_settings", "is_code"]

UNITS = frozenset(
    (
        "kg g mg t km m cm mm mi ft in h hr hrs min s sec ms kWh Wh W kW V A °C °F C F K MB GB KB B l ml dl L "
        "bar Pa hPa Hz MHz km/h mph m/s bpm pcs pc Stk Stück EUR USD GBP CHF"
    ).split()
)
"""Units that may stand behind a number."""

CURRENCIES = frozenset(
    (
        "EUR USD GBP CHF SEK NOK DKK PLN CZK HUF RON BGN RUB TRY INR CNY JPY KRW BRL MXN ARS CLP COP AUD CAD NZD "
        "HKD SGD ZAR AED ILS kr kr. Kr zł Kč Ft lei лв руб руб. Rs Rs. R$ US$ A$ C$ NZ$ HK$ S$ Fr. fr. TL RM Rp "
        "SFr. R NT$ 元 円 원 eur usd Euro euro €. $b"
    ).split()
)
SIGNS = r"\-\u2212+"
SPACES = " \u00a0\u202f"

_NUMBER = re.compile(
    rf"[{SPACES}]*(?P<open>\()?[{SPACES}]*(?P<sign>[{SIGNS}])?[{SPACES}]*(?P<prefix>[^\d\s().,{SIGNS}%]{{1,4}}\.?|US\$)?[{SPACES}]*"
    rf"(?P<inner>[{SIGNS}])?(?P<digits>\d(?:[\d.,'\u2019{SPACES}]*\d)?|[.,]\d+|\d+[.,])(?P<exponent>[eE][+-]?\d+)?[{SPACES}]*"
    rf"(?P<percent>%)?(?P<suffix>[^\d\s().,{SIGNS}%][^\d\s(){SIGNS}]{{0,6}})?(?P<trailing>[-\u2212])?[{SPACES}]*(?P<close>\))?[{SPACES}]*"
)


def is_code(values: Sequence[str]) -> bool:
    """True if values of digits have a zero in front that a number would lose, or are too long for a number."""
    return any(
        (len(value) > 1 and value[0] == "0" and value.isdecimal()) or (value.isdecimal() and len(value) > 15)
        for value in values
    )


def find_number_settings(values: Sequence[str], semicolons: bool = False) -> tuple[dict[str, Any], list[str]] | None:
    """The settings of a `Column` that read most of the distinct `values`, and those that are not numbers in this form.

    None if they are not numbers. `semicolons` is a hint that commas are decimal.
    """
    found: list[re.Match[str]] = []
    others: list[str] = []
    for value in values:
        match = _NUMBER.fullmatch(value)
        if match is None:
            others.append(value)
        else:
            found.append(match)
    if not found or len(others) > max(12, 0.05 * len(found)):
        return None
    parts = [match.groupdict() for match in found]
    settings: dict[str, Any] = {}
    prefixes = Counter(part["prefix"] for part in parts if part["prefix"])
    suffixes = Counter(part["suffix"] for part in parts if part["suffix"])
    for name, marks in (("prefix", prefixes), ("suffix", suffixes)):
        if marks:
            mark, count = marks.most_common(1)[0]
            if len(marks) > 1 or not _is_mark(mark, name) or count < 0.5 * len(parts):
                return None
            settings[name] = mark
    if any(part["open"] for part in parts):
        if not all(bool(part["open"]) == bool(part["close"]) for part in parts):
            return None
        settings["negative"] = "parentheses"
    elif any(part["trailing"] for part in parts):
        settings["negative"] = "trailing"
    if any(part["percent"] for part in parts):
        settings["percent"] = True
    marks_found = _marks([part["digits"] for part in parts], semicolons)
    if marks_found is None:
        return None
    return settings | marks_found, others


def _is_mark(mark: str, name: str) -> bool:
    money = mark in CURRENCIES or any(character in "€$£¥₹₽₩₺₪₫₴฿₱₦" for character in mark) or mark in ("\\", "\uffe5")
    return money or (name == "suffix" and mark in UNITS)


def _marks(numbers: Sequence[str], semicolons: bool) -> dict[str, str] | None:
    """The marks of decimals and of thousands, or None if they contradict each other."""
    used = Counter(mark for number in numbers for mark in set(re.sub(r"\d", "", number)))
    spaces = [mark for mark in used if mark in SPACES]
    quotes = [mark for mark in used if mark in "'\u2019"]
    points = [mark for mark in used if mark in ".,"]
    # several spaces are one mark; two kinds of quotes, or a quote and a space, contradict each other
    if len(spaces) + len(quotes) > (1 if not spaces else len(spaces)):
        return None
    if spaces or quotes:
        mark = " " if spaces else quotes[0]
        if any(
            not re.fullmatch(rf"\d{{1,3}}(?:[{SPACES}'\u2019]\d{{3}})*(?:[.,]\d*)?|\d+(?:[.,]\d*)?|[.,]\d+", number)
            for number in numbers
        ):
            return None
        if len(points) > 1:
            return None
        return {"thousands": mark} | ({"decimal": ","} if points == [","] else {})
    if len(points) == 2:
        return _tell_point_from_comma(numbers)
    return _read_mark(points[0], numbers, semicolons) if points else {}


def _tell_point_from_comma(numbers: Sequence[str]) -> dict[str, str] | None:
    """The marks of numbers that have points and commas: the last one in a number is that of the decimals."""
    last = Counter(
        max(number.rfind("."), number.rfind(",")) == number.rfind(",")
        for number in numbers
        if "." in number and "," in number
    )
    if len(last) == 1:
        return {"thousands": ".", "decimal": ","} if True in last else {"thousands": ","}
    # never both in one number: one of them stands in front of three digits only
    comma_groups = all(re.fullmatch(r"\d{1,3}(,\d{3})+", number) for number in numbers if "," in number)
    point_groups = all(re.fullmatch(r"\d{1,3}(\.\d{3})+", number) for number in numbers if "." in number)
    if comma_groups and not last:
        return {"thousands": ","}
    return {"thousands": ".", "decimal": ","} if point_groups and not last else None


def _read_mark(mark: str, numbers: Sequence[str], semicolons: bool) -> dict[str, str] | None:
    """The marks of numbers that have only points, or only commas."""
    marked = [number for number in numbers if mark in number]
    if any(number.count(mark) > 1 for number in marked):
        if not all(re.fullmatch(rf"\d{{1,3}}(\{mark}\d{{2,3}})+", number) for number in marked):
            return None
        return {"thousands": ","} if mark == "," else {"thousands": ".", "decimal": ","}
    grouped = all(re.fullmatch(rf"[1-9]\d{{0,2}}\{mark}\d{{3}}", number) for number in marked)
    large = any(re.fullmatch(r"\d{4,}", number) for number in numbers)
    if mark == ",":
        return (
            {"thousands": ","}
            if grouped and not large and not (semicolons and len(marked) == len(numbers))
            else {"decimal": ","}
        )
    # 1.500 and 2.500 alone may be decimals; with many different groups of three they hardly are
    few = len({number.partition(".")[2] for number in marked}) < 3
    small = any(number.isdecimal() for number in numbers)
    if grouped and not large and semicolons and small and not few:
        return {"thousands": ".", "decimal": ","}
    return {}
