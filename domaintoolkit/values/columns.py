"""Convert Arrow columns of any type to the few types that the toolkit works on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.times.calendar import DAY
from domaintoolkit.times.zones import YEARS_BEGIN, YEARS_END
from domaintoolkit.values.prepared import Ints, Prepared, refuse_all, refuse_rows
from domaintoolkit.values.texts import invalid_unicode

__all__ = ["OUTSIDE", "codes_of", "count_values", "find_outside", "plain", "unify"]

OUTSIDE = "is outside the years 1 to 9999"

_TIME = pa.time64("us")


def _combine_chunks(values: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    nulls = pa.types.is_dictionary(values.type) and any(chunk.dictionary.null_count for chunk in values.chunks)
    # Arrow cannot unify dictionaries that hold null among their values
    return (values.cast(values.type.value_type) if nulls else values).combine_chunks()


def plain(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array of the same values.

    Views, which polars gives, become text with offsets: Arrow cannot take rows of views. Runs become rows.
    """
    if isinstance(values, pa.ChunkedArray):
        if not values.num_chunks:
            kind = values.type
            return pa.nulls(0, kind.value_type if pa.types.is_dictionary(kind) else kind)
        # One chunk is taken as it is: combining would copy it.
        values = values.chunk(0) if values.num_chunks == 1 else _combine_chunks(values)
        if isinstance(values, pa.ChunkedArray):  # too much text for 32-bit offsets
            values = pa.concat_arrays([chunk.cast(_large(chunk.type)) for chunk in values.chunks])
    if pa.types.is_run_end_encoded(values.type):
        return plain(pc.run_end_decode(values))
    if pa.types.is_string_view(values.type):
        return values.cast(pa.large_string())
    return values.cast(pa.large_binary()) if pa.types.is_binary_view(values.type) else values


def _large(kind: pa.DataType) -> pa.DataType:
    return pa.large_string() if pa.types.is_string(kind) else kind


def unify(values: pa.Array | pa.ChunkedArray) -> Prepared:
    """A column as one array in a type that every part of the toolkit works on; it refuses what none can hold.

    Bytes are text in UTF-8, a UUID is its text, a date is a date32, a time of day is in microseconds, a float16
    is a float32, and a decimal has 128 bits or more.
    """
    values = plain(values)
    kind, test = values.type, pa.types
    if test.is_dictionary(kind):
        return _unify_dictionary(values)
    if isinstance(kind, pa.BaseExtensionType):
        return _unify_extension(values)
    if test.is_binary(kind) or test.is_large_binary(kind) or test.is_fixed_size_binary(kind):
        return _decode(values)
    if test.is_date(kind):
        return _refuse_outside(values if test.is_date32(kind) else values.cast(pa.date32(), safe=False))
    if test.is_time(kind):
        return _to_microseconds(values)
    if test.is_float16(kind):  # which Arrow cannot sort
        return Prepared(values.cast(pa.float32()))
    if test.is_decimal32(kind) or test.is_decimal64(kind):  # of which Arrow finds no distinct values
        return Prepared(values.cast(pa.decimal128(kind.precision, kind.scale)))
    return Prepared(values)


def _unify_dictionary(values: pa.DictionaryArray) -> Prepared:
    made = unify(values.dictionary)
    if made.values is values.dictionary:
        return Prepared(values)
    if not made.refused:
        return Prepared(pa.DictionaryArray.from_arrays(values.indices, made.values))
    codes, _ = codes_of(values)
    # the code behind the last one is null
    return Prepared(pa.concat_arrays([made.values, pa.nulls(1, made.values.type)]), made.refused).spread(codes)


def _unify_extension(values: pa.ExtensionArray) -> Prepared:
    name = values.type.extension_name
    if name == "arrow.uuid":
        return Prepared(_uuid_texts(values.storage))
    if name == "arrow.json":
        return unify(values.storage)
    if name == "arrow.bool8":
        return Prepared(pc.not_equal(values.storage, 0))
    reason = f"values of the type {name} are not supported; convert the column to text, numbers or times"
    return refuse_all(values, pa.string(), reason)


def _uuid_texts(storage: pa.Array) -> pa.Array:
    """(rows,) text of 16 bytes each: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12."""
    # (rows, 16)
    raw = np.frombuffer(storage.buffers()[1] or b"", np.uint8)
    raw = raw[storage.offset * 16 : (storage.offset + len(storage)) * 16].reshape(-1, 16)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    # (rows, 32), then (rows, 36)
    pairs = np.stack([digits[raw >> 4], digits[raw & 15]], axis=2).reshape(-1, 32)
    texts = np.full((len(storage), 36), ord("-"), np.uint8)
    texts[:, [place for place in range(36) if place not in (8, 13, 18, 23)]] = pairs
    ends = np.arange(len(storage) + 1, dtype=np.int64) * 36
    made = pa.LargeStringArray.from_buffers(len(storage), pa.py_buffer(ends), pa.py_buffer(texts))
    return made if not storage.null_count else pc.if_else(storage.is_valid(), made, None)


def _decode(values: pa.Array) -> Prepared:
    """Bytes as text; those that are not UTF-8 are refused."""
    if pa.types.is_fixed_size_binary(values.type):
        values = values.cast(pa.binary())
    text = pa.large_string() if pa.types.is_large_binary(values.type) else pa.string()
    try:
        return Prepared(values.cast(text))
    except pa.ArrowInvalid:
        pass
    # one by one, and only in columns that Arrow refuses as a whole
    found = [None if value is None else invalid_unicode(value) for value in values.to_pylist()]
    refused = [
        (row, f"{reason}; write bytes as hexadecimal text") for row, reason in enumerate(found) if reason is not None
    ]
    return Prepared(refuse_rows(values, [row for row, _ in refused]).cast(text), refused)


def _to_microseconds(values: pa.Array) -> Prepared:
    if values.type == _TIME:
        return Prepared(values)
    made = values.cast(_TIME, safe=False)
    # a time that has lost digits does not come back as it was
    finer = np.asarray(pc.fill_null(pc.not_equal(made.cast(values.type), values), False))
    if not finer.any():
        return Prepared(made)
    rows = np.flatnonzero(finer).tolist()
    reason = "is finer than a microsecond; round it first"
    refused = [(row, f"{values[row].cast(pa.string()).as_py()} {reason}") for row in rows]
    return Prepared(refuse_rows(made, rows), refused)


def _refuse_outside(values: pa.Array) -> Prepared:
    refused = find_outside(values)
    return Prepared(refuse_rows(values, [row for row, _ in refused]), refused)


def find_outside(values: pa.Array) -> list[tuple[int, str]]:
    """(row, reason) of each date, time or duration that the calendar of Python cannot hold."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        codes, distinct = codes_of(values)
        return Prepared(distinct, find_outside(distinct)).spread(codes).refused
    low, high = _bounds(kind)  # 0, 0 for a type that Python's calendar always holds
    if not high:
        return []
    # the integers below the values, without a copy
    counts = values.view(pa.int32() if pa.types.is_date32(kind) else pa.int64())
    # nearly all columns end here: two numbers say that nothing is outside
    extremes = pc.min_max(counts).as_py()
    if extremes["min"] is None or (extremes["min"] >= low and extremes["max"] < high):
        return []
    wrong = pc.fill_null(pc.or_(pc.less(counts, low), pc.greater_equal(counts, high)), False)
    return [(row, _outside(counts[row].as_py(), kind)) for row in np.flatnonzero(np.asarray(wrong)).tolist()]


def _bounds(kind: pa.DataType) -> tuple[int, int]:
    """(the least count, the one after the greatest) that a type of times may hold; (0, 0) for other types."""
    if pa.types.is_date32(kind):
        return YEARS_BEGIN // DAY, YEARS_END // DAY
    if not (pa.types.is_timestamp(kind) or pa.types.is_duration(kind)) or kind.unit == "ns":
        return 0, 0
    unit = {"s": 1_000_000, "ms": 1_000, "us": 1}[kind.unit]
    if pa.types.is_duration(kind):
        # the longest timedelta of Python
        most = 999_999_999 * DAY // unit
        return -most, min(most, 2**63 - 1)
    return YEARS_BEGIN // unit, YEARS_END // unit


def _outside(count: int, kind: pa.DataType) -> str:
    if pa.types.is_duration(kind):
        return f"{count} {kind.unit} is longer than 999,999,999 days"
    unit = "D" if pa.types.is_date32(kind) else kind.unit
    return f"{np.array(count, np.int64).view(f'datetime64[{unit}]')} {OUTSIDE}"


def codes_of(values: pa.Array) -> tuple[Ints, pa.Array]:
    """(codes, distinct values): null is a distinct value like any other, so every row has a code."""
    if isinstance(values, pa.DictionaryArray):
        dictionary = values.dictionary
        if not values.indices.null_count:
            return np.asarray(values.indices), dictionary
        whole = pa.concat_arrays([dictionary, pa.nulls(1, dictionary.type)])
        indices = values.indices if pa.types.is_int32(values.indices.type) else values.indices.cast(pa.int64())
        return np.asarray(indices.fill_null(pa.scalar(len(dictionary), indices.type))), whole
    coded = values.dictionary_encode(null_encoding="encode")
    return np.asarray(coded.indices), coded.dictionary


def count_values(codes: Ints, distinct: pa.Array) -> pa.Table:
    """A table of the distinct values and their counts: columns `value` and `count`."""
    counts = np.bincount(codes, minlength=len(distinct))
    return pa.table({"value": distinct, "count": pa.array(counts, pa.int64())})
