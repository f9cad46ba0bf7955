"""The Arrow types of columns, remembered from fitting, so that decoding gives them back."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from domaintoolkit.schema import Custom, FieldSpec, Numeric, Timestamp
from domaintoolkit.values import Prepared
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.texts import is_text

__all__ = ["cast_fitted", "column_type", "common_type", "decoded_type", "parse_type"]

_ZONED = re.compile(r"timestamp\[(s|ms|us|ns), tz=(.+)\]")
_DECIMAL = re.compile(r"decimal(?:128|256)?\((\d+), (-?\d+)\)")


def column_type(kind: pa.DataType) -> pa.DataType:
    """The type that a column of type `kind` is decoded to: no dictionaries, times in microseconds."""
    test = pa.types
    if test.is_dictionary(kind):
        return column_type(kind.value_type)
    if is_text(kind) or test.is_binary(kind) or test.is_large_binary(kind):
        return pa.string()
    if test.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.date32() if test.is_date(kind) else kind


def common_type(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """One type that holds the values of both, the same in whatever order types are brought together."""
    test = pa.types
    if first == second or test.is_null(second):
        return first
    if test.is_null(first):
        return second
    if test.is_uint64(first) or test.is_uint64(second):
        return pa.string()  # no type of numbers holds both 2**63 and -1, or 2**53 + 1 and 0.5
    if test.is_integer(first) and test.is_integer(second):
        return pa.int64()
    if all(test.is_integer(kind) or test.is_floating(kind) for kind in (first, second)):
        return pa.float64()
    if test.is_timestamp(first) and test.is_timestamp(second):
        return pa.timestamp("us", "UTC")
    return pa.string()


def decoded_type(kind: pa.DataType, spec: FieldSpec) -> pa.DataType:
    """The type that a field decodes to, also if its column had no values, and so no type, at fitting."""
    if not pa.types.is_null(kind) or isinstance(spec, Custom):
        return kind
    if isinstance(spec, Numeric):
        return pa.float64()
    return pa.timestamp("us", "UTC") if isinstance(spec, Timestamp) else pa.string()


def parse_type(name: str) -> pa.DataType:
    """The type whose `str` is `name`."""
    if match := _ZONED.fullmatch(name):
        return pa.timestamp(match[1], match[2])
    if match := _DECIMAL.fullmatch(name):
        wide = name.startswith("decimal256")
        return (pa.decimal256 if wide else pa.decimal128)(int(match[1]), int(match[2]))
    plain = {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32"}
    return pa.type_for_alias(plain.get(name, name))


def cast_fitted(column: pa.Array, fitted: pa.DataType) -> Prepared:
    """A column in the type that it was fitted in, so that its values have the same names; others are refused."""
    found = column_type(column.type)
    if found == fitted or pa.types.is_null(fitted) or (pa.types.is_timestamp(found) and pa.types.is_timestamp(fitted)):
        return Prepared(column)
    if pa.types.is_nested(found):
        reason = f"fitted as {fitted}, not {found}"
        return Prepared(pa.nulls(len(column), fitted), [(row, reason) for row in range(len(column))])
    codes, distinct = codes_of(column)
    values, wrong = _cast_each(distinct, fitted)
    rows = np.flatnonzero(np.isin(codes, list(wrong)))
    reasons = {int(row): f"fitted as {fitted}, which cannot hold {wrong[int(codes[row])]!r}" for row in rows}
    return Prepared(values.take(pa.array(codes)), list(reasons.items()))


def _cast_each(distinct: pa.Array, kind: pa.DataType) -> tuple[pa.Array, dict[int, object]]:
    """(distinct values in another type, those that it cannot hold by their number); the latter are null."""
    try:
        return distinct.cast(kind), {}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    values, wrong = [], {}
    for number in range(len(distinct)):
        try:
            values.append(distinct[number : number + 1].cast(kind)[0].as_py())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            values.append(None)
            wrong[number] = distinct[number].as_py()
    return pa.array(values, kind), wrong
