"""Text columns as codes into one dictionary for the whole input, as long as their distinct values are few."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.util.arrow import to_plain

__all__ = ["DictionaryCodes"]

MAX_VALUES = 1 << 16
"""A column with more distinct values is kept as text from then on."""
DISTINCT_SHARE = 0.25
"""A text column is coded if a sample has at most this share of distinct values."""
SAMPLE = 1 << 14
FEW, MOST_DISTINCT = 1 << 11, 0.9
"""If this share of a column's first few values is distinct, it is not sampled further: text takes long."""


class DictionaryCodes:
    """Replaces text columns by int32 codes, and puts the text back. Codes never change: dictionaries only grow."""

    def __init__(self, dictionaries: dict[str, pa.Array] | None = None) -> None:
        self.dictionaries: dict[str, pa.Array] = dictionaries or {}
        self._decided: set[str] = set(self.dictionaries)
        self._plain: set[str] = set()

    def encode(self, table: pa.Table) -> pa.Table:
        """The table with its coded columns as int32."""
        for place, field in enumerate(table.schema):
            if field.name not in self._decided:
                self._decide(field.name, table[field.name])
            if field.name in self.dictionaries and field.name not in self._plain:
                coded = self._codes(field.name, table[field.name])
                if coded is not None:
                    table = table.set_column(place, field.name, coded)
                    continue
            table = table.set_column(place, field.name, _values(table[field.name]))
        return table

    def decode(self, table: pa.Table) -> pa.Table:
        """An encoded table as it was; coded columns come back as Arrow dictionaries."""
        table = table.combine_chunks()
        return pa.table({name: self._decode_column(_combine(table[name]), name) for name in table.column_names})

    def concat(self, tables: list[pa.Table]) -> pa.Table:
        """Encoded tables as one; a column that is coded in some of them and text in others becomes text."""
        tables = [table for table in tables if table.num_rows] or tables[:1]
        if any(table.schema != tables[0].schema for table in tables):
            mixed = {name for name in tables[0].column_names if len({table[name].type for table in tables}) > 1}
            tables = [self._as_text(table, mixed) for table in tables]
        return pa.concat_tables(tables)

    def _decode_column(self, column: pa.Array, name: str) -> pa.Array:
        if name in self.dictionaries and pa.types.is_int32(column.type):
            return pa.DictionaryArray.from_arrays(column, self.dictionaries[name])
        return column

    def _as_text(self, table: pa.Table, names: set[str]) -> pa.Table:
        for name in names:
            place = table.schema.get_field_index(name)
            text = to_plain(self._decode_column(_combine(table[name]), name))
            table = table.set_column(place, name, text)
        return table

    def _decide(self, name: str, column: pa.ChunkedArray) -> None:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if not len(column):
            return
        self._decided.add(name)
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if text and (pa.types.is_dictionary(column.type) or _repeats(column)):
            self.dictionaries[name] = pa.array([], pa.string())

    def _codes(self, name: str, column: pa.ChunkedArray) -> pa.Array | None:
        parts = [self._chunk(name, chunk) for chunk in column.chunks]
        if len(self.dictionaries[name]) > MAX_VALUES:
            self._plain.add(name)
        if any(part is None for part in parts):
            return None
        return pa.concat_arrays(parts) if parts else pa.array([], pa.int32())

    def _chunk(self, name: str, chunk: pa.Array) -> pa.Array | None:
        coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        values = to_plain(coded.dictionary)
        if values.null_count or len(values) > MAX_VALUES:
            self._plain.add(name)
            return None
        known = self.dictionaries[name]
        # (values of the chunk,): their codes in the dictionary of the whole input, which gets the new ones at its end
        numbers = pc.index_in(values, value_set=known)
        if numbers.null_count:
            fresh = values.filter(numbers.is_null())
            self.dictionaries[name] = pa.concat_arrays([known, fresh])
            numbers = pc.index_in(values, value_set=self.dictionaries[name])
        # the first chunk's own codes are right already
        if np.array_equal(numbers.to_numpy(), np.arange(len(numbers))):
            return coded.indices.cast(pa.int32())
        return _look_up(numbers.to_numpy(), coded.indices)


def _values(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, without a dictionary or a large layout; copied only if it is not so already."""
    if column.num_chunks == 1 and (pa.types.is_primitive(column.type) or pa.types.is_string(column.type)):
        return column.chunk(0)
    return to_plain(column)


def _repeats(column: pa.ChunkedArray) -> bool:
    """Return True if the first rows of a text column have few different values."""
    for rows in (FEW, SAMPLE):
        sample = column.slice(0, rows)
        distinct = len(sample.unique()) / len(sample)
        if distinct > MOST_DISTINCT:
            return False
    return distinct <= DISTINCT_SHARE


def _look_up(numbers: NDArray[np.int32], indices: pa.Array) -> pa.Array:
    """`numbers` at `indices`, null for null: in a third of the time of Arrow's `take`."""
    if not pa.types.is_int32(indices.type) or not len(numbers):
        return pa.array(numbers, pa.int32()).take(indices)
    valid, data = indices.buffers()
    places = np.frombuffer(data, np.int32, indices.offset + len(indices))
    # the index in the place of a null may be out of range
    found = pa.py_buffer(numbers.take(places, mode="clip"))
    return pa.Array.from_buffers(pa.int32(), len(indices), [valid, found], indices.null_count, indices.offset)


def _combine(column: pa.ChunkedArray) -> pa.Array:
    """The values of a column in one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
