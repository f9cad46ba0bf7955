"""The bucket of each number of a column, through a table on the leading bits of the float.

The bits of a float64, read as an integer, are ordered like the numbers themselves (IEEE 754), so that the
leading ones, sign to the first `MANTISSA` bits of the fraction, cut the line into cells. A table says where
each cell's numbers begin; only cells that an edge cuts need a comparison, and no cell needs a search.
"""

from __future__ import annotations

import bisect
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["MANTISSA", "Buckets", "cells_of", "lower_ends"]

MANTISSA = 10
"""Bits of the fraction that tell cells apart: neighbouring cells differ by a thousandth."""

_TABLE = 1 << 20

Floats = NDArray[np.float64]


def cells_of(values: Floats, mantissa: int = MANTISSA) -> NDArray[np.int64]:
    """The number of the cell of each value, ordered like the values; -0.0 is in the cell of 0.0. No NaN."""
    bits = values.view(np.int64)
    cells = bits >> (52 - mantissa)
    # bits with a sign are magnitudes: the further from zero, the larger; most columns have no negative number
    if len(cells) and cells.min() < 0:
        magnitude = (bits & np.int64(0x7FFFFFFFFFFFFFFF)) >> (52 - mantissa)
        cells = np.where((bits < 0) & (values != 0), -1 - magnitude, magnitude)
    return cells


def lower_ends(cells: NDArray[np.int64], mantissa: int = MANTISSA) -> Floats:
    """The least number of each cell; of a negative one, the greatest of the cell below it, rounded up."""
    # larger bits are NaN
    infinity = np.int64(0x7FF0000000000000) >> (52 - mantissa)
    magnitudes = np.minimum(np.where(cells >= 0, cells, -cells), infinity)
    ends = (magnitudes << (52 - mantissa)).view(np.float64)
    return np.asarray(np.where(cells >= 0, ends, np.nextafter(-ends, np.inf)), np.float64)


class Buckets:
    """The intervals between ascending `edges`: bucket k holds `edges[k - 1] <= x < edges[k]`."""

    def __init__(self, edges: Floats) -> None:
        self.edges = np.ascontiguousarray(edges, np.float64)
        self._list = self.edges.tolist()

    def __len__(self) -> int:
        return len(self.edges) + 1

    def one(self, value: float) -> int:
        """The bucket of one number."""
        return bisect.bisect_right(self._list, value)

    def of(self, values: Floats) -> NDArray[np.int32]:
        """The bucket of each number; no NaN."""
        if not len(self.edges):
            return np.zeros(len(values), np.int32)
        mantissa, first, table, next_edge = self._table
        if table is None:
            return np.searchsorted(self.edges, values, side="right").astype(np.int32)
        cells = cells_of(values, mantissa)
        # row 0 of the table is for all cells below that of the first edge, and the last row for all above
        cells -= first - 1
        np.clip(cells, 0, len(table) - 1, out=cells)
        buckets = table[cells]
        if next_edge is not None:
            # NaN after the last edge, which no number reaches
            buckets += values >= next_edge[cells]
        return buckets

    @cached_property
    def _table(self) -> tuple[int, int, NDArray[np.int32] | None, Floats | None]:
        """(mantissa, first cell, bucket at each cell's lower end, first edge inside each cell; None if no cell is cut).

        The cells are so narrow that each holds one edge at most; there is no table if it would be too large.
        """
        for mantissa in range(MANTISSA, 53, 3):
            # (edges,) rising
            edge_cells = cells_of(self.edges, mantissa)
            first, last = int(edge_cells[0]), int(edge_cells[-1])
            if last - first > _TABLE:
                break
            # an edge at the lower end of its cell cuts no cell
            at_end = lower_ends(edge_cells, mantissa) == self.edges
            inner = edge_cells[~at_end]
            # two edges inside one cell: narrower cells
            if len(np.unique(inner)) < len(inner):
                continue
            # (cells,) with one cell below the first edge and one above the last
            ends = lower_ends(np.arange(first - 1, last + 2), mantissa)
            ends[0] = -np.inf
            table = np.searchsorted(self.edges, ends, side="right").astype(np.int32)
            # (cells,) the edge that a number of the cell may have passed
            next_edge = np.append(self.edges, np.nan)[table]
            return mantissa, first, table, None if at_end.all() else next_edge
        return MANTISSA, 0, None, None
