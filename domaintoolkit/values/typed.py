"""Columns that have a type already, from Parquet and Arrow files, into the declared type where nothing is lost."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_type

from domaintoolkit.schema import Column
from domaintoolkit.values import text_times as time
from domaintoolkit.values.text import FIRST, LAST, TYPES, Converted, convert_text

__all__ = ["castable", "convert_typed"]

EXACT = 2**53
"""Integers up to here are float64 exactly."""


def castable(found: pa.DataType, column: Column) -> bool:
    """Whether a column of type `found` can hold what `column` declares."""
    if is_type.is_dictionary(found):
        return castable(found.value_type, column)
    if is_type.is_null(found) or _is_text(found):
        return True
    number = is_type.is_integer(found) or is_type.is_floating(found) or is_type.is_decimal(found)
    fits: dict[str, bool] = {
        "string": is_type.is_integer(found) or is_type.is_boolean(found),
        "int64": number,
        "float64": number,
        "bool": is_type.is_boolean(found) or is_type.is_integer(found),
        "timestamp": is_type.is_timestamp(found) or is_type.is_date(found),
        "date": is_type.is_date(found),
    }
    return fits[column.type]


def convert_typed(array: pa.Array, column: Column, replace: bool = False) -> Converted:
    """`array` as `column` declares it; dictionary-encoded text stays so. Its type has to be `castable`."""
    if is_type.is_dictionary(array.type):
        return _dictionary(array, column, replace)
    if is_type.is_null(array.type):
        return Converted(pa.nulls(len(array), TYPES[column.type]))
    if _is_text(array.type):
        return convert_text(array.cast(pa.binary()), column, replace)
    if column.type == "timestamp":
        return _timestamps(array, column)
    if column.type == "bool" and not is_type.is_boolean(array.type):
        return _kept(array, pc.or_(pc.equal(array, 0), pc.equal(array, 1)), column, "is neither 0 nor 1")
    if column.type == "int64":
        return _integers(array, column)
    if column.type == "float64" and is_type.is_integer(array.type):
        small = pc.and_(pc.less_equal(array, EXACT), pc.greater_equal(array, -EXACT if _signed(array) else 0))
        return _kept(array, small, column, "is not exact as a 64-bit float")
    return Converted(array.cast(TYPES[column.type]))


def _is_text(found: pa.DataType) -> bool:
    return bool(
        is_type.is_string(found)
        or is_type.is_large_string(found)
        or is_type.is_string_view(found)
        or is_type.is_binary(found)
        or is_type.is_large_binary(found)
        or is_type.is_binary_view(found)
    )


def _signed(array: pa.Array) -> bool:
    return bool(is_type.is_signed_integer(array.type) and array.type.bit_width == 64)


def _dictionary(array: pa.Array, column: Column, replace: bool) -> Converted:
    inner = convert_typed(array.dictionary, column, replace)
    reasons, named = {}, None
    if inner.reasons or inner.named is not None:
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        rows = np.flatnonzero(np.isin(codes, list(inner.reasons))).tolist()
        reasons = {row: inner.reasons[int(codes[row])] for row in rows}
        if inner.named is not None:
            named = np.r_[inner.named, False][codes]
    if column.type == "string" and not inner.reasons and not inner.array.null_count:
        made = pa.DictionaryArray.from_arrays(array.indices, inner.array)
        return Converted(made, reasons, named, inner.replaced)
    return Converted(inner.array.take(array.indices), reasons, named, inner.replaced)


def _kept(array: pa.Array, good: pa.Array, column: Column, reason: str) -> Converted:
    """The good values cast; the others refused."""
    wrong = np.flatnonzero(~good.fill_null(True).to_numpy(zero_copy_only=False))
    left = pc.if_else(good, array, pa.scalar(None, array.type))
    return Converted(left.cast(TYPES[column.type]), {int(row): f"{array[row].as_py()} {reason}" for row in wrong})


def _integers(array: pa.Array, column: Column) -> Converted:
    try:
        return Converted(array.cast(pa.int64()))
    except pa.ArrowInvalid:
        pass
    if is_type.is_integer(array.type):
        return _kept(array, pc.less(array, pa.scalar(2**63, pa.uint64())), column, "is beyond a 64-bit integer")
    values = [None if value is None else _whole(value) for value in array.to_pylist()]
    good = [value is not None for value in values]
    wrong = {
        row: f"expected an integer, got {array[row].as_py()}"
        for row, fits in enumerate(good)
        if not fits and array[row].is_valid
    }
    return Converted(pa.array(values, pa.int64()), wrong)


def _whole(value: float) -> int | None:
    whole = int(value) if value == value and abs(value) != float("inf") else None
    return whole if whole is not None and whole == value and -(2**63) <= whole < 2**63 else None


def _timestamps(array: pa.Array, column: Column) -> Converted:
    if is_type.is_date(array.type):
        array = array.cast(pa.date32()).cast(pa.timestamp("us"))
    target = pa.timestamp("us", array.type.tz)
    rough = array.cast(target, safe=False) if array.type.unit != "s" else array.cast(target)
    exact = pc.equal(rough.cast(array.type), array) if array.type.unit == "ns" else pc.is_valid(array)
    micros = rough.cast(pa.int64()).fill_null(0).to_numpy()
    zoned = array.type.tz is not None
    if zoned and array.type.unit != "ns" and len(micros) and micros.min() >= FIRST and micros.max() <= LAST:
        return Converted(rough.cast(TYPES["timestamp"]), {})
    there = np.ones(len(array), bool)
    if not zoned:
        micros, there = time.local_to_instants(micros, column.zone)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    exact_rows = exact.fill_null(True).to_numpy(zero_copy_only=False)
    inside = (micros >= FIRST) & (micros <= LAST)
    wrong = valid & ~(exact_rows & there & inside)
    text = array.cast(pa.string()).to_pylist() if wrong.any() else []
    reasons = {}
    for row in np.flatnonzero(wrong).tolist():
        why = (
            "is finer than a microsecond"
            if not exact_rows[row]
            else (f"does not exist in {column.zone}" if not there[row] else "is outside of the years 1 to 9999")
        )
        reasons[row] = f"{text[row]} {why}"
    made = pa.array(micros, mask=~valid | wrong).cast(TYPES["timestamp"])
    return Converted(made, reasons)
