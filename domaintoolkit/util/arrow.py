"""Arrow columns: brought to one layout, so that equal values have equal bytes; their widths; their rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["find_width", "offsets_in", "show_value", "take_rows", "to_plain"]


def to_plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array of values: no dictionary, no large or view layout."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        column = column.cast(pa.string())
    elif pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        column = column.cast(pa.binary())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def offsets_in(values: pa.Array) -> NDArray[np.signedinteger]:
    """(values + 1,) where each text begins in the buffer of all, and where the last one ends."""
    is_large = pa.types.is_large_string(values.type) or pa.types.is_large_binary(values.type)
    kind = np.dtype(np.int64 if is_large else np.int32)
    return np.frombuffer(values.buffers()[1], kind, len(values) + 1, values.offset * kind.itemsize)


def find_width(values: pa.Array) -> int:
    """The bytes that each text has, if all have as many, at least one, and none is null; else, or for views, 0."""
    kinds = (pa.string(), pa.binary(), pa.large_string(), pa.large_binary())
    if values.type not in kinds or not len(values) or values.null_count:
        return 0
    offsets = offsets_in(values)
    width = int(offsets[1] - offsets[0])
    # most columns are told by their sum
    if offsets[-1] - offsets[0] != width * len(values):
        return 0
    return width if bool((np.diff(offsets) == width).all()) else 0


def take_rows(table: pa.Table, rows: NDArray[np.integer]) -> pa.Table:
    """These rows of a table, which has them all; each column in one piece."""
    places = pa.array(rows)
    return pa.table({name: _take(_combine(table[name]), places) for name in table.column_names})


def _combine(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _take(values: pa.Array, places: pa.Array) -> pa.Array:
    width = find_width(values)
    if not pa.types.is_string(values.type) or not width or width * len(places) >= 1 << 31:
        return pc.take(values, places, boundscheck=False)
    # identifiers mostly have one width: as values of that width they are moved in a third of the time of text
    data = values.buffers()[2].slice(int(offsets_in(values)[0]), width * len(values))
    fixed = pa.Array.from_buffers(pa.binary(width), len(values), [None, data])
    moved = pc.take(fixed, places, boundscheck=False)
    ends = pa.py_buffer(np.arange(0, width * (len(places) + 1), width, dtype=np.int32))
    return pa.Array.from_buffers(pa.string(), len(places), [None, ends, moved.buffers()[1]])


def show_value(value: pa.Scalar) -> str:
    """A value as messages show it: text in quotes, times and numbers as people write them."""
    found = value.as_py()
    if found is None:
        return "null"
    return repr(found) if isinstance(found, str | bytes) else str(found)
