"""Numbers as people write them: with a currency, groups of digits, a decimal comma, parentheses or a percent sign."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any
from unicodedata import category

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.schema import Column

__all__ = ["NumberStyle", "style_of", "suggest_settings"]

SPACES = " \t\u00a0\u202f"
"""Spaces within numbers and around them. French and Swiss tables part groups of digits by one that does not break."""

MINUS = r"\-\u2212"
"""The minus of keyboards and that of typesetters, for a set of a regular expression."""


@dataclass(frozen=True)
class NumberStyle:
    """How the numbers of a column are written; the settings are those of `Column`."""

    prefix: str = ""
    suffix: str = ""
    thousands: str = ""
    decimal: str = "."
    negative: str = "sign"
    percent: bool = False
    is_own: bool = True
    """False if a whole number may have any spelling."""

    @cached_property
    def is_plain(self) -> bool:
        """True if numbers are written as in Python."""
        return self == NumberStyle(is_own=self.is_own)

    def plain(self, text: str) -> str | None:
        """A number in this style as Python writes it, such as `-1234.5`; None if the text is not a number."""
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        part = found.groupdict(default="")
        signs = part["sign"] + part["inner"] + part["trailing"]
        opened, closed = part["open"] + part["open_inner"], part["close"] + part["close_inner"]
        if len(opened) != len(closed) or len(opened) + len(signs) > 1:
            return None
        whole = part["whole"]
        for mark in self._groups:
            whole = whole.replace(mark, "")
        if not whole and not part["fraction"]:
            return None
        exponent = int(part["exponent"] or 0) - (2 if part["percent"] else 0)
        minus = "-" if opened or signs in ("-", "\u2212") else "+" if signs else ""
        point = f".{part['fraction']}" if part["point"] else ""
        return f"{minus}{whole}{point}" + (f"e{exponent}" if exponent else "")

    def spell(self, number: int | float) -> str:
        """A finite number in this style; `plain` reads it back."""
        exact = Decimal(repr(number)) * (100 if self.percent else 1)
        whole, _, fraction = format(abs(exact), "f").partition(".")
        if self.thousands:
            whole = f"{int(whole):,}".replace(",", self.thousands)
        if set(fraction) <= {"0"}:
            fraction = ""
        digits = whole + (self.decimal + fraction if fraction else "") + ("%" if self.percent else "")
        if not exact.is_signed():
            return self.prefix + digits + self.suffix
        dressed = {"parentheses": "({})", "trailing": "{}-"}.get(self.negative, "-{}")
        return dressed.format(self.prefix + digits + self.suffix)

    def likely(self, is_whole: bool = False) -> str:
        """A regular expression of the texts that `tidy` brings into Python's form: most numbers of a clean column."""
        prefix, suffix = (f"(?:{re.escape(mark)})?" if mark else "" for mark in (self.prefix, self.suffix))
        grouped = f"[1-9][0-9]{{0,2}}(?:{re.escape(self.thousands)}[0-9]{{3}})+|" if self.thousands else ""
        signed = f"(?:-?{prefix}|{prefix}-)"
        if is_whole:  # -0 is not how zero is written
            return f"^(?:{prefix}0|{signed}(?:{grouped}[1-9][0-9]*)){suffix}$"
        return f"^{signed}(?:{grouped}[0-9]+)(?:{re.escape(self.decimal)}[0-9]+)?{suffix}$"

    def tidy(self, texts: pa.Array) -> pa.Array:
        """Texts that match `likely`, as Python writes these numbers."""
        for mark, plain in ((self.prefix, ""), (self.suffix, ""), (self.thousands, ""), (self.decimal, ".")):
            if mark != plain:
                texts = pc.replace_substring(texts, mark, plain)
        return texts

    @property
    def _groups(self) -> str:
        return SPACES if self.thousands and self.thousands in SPACES else self.thousands

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        space = f"[{SPACES}]*" if not self.is_plain else ""
        sign = f"[+{MINUS}]?"
        prefix, suffix = (f"(?:{re.escape(mark.strip())}{space})?" for mark in (self.prefix, self.suffix))
        around = self.negative == "parentheses"
        opening, closing = (r"\(?", r"\)?") if around else ("", "")
        trailing = f"[{MINUS}]?" if self.negative == "trailing" else ""
        whole = "[0-9]*"
        if self.thousands:
            # between the first and the last, groups of two digits are Indian
            mark = f"[{re.escape(self._groups)}]"
            whole = f"(?:[0-9]{{1,3}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}|[0-9]*)"
        return re.compile(
            f"{space}(?P<open>{opening}){space}(?P<sign>{sign}){space}{prefix}(?P<open_inner>{opening}){space}"
            f"(?P<inner>{sign}){space}(?P<whole>{whole})(?:(?P<point>{re.escape(self.decimal)})(?P<fraction>[0-9]*))?"
            f"(?:[eE](?P<exponent>[+-]?[0-9]{{1,6}}))?{space}(?P<percent>{'%?' if self.percent else ''}){space}"
            f"(?P<close_inner>{closing}){space}{suffix}(?P<trailing>{trailing}){space}(?P<close>{closing}){space}"
        )


@lru_cache(maxsize=256)
def style_of(column: Column) -> NumberStyle:
    """The style of a column's numbers; settings that it has not are the defaults."""
    return NumberStyle(
        column.prefix or "",
        column.suffix or "",
        column.thousands or "",
        column.decimal or ".",
        column.negative or "sign",
        bool(column.percent),
        column.spelling != "any",
    )


_DRESSED = re.compile(
    rf"[{SPACES}]*(?P<open>\()?[{SPACES}]*[+{MINUS}]?[{SPACES}]*"
    rf"(?P<prefix>[^\W\d]?[^\d{SPACES}()+{MINUS}.,%]{{0,5}}\.?)[{SPACES}]*(?P<inner>\()?[+{MINUS}]?[{SPACES}]*"
    rf"(?P<digits>[0-9][0-9.,'\u2019_{SPACES}]*?)(?:[eE][+-]?[0-9]+)?[{SPACES}]*(?P<percent>%)?"
    rf"(?P<suffix>[^\d{SPACES}()+{MINUS}.,%][^\d()+{MINUS}]{{0,15}}?)?[{SPACES}]*(?P<trailing>[{MINUS}])?\)?[{SPACES}]*"
)


def suggest_settings(text: str, style: NumberStyle) -> str:
    """A hint that names the settings with which a text would be a number; "" if there are none."""
    if not any(character.isdigit() for character in text):
        return f"; if it stands for a missing value, add {text!r} to null"
    found = _DRESSED.fullmatch(text)
    if found is None:
        return ""
    settings: dict[str, Any] = {name: found[name] for name in ("prefix", "suffix") if found[name]}
    if any(not (c.isalpha() or category(c) == "Sc" or c in ". /") for mark in settings.values() for c in mark):
        return ""
    if found["open"] or found["inner"]:
        settings["negative"] = "parentheses"
    if found["trailing"]:
        settings["negative"] = "trailing"
    if found["percent"]:
        settings["percent"] = True
    for marks in _marks(found["digits"], style):
        tried = settings | marks
        changed = {name: value for name, value in tried.items() if getattr(style, name) != value}
        if replace(style, **tried).plain(text) is not None:
            if not changed:
                return ""
            words = ", ".join(f"{name} = {_toml(value)}" for name, value in changed.items())
            return f"; set {words} for this column"
    if not settings and text != text.strip() and style.plain(text.strip()) is not None:
        return "; set trim = true for this column"
    return ""


def _marks(digits: str, style: NumberStyle) -> list[dict[str, str]]:
    """The marks of thousands and of decimals that a number may have, the likelier ones first."""
    marks = [character for character in digits if not character.isdigit()]
    if not marks:
        return [{}]
    last, others = marks[-1], set(marks[:-1]) - {marks[-1]}
    if others:
        return [{"thousands": marks[0], "decimal": last}] if last in ".," else []
    found: list[dict[str, str]] = [{}] if last in (style.decimal, style.thousands) else []
    as_decimal = {"decimal": last} | ({"thousands": "." if last == "," else ","} if style.thousands == last else {})
    as_thousands = {"thousands": last} | ({"decimal": "," if last == "." else "."} if style.decimal == last else {})
    if last in ".," and marks.count(last) == 1:
        grouped = re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", digits) is not None and last == ","
        found += [as_thousands, as_decimal] if grouped else [as_decimal, as_thousands]
    else:
        found.append(as_thousands)
    return found


def _toml(value: str | bool) -> str:
    return "true" if value is True else repr(value)
