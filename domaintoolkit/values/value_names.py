"""Values that name something: each has one text, whatever type of column, or of Python, it comes in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.values.columns import codes_of, find_outside
from domaintoolkit.values.prepared import Prepared, refuse_rows
from domaintoolkit.values.texts import holds_text, invalid_unicode, is_text

__all__ = ["as_categories", "as_text", "cast_names", "has_names", "join_texts", "name_of", "parse_names", "write_names"]

_WHOLE = 2.0**63
"""Whole floats below it are written as whole numbers."""

_LONG = 400
"""Decimals with more digits before or after the point are written with an exponent."""


def as_categories(values: pa.Array) -> Prepared:
    """A column as a dictionary of strings, or as int64, whose text is written when it is needed."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not pa.types.is_integer(kind) or pa.types.is_uint64(kind):
        return as_text(values)
    return Prepared(values.cast(pa.int64()))


def as_text(values: pa.Array) -> Prepared:
    """A column as a dictionary of strings, the names of its values; each distinct value is written once."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    text = holds_text(kind)
    if not text and not has_names(kind):
        reason = f"values of type {kind} cannot be categories"
        nothing = pa.nulls(len(values), pa.string()).dictionary_encode()
        return Prepared(nothing, [(row, reason) for row in range(len(values))])
    codes, distinct = codes_of(values)
    written, broken = _check_unicode(distinct) if text else _write_checked(distinct)
    indices = pa.array(codes.astype(np.int32, copy=False))
    prepared = pa.DictionaryArray.from_arrays(indices, written, safe=False)  # the codes are in range
    if not broken:
        return Prepared(prepared)
    rows = np.flatnonzero(np.isin(codes, list(broken)))
    return Prepared(prepared, [(int(row), broken[int(codes[row])]) for row in rows])


def has_names(kind: pa.DataType) -> bool:
    """Return True if `write_names` writes values of a type."""
    test = pa.types
    return bool(
        test.is_integer(kind) or test.is_boolean(kind) or test.is_floating(kind) or test.is_date(kind)
        or test.is_time(kind) or test.is_timestamp(kind) or test.is_decimal(kind) or test.is_null(kind) or is_text(kind)
    )  # fmt: skip


def write_names(values: pa.Array) -> pa.Array:
    """The text of each value: equal values of different types have the same.

    A number has no zeros and no point that it does not need, a whole one below 2**63 no exponent, dates and times are
    in ISO 8601, and midnight of no zone is its date. `parse_names` reads them back exactly.
    """
    kind = values.type
    if pa.types.is_floating(kind):
        return _write_floats(values.cast(pa.float64()))
    if pa.types.is_decimal(kind):
        return pa.array([None if value is None else _write_decimal(value) for value in values.to_pylist()], pa.string())
    if pa.types.is_time(kind):
        return pc.replace_substring_regex(values.cast(pa.time64("us")).cast(pa.string()), r"\.0+$", "")
    if pa.types.is_timestamp(kind):
        return _write_times(values)
    return values.cast(pa.string())


def join_texts(columns: Sequence[pa.Array]) -> pa.Array:
    """The names of each row's values, joined with spaces; null if one is null. So several columns make a time."""
    texts = [as_text(column).values.cast(pa.large_string()) for column in columns]
    return pc.binary_join_element_wise(*texts, pa.scalar(" ", pa.large_string()), null_handling="emit_null")


def _write_checked(distinct: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """(names, the reason for each value that has none, by its number)."""
    if not pa.types.is_timestamp(distinct.type):
        return write_names(distinct), {}
    refused = dict(find_outside(distinct))
    if distinct.type.unit == "ns":
        finer = pc.not_equal(
            distinct.cast(pa.timestamp("us", distinct.type.tz), safe=False).cast(distinct.type), distinct
        )
        rows = np.flatnonzero(np.asarray(pc.fill_null(finer, False))).tolist()
        refused = {row: f"{distinct[row].cast(pa.string()).as_py()} is finer than a microsecond" for row in rows}
    return write_names(refuse_rows(distinct, list(refused))), refused


def _write_times(values: pa.Array) -> pa.Array:
    zone = values.type.tz
    texts = values.cast(pa.timestamp("us", None if zone is None else "UTC"), safe=False).cast(pa.string())
    texts = pc.replace_substring_regex(pc.replace_substring(texts, " ", "T"), r"\.0+(Z?)$", r"\1")
    return texts if zone is not None else pc.replace_substring_regex(texts, r"T00:00:00$", "")


def _write_floats(values: pa.Array) -> pa.Array:
    texts = values.cast(pa.string())
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        whole = (np.abs(numbers) < _WHOLE) & (numbers == np.floor(numbers))
    integers = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string())
    return pc.if_else(pc.and_(pa.array(whole), values.is_valid()), integers, texts)


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite():
        return str(float(value))
    digits = len(value.as_tuple().digits)
    # in a context of its own: the caller's might round
    short = value.normalize(Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN))
    if not short:
        return "0"
    return f"{short:f}" if abs(short.adjusted()) < _LONG else str(short)


def name_of(value: Any) -> str:
    """The text of one Python value, as `write_names` writes it. Raises `ValueError` for what is not a name."""
    match value:
        case str():
            return str.__str__(value)
        case bool():
            return "true" if value else "false"
        case int():
            return _write_integer(value)
        case float():
            text: str = _write_floats(pa.array([float(value)]))[0].as_py()
            return text
        case Decimal():
            return _write_decimal(value)
        case datetime():
            return _write_datetime(value)
        case date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes():
            if reason := invalid_unicode(value):
                raise ValueError(reason)
            return value.decode()
    raise ValueError(f"a value of type {type(value).__name__} has no name")


def _write_integer(value: int) -> str:
    if value.bit_length() > 13_000:  # beyond 4300 digits, Python writes no integer
        raise ValueError(f"an integer of {value.bit_length():,} bits is too long")
    return int.__repr__(value)


def _write_datetime(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat().removesuffix("T00:00:00")
    try:
        return f"{(value.replace(tzinfo=None) - (value.utcoffset() or timedelta())).isoformat()}Z"
    except OverflowError:
        raise ValueError(f"{value.isoformat()} is outside the years 1 to 9999") from None


def parse_names(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values of type `kind` that `write_names` wrote. Raises `pa.ArrowInvalid` if one is not of that type."""
    if pa.types.is_time(kind):
        # Arrow reads no times of day in text: they are read with a date, which the cast to a time drops
        days = pc.binary_join_element_wise(pa.scalar("1970-01-01", texts.type), texts, pa.scalar("T", texts.type))
        return days.cast(pa.timestamp("us")).cast(kind)
    return texts.cast(kind)


def cast_names(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Values in another type that holds them; text is their names. Raises an error of Arrow if it does not."""
    own = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if own == kind or is_text(own) == is_text(kind):
        return values.cast(kind)
    if own != values.type:
        values = values.cast(own)
    if is_text(kind):
        return (write_names(values) if has_names(own) else values).cast(kind)
    return parse_names(values, kind)


def _check_unicode(distinct: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Distinct text as strings, and the reason for each value that is not valid Unicode, by its number."""
    binary = distinct.cast(pa.large_binary())
    text = binary.cast(pa.large_string(), safe=False)
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        pass
    else:
        return (distinct if pa.types.is_string(distinct.type) else text.cast(pa.string())), {}
    found = [None if value is None else invalid_unicode(value) for value in binary.to_pylist()]
    broken = {number: reason for number, reason in enumerate(found) if reason is not None}
    wrong = pa.array([reason is not None for reason in found])
    return pc.if_else(wrong, pa.scalar(None, pa.large_binary()), binary).cast(pa.string()), broken
