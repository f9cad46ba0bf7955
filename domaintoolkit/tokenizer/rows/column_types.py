"""The Arrow types of columns, remembered from fitting, so that decoding gives them back."""

from __future__ import annotations

import base64
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.schema import Custom, FieldSpec, Numeric, Text, Timestamp
from domaintoolkit.values import Prepared
from domaintoolkit.values.columns import codes_of, find_outside
from domaintoolkit.values.texts import is_text
from domaintoolkit.values.value_names import has_names, parse_names, write_names

__all__ = ["cast_keys", "column_type", "common_type", "decoded_type", "parse_type", "write_type"]

_BYTES = "arrow:"
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
    """The type that a field decodes to, also if no value of the column that was fitted could be encoded.

    Times that were counts come back as times: a count means nothing without its unit.
    """
    test = pa.types
    if isinstance(spec, Custom):
        return kind
    if isinstance(spec, Numeric):
        number = _is_number(kind) or test.is_boolean(kind) or is_text(kind)
        return kind if number else pa.float64()
    if isinstance(spec, Timestamp):
        time = test.is_timestamp(kind) or test.is_date(kind) or is_text(kind)
        return kind if time else pa.timestamp("us", "UTC")
    if isinstance(spec, Text) or test.is_null(kind) or not has_names(kind):
        return pa.string()
    return kind


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def write_type(kind: pa.DataType) -> str:
    """The text from which `parse_type` makes the type: its name or, if Arrow reads no such name, its bytes."""
    name = str(kind)
    try:
        if parse_type(name) == kind:
            return name
    except ValueError:
        pass
    return _BYTES + base64.b64encode(pa.schema([("", kind)]).serialize().to_pybytes()).decode()


def parse_type(name: str) -> pa.DataType:
    """The type that `write_type` wrote; raises `ValueError` for any other text."""
    if name.startswith(_BYTES):
        try:
            return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(name.removeprefix(_BYTES)))).types[0]
        except (OSError, IndexError, pa.ArrowException) as error:
            raise ValueError(f"not a type: {error}") from None
    if match := _ZONED.fullmatch(name):
        return pa.timestamp(match[1], match[2])
    if match := _DECIMAL.fullmatch(name):
        wide = name.startswith("decimal256")
        return (pa.decimal256 if wide else pa.decimal128)(int(match[1]), int(match[2]))
    plain = {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32"}
    return pa.type_for_alias(plain.get(name, name))


def cast_keys(column: pa.Array, fitted: pa.DataType) -> Prepared:
    """A column of keys in the type that it was fitted in; a value that this type does not write so is refused."""
    found = column_type(column.type)
    if found == fitted or pa.types.is_null(fitted) or (pa.types.is_timestamp(found) and pa.types.is_timestamp(fitted)):
        return Prepared(column)
    if pa.types.is_nested(found):
        reason = f"fitted as {fitted}, not {found}"
        return Prepared(pa.nulls(len(column), fitted), [(row, reason) for row in range(len(column))])
    codes, distinct = codes_of(column)
    values, same = _cast_exactly(distinct, fitted)
    wrong = np.flatnonzero(~same)
    reasons = {int(number): _say_why(distinct[int(number)].as_py(), found, fitted) for number in wrong}
    rows = np.flatnonzero(np.isin(codes, wrong))
    return Prepared(values.take(pa.array(codes)), [(int(row), reasons[int(codes[row])]) for row in rows])


def _say_why(value: object, found: pa.DataType, fitted: pa.DataType) -> str:
    if not is_text(found):
        return f"fitted as {fitted}, which cannot hold {value!r}"
    return f"fitted as {fitted}, which does not write {value!r}; fit again with this column as text to keep such values"


def _cast_exactly(distinct: pa.Array, kind: pa.DataType) -> tuple[pa.Array, NDArray[np.bool_]]:
    """(distinct values in another type, whether each comes back from it as it was); those that do not are null."""
    if is_text(kind) and has_names(distinct.type):
        return write_names(distinct), np.ones(len(distinct), np.bool_)
    text = is_text(distinct.type)
    try:
        values = parse_names(distinct, kind) if text else distinct.cast(kind)
        back = values.cast(distinct.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(distinct) == 1:
            return pa.nulls(1, kind), np.asarray(distinct.is_null())
        if not len(distinct):
            return pa.nulls(0, kind), np.empty(0, np.bool_)
        # Arrow refuses a column as a whole: halve it until each value that it refuses is alone
        middle = len(distinct) // 2
        first, second = _cast_exactly(distinct[:middle], kind), _cast_exactly(distinct[middle:], kind)
        return pa.concat_arrays([first[0], second[0]]), np.concatenate([first[1], second[1]])
    equal = pc.fill_null(pc.equal(back, distinct), False)
    if text and has_names(kind):  # a decimal may be written with all its digits
        equal = pc.or_(equal, pc.fill_null(pc.equal(write_names(values).cast(distinct.type), distinct), False))
    inside = np.ones(len(distinct), np.bool_)
    inside[[row for row, _ in find_outside(values)]] = False  # Arrow reads the year 0
    kept = pc.or_(pc.and_(equal, pa.array(inside)), distinct.is_null())  # (distinct,)
    return pc.if_else(kept, values, pa.scalar(None, kind)), np.asarray(kept)
