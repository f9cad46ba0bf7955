"""Arrow columns brought to one layout, so that equal values have equal bytes."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["show_value", "to_plain"]


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


def show_value(value: pa.Scalar) -> str:
    """A value as messages show it: text in quotes, times and numbers as people write them."""
    found = value.as_py()
    if found is None:
        return "null"
    return repr(found) if isinstance(found, str | bytes) else str(found)
