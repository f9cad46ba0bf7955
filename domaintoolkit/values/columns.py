"""Convert Arrow columns of any type to the few types that encoders work on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.values.prepared import Ints, Prepared
from domaintoolkit.values.texts import holds_text, invalid_unicode

__all__ = ["as_categories", "as_text", "codes_of", "count_values", "plain"]


def _combine_chunks(values: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    nulls = pa.types.is_dictionary(values.type) and any(chunk.dictionary.null_count for chunk in values.chunks)
    # Arrow cannot unify dictionaries that hold null among their values
    return (values.cast(values.type.value_type) if nulls else values).combine_chunks()


def plain(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array, as it is; extension types are taken by their storage.

    Views, which polars gives, become text with offsets: Arrow cannot take rows of views. Runs become rows.
    """
    if isinstance(values, pa.ChunkedArray):
        # One chunk is taken as it is: combining would copy it.
        values = values.chunk(0) if values.num_chunks == 1 else _combine_chunks(values)
        if isinstance(values, pa.ChunkedArray):  # no chunks, or too much text for 32-bit offsets
            values = pa.concat_arrays([chunk.cast(_large(chunk.type)) for chunk in values.chunks] or [pa.nulls(0)])
    values = values.storage if isinstance(values, pa.ExtensionArray) else values
    if pa.types.is_run_end_encoded(values.type):
        return plain(pc.run_end_decode(values))
    if pa.types.is_float16(values.type):  # which Arrow cannot sort
        return values.cast(pa.float32())
    if pa.types.is_string_view(values.type):
        return values.cast(pa.large_string())
    return values.cast(pa.large_binary()) if pa.types.is_binary_view(values.type) else values


def _large(kind: pa.DataType) -> pa.DataType:
    return pa.large_string() if pa.types.is_string(kind) else kind


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


def as_categories(values: pa.Array) -> Prepared:
    """A column as a dictionary of strings, or as int64, whose text is written when it is needed."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not pa.types.is_integer(kind) or pa.types.is_uint64(kind):
        return as_text(values)
    return Prepared(values.cast(pa.int64()))


def as_text(values: pa.Array) -> Prepared:
    """A column as a dictionary of strings; each distinct value is written as text once.

    Integers, booleans, dates and numbers come back from their text exactly; a float that is whole is written
    without a fraction, so that a column that pandas widened for its nulls means the same values.
    """
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    text = holds_text(kind)
    if not text and not _writable(kind):
        reason = f"values of type {kind} cannot be categories"
        nothing = pa.nulls(len(values), pa.string()).dictionary_encode()
        return Prepared(nothing, [(row, reason) for row in range(len(values))])
    codes, distinct = codes_of(values)
    written, broken = _check_unicode(distinct) if text else (distinct.cast(pa.string()), {})
    indices = pa.array(codes.astype(np.int32, copy=False))
    prepared = pa.DictionaryArray.from_arrays(indices, written, safe=False)  # the codes are in range
    if not broken:
        return Prepared(prepared)
    rows = np.flatnonzero(np.isin(codes, list(broken)))
    return Prepared(prepared, [(int(row), broken[int(codes[row])]) for row in rows])


def _writable(kind: pa.DataType) -> bool:
    test = pa.types
    return bool(
        test.is_integer(kind) or test.is_boolean(kind) or test.is_floating(kind) or test.is_date(kind)
        or test.is_decimal(kind) or test.is_null(kind)
    )  # fmt: skip


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


def count_values(codes: Ints, distinct: pa.Array) -> pa.Table:
    """A table of the distinct values and their counts: columns `value` and `count`."""
    counts = np.bincount(codes, minlength=len(distinct))
    return pa.table({"value": distinct, "count": pa.array(counts, pa.int64())})
