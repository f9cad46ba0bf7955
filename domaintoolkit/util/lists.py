"""Lists of two shards' rows, joined row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.util.ragged import offsets_of, positions

__all__ = ["Lists", "joined", "list_column", "lists_of"]

Ints = NDArray[np.integer[Any]]


class Lists:
    """List i is `values[offsets[i]:offsets[i + 1]]`."""

    def __init__(self, values: pa.Array, offsets: Ints) -> None:
        self.values, self.offsets = values, np.asarray(offsets, np.int64)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How long each list is."""
        return np.diff(self.offsets)

    def take(self, rows: Ints) -> Lists:
        """Some lists, in that order; row -1 is an empty list."""
        lengths = np.where(rows < 0, 0, self.lengths[rows] if len(self.offsets) > 1 else 0)
        places = positions(self.offsets[:-1][rows] if len(self.offsets) > 1 else np.zeros(len(rows), np.int64), lengths)
        return Lists(self.values.take(pa.array(places)), offsets_of(lengths))

    def slices(self, begins: Ints, ends: Ints) -> Lists:
        """Of list i, the values from `begins[i]` up to `ends[i]`."""
        lengths = np.asarray(ends - begins, np.int64)
        places = positions(np.asarray(self.offsets[:-1] + begins), lengths)
        return Lists(self.values.take(pa.array(places)), offsets_of(lengths))


def list_column(lists: Lists) -> pa.Array:
    """The column that these lists make."""
    return pa.ListArray.from_arrays(pa.array(lists.offsets.astype(np.int32)), lists.values)


def lists_of(column: pa.ChunkedArray | pa.Array) -> Lists:
    """The lists of a column."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return Lists(whole.values, whole.offsets.to_numpy()) if len(whole) else Lists(whole.values, np.zeros(1, np.int64))


def joined(first: Lists, second: Lists) -> Lists:
    """List i of the first and then list i of the second, for every i."""
    starts = np.stack([first.offsets[:-1], second.offsets[:-1] + len(first.values)], axis=1).ravel()
    lengths = np.stack([first.lengths, second.lengths], axis=1).ravel()
    values = pa.concat_arrays([first.values, second.values.cast(first.values.type)])
    return Lists(values.take(pa.array(positions(starts, lengths))), offsets_of(first.lengths + second.lengths))
