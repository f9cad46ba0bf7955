"""Numbers as people write them: with a currency, groups of digits, a decimal comma, parentheses or a percent sign."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any
from unicodedata import category, decimal

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.schema import Column
from domaintoolkit.times.durations import SECONDS, ShortClock, duration_hint, parse_duration

__all__ = ["INVISIBLE", "NumberStyle", "style_of", "suggest_settings", "with_minus"]

SPACES = " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Spaces within numbers and around them. French and Swiss tables part groups of digits by one that does not break."""

INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"
"""Marks without a width that programs leave before and after values."""

APOSTROPHES = "'\u2019\u00b4"
"""The apostrophes of keyboards and of typesetters, and the accent that some type for it, between groups of digits."""

MINUS = r"\-\u2212\u2013\ufe63\uff0d"
"""The minus of keyboards, and the signs that typesetters put for it, for a set of a regular expression."""

_MINUS_SIGN = re.compile("[\u2212\u2013\ufe63\uff0d]")

_CONTEXT = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""A number times the factor of its unit is exact, up to more digits than a float has."""

_SCALES: dict[str, float] = {
    **dict.fromkeys(("k", "K", "Tsd"), 1e3), **dict.fromkeys(("M", "mn", "Mn", "Mio", "mio", "MM"), 1e6),
    **dict.fromkeys(("B", "bn", "Bn", "G", "Mrd", "mrd"), 1e9), "T": 1e12, "lakh": 1e5, "crore": 1e7,
    "\u2030": 0.001, "bp": 0.0001, "bps": 0.0001,
    **dict.fromkeys(("Cr", "CR", "cr"), 1), **dict.fromkeys(("Dr", "DR", "dr"), -1),
}  # fmt: skip
"""Units behind numbers that change what these are, and their factors."""

_WORDS = {
    **dict.fromkeys(("true", "yes", "y", "t", "on"), True),
    **dict.fromkeys(("false", "no", "n", "f", "off"), False),
}
"""Words for true and false that tables have, in small letters."""

_ISO_BEGINS = (*(f"P{digit}" for digit in range(10)), "PT", "-P", "+P")
"""The first characters of durations of ISO 8601."""

_BOUNDS = re.compile("[<>=~\u2248\u2264\u2265]{1,2}")
"""Signs before a number that is only a bound."""

_OTHER_MARKS = str.maketrans({"\u066b": ".", "\uff0e": ".", "\uff0c": ",", "\u066c": ",", "\uff0b": "+"})
"""The marks of numbers in other scripts."""


@dataclass(frozen=True)
class NumberStyle:
    """The form in which a column writes its numbers; the settings are those of `Column`."""

    prefix: str = ""
    suffix: str = ""
    thousands: str = ""
    decimal: str = "."
    negative: str = "sign"
    percent: bool = False
    is_own: bool = True
    """False if a number may have any spelling."""
    units: tuple[tuple[str, float], ...] = ()
    """Marks before or after a number, with the factor that each stands for."""
    words: tuple[tuple[str, str], ...] = ()
    """Words that stand for 1 and 0."""
    duration_unit: str = ""
    """The unit that durations count, if numbers may be written so."""
    duration_clock: ShortClock | None = None

    @cached_property
    def is_plain(self) -> bool:
        """True if numbers are written as in Python."""
        return self == NumberStyle(is_own=self.is_own)

    def _count_duration(self, text: str) -> str | None:
        """The number of units that a duration takes; None if it is not one."""
        seconds = parse_duration(text, self.duration_clock) if self.duration_unit else None
        if seconds is None:
            return None
        count = seconds / SECONDS[self.duration_unit]
        return str(count.numerator) if count.denominator == 1 else _spell_fraction(count)

    def plain(self, text: str) -> str | None:
        """A number in this style as Python writes it, such as `-1234.5`; None if the text is not a number."""
        for word, number in self.words:
            if text == word:
                return number
        if not self.is_own:
            text = _in_ascii(text)
        found = self._pattern.fullmatch(text)
        if found is None:
            return self._count_duration(text)
        part = found.groupdict(default="")
        signs = part["sign"] + part["inner"] + part["trailing"]
        opened, closed = part["open"] + part["open_inner"], part["close"] + part["close_inner"]
        if len(opened) != len(closed) or len(opened) + len(signs) > 1 or (part["before"] and part["after"]):
            return None
        whole = part["whole"]
        for mark in self._groups:
            whole = whole.replace(mark, "")
        if not whole and not part["fraction"]:
            return None
        # the percent sign moves the exponent: a division by 100 would round
        exponent = int(part["exponent"] or 0) - (2 if part["percent"] else 0)
        minus = "-" if opened or signs not in ("", "+") else signs
        point = f".{part['fraction']}" if part["point"] else ""
        made = f"{minus}{whole}{point}" + (f"e{exponent}" if exponent else "")
        unit = part["before"] or part["after"]
        return _multiply(made, dict(self.units)[unit]) if unit else made

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
        alike = (marks for marks in (SPACES, APOSTROPHES) if self.thousands and self.thousands in marks)
        return next(alike, self.thousands)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        space = f"[{SPACES}]*" if not (self.is_plain and self.is_own) else ""
        units = "|".join(re.escape(unit.strip()) for unit, _ in sorted(self.units, key=lambda each: -len(each[0])))
        before, after = (f"(?P<{side}>{f'(?:{units})?' if units else ''})" for side in ("before", "after"))
        power = "[eE]" if self.is_own else "[eEdD]"
        sign = f"[+{MINUS}]?"
        prefix, suffix = (f"(?:{re.escape(mark.strip())}{space})?" for mark in (self.prefix, self.suffix))
        around = self.negative == "parentheses"
        opening, closing = (r"\(?", r"\)?") if around else ("", "")
        trailing = f"[+{MINUS}]?" if self.negative == "trailing" else ""
        whole = "[0-9]*"
        if self.thousands:
            # between the first and the last, groups of two digits are Indian
            mark = f"[{re.escape(self._groups)}]"
            whole = f"(?:[0-9]{{1,3}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}|[0-9]*)"
        return re.compile(
            f"{space}(?P<open>{opening}){space}(?P<sign>{sign}){space}{prefix}{before}{space}(?P<open_inner>{opening}){space}"
            f"(?P<inner>{sign}){space}(?P<whole>{whole})(?:(?P<point>{re.escape(self.decimal)})(?P<fraction>[0-9]*))?"
            f"(?:{power}(?P<exponent>[+-]?[0-9]{{1,6}}))?{space}(?P<percent>{'%?' if self.percent else ''}){space}"
            f"(?P<close_inner>{closing}){space}{after}{space}{suffix}(?P<trailing>{trailing}){space}(?P<close>{closing}){space}"
        )


def with_minus(text: str) -> str:
    """A text that begins with the minus of typesetters, with that of keyboards."""
    return _MINUS_SIGN.sub("-", text, count=1) if _MINUS_SIGN.match(text) else text


def _in_ascii(text: str) -> str:
    """A number in the digits of any script in those of ASCII."""
    if text.isascii():
        return text
    text = text.translate(_OTHER_MARKS)
    return "".join(str(decimal(each)) if each.isdecimal() else each for each in text)


def _spell_fraction(count: Fraction) -> str:
    """The nearest float to a fraction, in all its digits."""
    try:
        return repr(float(count))
    except OverflowError:
        return str(round(count))


def _multiply(number: str, factor: float) -> str:
    """A number, as Python writes it, times a factor; a whole product is written as such."""
    product = _CONTEXT.multiply(_CONTEXT.create_decimal(number), Decimal(repr(factor)))
    if product.adjusted() < _CONTEXT.prec and product == (whole := product.to_integral_value(context=_CONTEXT)):
        return f"{whole:f}"
    return str(product).lower()


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
        tuple((unit, factor) for unit, factor in column.units or ()),
        (*((word, "1") for word in column.true), *((word, "0") for word in column.false)),
        column.duration_unit or "",
        column.duration_clock,
    )


_DRESSED = re.compile(
    rf"[{SPACES}]*(?P<open>\()?[{SPACES}]*[+{MINUS}]?[{SPACES}]*"
    rf"(?P<prefix>[^\W\d]?[^\d{SPACES}()+{MINUS}.,%]{{0,5}}\.?)[{SPACES}]*(?P<inner>\()?[+{MINUS}]?[{SPACES}]*"
    rf"(?P<digits>[.,]?[0-9][0-9.,{APOSTROPHES}_{SPACES}]*?)(?:[eE][+-]?[0-9]+)?[{SPACES}]*(?P<percent>%)?"
    rf"(?P<suffix>[^\d{SPACES}()+{MINUS}.,%][^\d()+{MINUS}]{{0,15}}?)?[{SPACES}]*(?P<trailing>[+{MINUS}])?\)?[{SPACES}]*"
)


def suggest_settings(text: str, style: NumberStyle) -> str:
    """A hint that names the settings with which a text would be a number, or else that for missing values."""
    hint = _suggest(text, style)
    # 1.#QNAN and #DIV/0! stand for missing ones
    is_text = sum(character.isalnum() for character in text) > 1 and any(map(str.isdigit, text)) and "#" not in text
    if not hint and is_text:
        return "; text is kept by a column of type 'string', for a categorical field"
    return hint or f"; if it stands for a missing value, add {text!r} to null"


def _suggest(text: str, style: NumberStyle) -> str:
    if text.lower() in _WORDS:
        name, other = ("true", "false") if _WORDS[text.lower()] else ("false", "true")
        number = 1 if name == "true" else 0
        return f"; set {name} = [{text!r}] for this column to read it as {number}, and {other} for the other word"
    trimmed = text.strip(SPACES + INVISIBLE)
    if text != trimmed and style.plain(trimmed) is not None:
        return "; set trim = true for this column"
    if style.is_own and replace(style, is_own=False).plain(text) is not None and style.plain(text) is None:
        return "; set spelling = 'any' for this column"
    if (":" in text or text[:2] in _ISO_BEGINS) and (
        hint := duration_hint(text, style.duration_unit, style.duration_clock)
    ):
        return hint
    # `<5` or `>90`: how far it lies from the bound is not known, so the user decides
    if (bound := _BOUNDS.match(text)) and (number_text := style.plain(text[bound.end() :].strip())) is not None:
        units = _toml((*style.units, (bound[0], 1)))
        return f"; set units = {units} for this column to read the bound, {number_text}"
    found = _DRESSED.fullmatch(text)
    if found is None:
        return duration_hint(text, style.duration_unit, style.duration_clock)
    settings: dict[str, Any] = {name: found[name] for name in ("prefix", "suffix") if found[name]}
    # marks of other kinds are more likely damage than a unit
    if any(not (c.isalpha() or category(c) == "Sc" or c in ". /\u2030") for mark in settings.values() for c in mark):
        return ""
    if found["open"] or found["inner"]:
        settings["negative"] = "parentheses"
    if found["trailing"]:
        settings["negative"] = "trailing"
    if found["percent"]:
        settings["percent"] = True
    if (unit := (found["suffix"] or "").strip()) in _SCALES:
        known = dict(style.units) | {unit: _SCALES[unit]}
        others = {"Cr": "Dr", "CR": "DR", "cr": "dr", "Dr": "Cr", "DR": "CR", "dr": "cr"}
        if unit in others:
            # Cr and Dr come together: a column that has one has the other
            known[others[unit]] = _SCALES[others[unit]]
        settings = {name: value for name, value in settings.items() if name != "suffix"}
        settings["units"] = tuple(known.items())
    # only settings that read this very text are suggested
    for marks in _marks(found["digits"], style):
        tried = settings | marks
        changed = {name: value for name, value in tried.items() if getattr(style, name) != value}
        if replace(style, **tried).plain(text) is not None:
            if not changed:
                return ""
            words = ", ".join(f"{name} = {_toml(value)}" for name, value in changed.items())
            return f"; set {words} for this column"
    return ""


def _marks(digits: str, style: NumberStyle) -> list[dict[str, str]]:
    """The marks of thousands and of decimals that a number may have, the likelier ones first."""
    # one space stands for all, and one apostrophe too
    marks = [" " if each in SPACES else "'" if each in APOSTROPHES else each for each in digits if not each.isdigit()]
    if not marks:
        return [{}]
    last, others = marks[-1], set(marks[:-1]) - {marks[-1]}
    if others:
        return [{"thousands": marks[0], "decimal": last}] if last in ".," else []
    found: list[dict[str, str]] = [{}] if last in (style.decimal, style.thousands) else []
    as_decimal = {"decimal": last} | ({"thousands": "." if last == "," else ","} if style.thousands == last else {})
    as_thousands = {"thousands": last} | ({"decimal": "," if last == "." else "."} if style.decimal == last else {})
    if last in ".," and marks.count(last) == 1:
        # 1,234 is most likely above a thousand, and 1.234 a little more than one
        grouped = re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", digits) is not None and last == ","
        found += [as_thousands, as_decimal] if grouped else [as_decimal, as_thousands]
    else:
        found.append(as_thousands)
    return found


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{{ {', '.join(f'{unit!r} = {factor:g}' for unit, factor in value)} }}"
    return "true" if value is True else repr(value)
