"""The one parser of numbers: columns and single values as float64, or as whole numbers."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import quote
from domaintoolkit.times.durations import SECONDS, duration_hint
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.number_styles import NumberStyle, suggest_settings, with_minus
from domaintoolkit.values.prepared import Prepared, concat, refuse_all
from domaintoolkit.values.texts import as_strings, holds_text, parse_distinct, parse_likely, try_blocks

__all__ = ["as_integers", "as_numbers", "to_number"]

_DECIMAL = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(rf"{_DECIMAL}|[+-]?(?:inf|infinity|nan)", re.IGNORECASE | re.ASCII)
_NAMED = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_OWN = "(?:0|-?[1-9][0-9]*)"
"""The spelling that a whole number has by itself: without a plus, leading zeros or a point."""
_EXACT = 2**53
"""Whole numbers up to this are floats."""
_MOST_DIGITS = 4000
"""Python's own conversion of longer integers takes a time that grows with the square of their length."""
_MOST_PLACES = 20
"""Digits before the point that are more than any 64-bit integer has."""


def as_numbers(values: pa.Array, style: NumberStyle | None = None) -> Prepared:
    """A column as float64: the nearest one to each number. Text is read as numbers; what is not a number is refused.

    Durations and times of day become seconds.

    `style` is how the texts of a file are written; with one, a reason names the setting that would have helped.
    """
    kind, test = values.type, pa.types
    if test.is_dictionary(kind):
        codes, distinct = codes_of(values)
        return as_numbers(distinct, style).spread(codes)
    if test.is_float64(kind):
        return Prepared(values)
    if test.is_decimal(kind):  # whose own cast gives another float than the nearest for one in a hundred
        return Prepared(values.cast(pa.string()).cast(pa.float64()))
    if test.is_integer(kind) or test.is_floating(kind) or test.is_null(kind):
        return Prepared(values.cast(pa.float64(), safe=False))
    if test.is_boolean(kind):
        return Prepared(values.cast(pa.uint8()).cast(pa.float64()))
    if test.is_duration(kind) or test.is_time(kind):
        return _count_durations(values, style)
    if holds_text(kind):
        return _parse_numbers(as_strings(values), style)
    return refuse_all(values, pa.float64(), f"values of type {kind} are not numbers")


def to_number(value: Any) -> float | None:
    """One Python value as `as_numbers` reads it. Raises `ValueError` with the reason if that refuses it."""
    if value.__class__ is float or value is None:
        return value
    if isinstance(value, str | bytes):
        return _parse_number(value if isinstance(value, str) else value.decode(errors="backslashreplace"))
    try:
        return float(value)
    except OverflowError:
        raise ValueError(_too_large(str(value))) from None
    except (TypeError, ValueError):
        raise ValueError(f"expected a number, got {value!r}") from None


def as_integers(values: pa.Array, style: NumberStyle | None = None) -> Prepared:
    """A column as int64. It refuses fractions, what int64 cannot hold, and texts that a number is not written as.

    `style` is how the texts of a file are written; with one, a reason names the setting that would have helped.
    """
    kind = pa.int64()
    if pa.types.is_dictionary(values.type):
        codes, distinct = codes_of(values)
        return as_integers(distinct, style).spread(codes)
    if holds_text(values.type):
        return _parse_integers(as_strings(values), style or NumberStyle())
    if pa.types.is_duration(values.type) or pa.types.is_time(values.type):
        return _count_whole_durations(values, style)
    try:
        return Prepared((values.cast(pa.uint8()) if pa.types.is_boolean(values.type) else values).cast(kind))
    except pa.ArrowInvalid:
        pass
    # only after a failed cast: one value at a time, for the reason of each
    made: list[int | None] = []
    refused = []
    for row, value in enumerate(values.to_pylist()):
        try:
            made.append(None if value is None else _whole(value))
        except ValueError as error:
            made.append(None)
            refused.append((row, str(error)))
    return Prepared(pa.array(made, kind), refused)


def _count_durations(values: pa.Array, style: NumberStyle | None) -> Prepared:
    """Durations and times of day as numbers of seconds, or of another unit that the style has: the nearest floats."""
    counts, times, parts = _duration_counts(values, style)
    # one operation on two floats that are exact is rounded once
    floats = counts * float(times) if parts == 1 else counts / float(parts)
    far = np.flatnonzero((counts > _EXACT) | (counts < -_EXACT))
    floats[far] = [float(Fraction(count * times, parts)) for count in counts[far].tolist()]
    return Prepared(pa.array(floats, mask=np.asarray(values.is_null())))


def _count_whole_durations(values: pa.Array, style: NumberStyle | None) -> Prepared:
    counts, times, parts = _duration_counts(values, style)
    whole, rest = np.divmod(counts, parts)
    most = (2**63 - 1) // times
    wrong = (rest != 0) | (whole > most) | (whole < -most)
    refused = [
        (row, f"expected an integer, got {count * times / parts:g}; set type = 'float64' to read fractions")
        if rest[row]
        else (row, f"{count * times} is beyond a 64-bit integer")
        for row, count in zip(np.flatnonzero(wrong).tolist(), counts[wrong].tolist(), strict=True)
    ]
    null = np.asarray(values.is_null()) | wrong
    return Prepared(pa.array(np.where(wrong, 0, whole) * times, mask=null), refused)


def _duration_counts(values: pa.Array, style: NumberStyle | None) -> tuple[NDArray[np.int64], int, int]:
    """(counts of the type's own unit, 0 for null; how many of the wanted unit each is; how many of them make one)."""
    unit = (style.duration_unit if style is not None else "") or "s"
    # of two units, one is always a multiple of the other
    ratio = SECONDS[values.type.unit] / SECONDS[unit]
    wide = pa.int32() if pa.types.is_time32(values.type) else pa.int64()
    counts = np.asarray(pc.fill_null(values.view(wide), 0)).astype(np.int64)
    return counts, ratio.numerator, ratio.denominator


def _whole(value: Any) -> int:
    if not math.isfinite(value) or int(value) != value:
        raise ValueError(f"expected an integer, got {value}")
    return _within(int(value), str(int(value)))


def _within(number: int, text: str) -> int:
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{quote(text)} is beyond a 64-bit integer")
    return number


def _parse_numbers(texts: pa.Array, style: NumberStyle | None) -> Prepared:
    def parse(text: str) -> float:
        return _parse_number(text, style)

    if style is not None and not style.is_plain:
        return parse_likely(texts, pa.float64(), style.likely(), _cast_finite, parse, style.tidy)

    def parse_mixed(part: pa.Array) -> Prepared:
        return parse_likely(part, pa.float64(), f"^{_DECIMAL}$", _cast_finite, parse)

    return concat(try_blocks(texts, _cast_numbers, parse_mixed))


def _cast_numbers(texts: pa.Array) -> Prepared:
    """Numbers as Arrow reads them. It also takes `nan(1)`, and 1e400 for infinity: those are read again."""
    numbers = texts.cast(pa.float64())
    odd = np.asarray(pc.fill_null(pc.invert(pc.is_finite(numbers)), False))
    if not odd.any():
        return Prepared(numbers)
    rows = np.flatnonzero(odd)
    again = parse_distinct(texts.take(pa.array(rows)), pa.float64(), _parse_number)
    whole = pc.replace_with_mask(numbers, pa.array(odd), again.values)
    return Prepared(whole, [(int(rows[at]), reason) for at, reason in again.refused])


def _cast_finite(texts: pa.Array) -> NDArray[np.float64]:
    numbers = texts.cast(pa.float64()).to_numpy()
    if not np.isfinite(numbers).all():
        raise pa.ArrowInvalid("a number beyond float64")
    return np.asarray(numbers, np.float64)


def _parse_number(text: str, style: NumberStyle | None = None) -> float:
    plain: str | None = with_minus(text)
    if style is not None and not (style.is_plain and style.is_own) and not _NAMED.fullmatch(text):
        plain = style.plain(text)
    if plain is None or not _NUMBER.fullmatch(plain):
        hint = _hint_in_memory(text) if style is None else suggest_settings(text, style)
        raise ValueError(f"expected a number, got {quote(text)}{hint}")
    number = float(plain)
    if math.isinf(number) and not _NAMED.fullmatch(plain):
        raise ValueError(_too_large(text))
    return number


def _hint_in_memory(text: str) -> str:
    if not duration_hint(text, "", None):
        return ""
    return "; give durations as a column of their own type, such as that of pandas.to_timedelta, or as numbers"


def _too_large(text: str) -> str:
    return f"{quote(text)} is beyond a 64-bit float"


def _parse_integers(texts: pa.Array, style: NumberStyle) -> Prepared:
    def parse(text: str) -> int:
        return _parse_integer(text, style)

    def cast(texts: pa.Array) -> NDArray[Any]:
        return np.asarray(texts.cast(pa.int64()))

    if not style.is_own:
        likely, tidy = r"^[+-]?[0-9]+(?:\.0*)?$", _to_own
        return parse_likely(texts, pa.int64(), likely if style.is_plain else "^$", cast, parse, tidy)
    if not style.is_plain:
        return parse_likely(texts, pa.int64(), style.likely(is_whole=True), cast, parse, style.tidy)
    if not _may_be_misspelled(texts):
        try:
            return Prepared(texts.cast(pa.int64()))
        except pa.ArrowInvalid:
            pass
    return parse_likely(texts, pa.int64(), f"^{_OWN}$", cast, parse)


def _to_own(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, r"^\+|\.0*$", "")


def _may_be_misspelled(texts: pa.Array) -> bool:
    """Return True if a text is not how a whole number is written and might be cast all the same: 007, 0x1F, -0."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return False
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    bounds: NDArray[Any] = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1]
    # each is a place in `data`; that of an empty text is where the next one begins
    starts = bounds[: np.searchsorted(bounds, bounds[-1])]  # without empty texts at the end
    text = np.frombuffer(data, np.uint8)
    # of the characters that numbers begin with, only the signs are below the digits
    low = np.flatnonzero(text[starts] <= ord("0"))
    # a single character is 0, or a sign that no cast reads
    longer = low[bounds[low + 1] - bounds[low] > 1]
    first, second = text[bounds[longer]], text[bounds[longer] + 1]
    return bool(((first != ord("-")) | (second <= ord("0"))).any())


def _parse_integer(text: str, style: NumberStyle) -> int:
    plain = with_minus(text) if style.is_plain and style.is_own else style.plain(text)
    if plain is None or not re.fullmatch(_DECIMAL, plain) or len(plain) > _MOST_DIGITS:
        hint = suggest_settings(text, style)
        raise ValueError(f"expected an integer, got {quote(text)}{hint}")
    try:
        number = Decimal(plain)
    except InvalidOperation:  # an exponent that no machine holds
        raise ValueError(f"{quote(text)} is beyond a 64-bit integer") from None
    if number and number.adjusted() >= _MOST_PLACES:
        raise ValueError(f"{quote(text)} is beyond a 64-bit integer")
    if number != (whole := number.to_integral_value()) or number.adjusted() < -_MOST_DIGITS:
        raise ValueError(f"expected an integer, got {quote(text)}; set type = 'float64' to read fractions")
    own = re.fullmatch(_OWN, plain) is not None and plain == text
    own = own or (not style.is_plain and re.fullmatch(_OWN + r"(?:e.*)?", plain) is not None)
    if style.is_own and not own:
        shown = int(whole)
        raise ValueError(
            f"expected an integer, got {quote(text)}, which is not how {shown} is written; "
            f"set spelling = 'any' to read it as {shown}, or type = 'string' to keep it apart"
        )
    return _within(int(whole), text)
