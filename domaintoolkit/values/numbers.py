"""The one parser of numbers: columns and single values as float64, or as whole numbers."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import quote
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.prepared import Prepared, concat, refuse_all
from domaintoolkit.values.texts import as_strings, has_byte, holds_text, parse_distinct, parse_likely, try_blocks

__all__ = ["as_integers", "as_numbers", "to_number"]

_DECIMAL = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(rf"{_DECIMAL}|[+-]?(?:inf|infinity|nan)", re.IGNORECASE | re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]+")
_MOST_DIGITS = 4000
"""Python's own conversion of longer integers takes a time that grows with the square of their length."""


def as_numbers(values: pa.Array) -> Prepared:
    """A column as float64: the nearest one to each number. Text is read as numbers; what is not a number is refused."""
    kind, test = values.type, pa.types
    if test.is_dictionary(kind):
        codes, distinct = codes_of(values)
        return as_numbers(distinct).spread(codes)
    if test.is_float64(kind):
        return Prepared(values)
    if test.is_integer(kind) or test.is_floating(kind) or test.is_decimal(kind) or test.is_null(kind):
        return Prepared(values.cast(pa.float64(), safe=False))
    if test.is_boolean(kind):
        return Prepared(values.cast(pa.uint8()).cast(pa.float64()))
    if holds_text(kind):
        return _parse_numbers(as_strings(values))
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


def as_integers(values: pa.Array, kind: pa.DataType | None = None) -> Prepared:
    """A column as `kind` (int64 if left out). It refuses fractions, and what `kind` cannot hold."""
    kind = kind or pa.int64()
    if pa.types.is_dictionary(values.type):
        codes, distinct = codes_of(values)
        return as_integers(distinct, kind).spread(codes)
    if holds_text(values.type):
        return _parse_integers(as_strings(values), kind)
    try:
        return Prepared((values.cast(pa.uint8()) if pa.types.is_boolean(values.type) else values).cast(kind))
    except pa.ArrowInvalid:
        pass
    # only after a failed cast: one value at a time, for the reason of each
    made: list[int | None] = []
    refused = []
    for row, value in enumerate(values.to_pylist()):
        try:
            made.append(None if value is None else _whole(value, kind))
        except ValueError as error:
            made.append(None)
            refused.append((row, str(error)))
    return Prepared(pa.array(made, kind), refused)


def _whole(value: Any, kind: pa.DataType) -> int:
    if not math.isfinite(value) or int(value) != value:
        raise ValueError(f"expected an integer, got {value}")
    return _within(int(value), str(int(value)), kind)


def _within(number: int, text: str, kind: pa.DataType) -> int:
    limits = np.iinfo(kind.to_pandas_dtype())
    if not limits.min <= number <= limits.max:
        sign = "" if limits.min else "unsigned "
        raise ValueError(f"{quote(text)} is beyond a {sign}{limits.bits}-bit integer")
    return number


def _parse_numbers(texts: pa.Array) -> Prepared:
    return concat(try_blocks(texts, _cast_numbers, _parse_mixed))


def _parse_mixed(texts: pa.Array) -> Prepared:
    return parse_likely(texts, pa.float64(), f"^{_DECIMAL}$", _cast_finite, _parse_number)


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


def _parse_number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"expected a number, got {quote(text)}")
    number = float(text)
    if math.isinf(number) and "n" not in text.lower():
        raise ValueError(_too_large(text))
    return number


def _too_large(text: str) -> str:
    return f"{quote(text)} is beyond a 64-bit float"


def _parse_integers(texts: pa.Array, kind: pa.DataType) -> Prepared:
    def parse(text: str) -> int:
        if not _INTEGER.fullmatch(text) or len(text) > _MOST_DIGITS:
            raise ValueError(f"expected an integer, got {quote(text)}")
        return _within(int(text), text, kind)

    def cast(texts: pa.Array) -> NDArray[Any]:
        return np.asarray(pc.replace_substring(texts, "+", "").cast(kind))

    if not has_byte(texts, b"xX"):  # Arrow takes 0x1F for an integer
        try:
            return Prepared(texts.cast(kind))
        except pa.ArrowInvalid:
            pass
    return parse_likely(texts, kind, f"^{_INTEGER.pattern}$", cast, parse)
