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

_SHIFT = 52 - MANTISSA
_TABLE = 1 << 20
_INFINITY = np.int64(0x7FF0000000000000) >> _SHIFT

Floats = NDArray[np.float64]


def cells_of(values: Floats) -> NDArray[np.int64]:
    """The number of the cell of each value, ordered like the values; -0.0 is in the cell of 0.0. No NaN."""
    bits = values.view(np.int64)
    cells = bits >> _SHIFT
    if len(cells) and cells.min() < 0:
        magnitude = (bits & np.int64(0x7FFFFFFFFFFFFFFF)) >> _SHIFT
        cells = np.where((bits < 0) & (values != 0), -1 - magnitude, magnitude)
    return cells


def lower_ends(cells: NDArray[np.int64]) -> Floats:
    """The least number of each cell; of a negative one, the greatest of the cell below it, rounded up."""
    magnitudes = np.minimum(np.where(cells >= 0, cells, -cells), _INFINITY)
    ends = (magnitudes << _SHIFT).view(np.float64)
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
        first, table, next_edge = self._table
        if table is None:
            return np.searchsorted(self.edges, values, side="right").astype(np.int32)
        cells = cells_of(values)
        cells -= first - 1
        np.clip(cells, 0, len(table) - 1, out=cells)
        buckets = table[cells]
        if next_edge is not None:
            buckets += values >= next_edge[cells]
        return buckets

    @cached_property
    def _table(self) -> tuple[int, NDArray[np.int32] | None, Floats | None]:
        """(first cell, bucket at each cell's lower end, first edge inside each cell, where any is cut).

        There is no table if it would be too large, or if one cell holds several edges.
        """
        edge_cells = cells_of(self.edges)
        first, last = int(edge_cells[0]), int(edge_cells[-1])
        if last - first > _TABLE:
            return first, None, None
        ends = lower_ends(np.arange(first - 1, last + 2))
        ends[0] = -np.inf
        table = np.searchsorted(self.edges, ends, side="right").astype(np.int32)
        inside = np.diff(table)
        if inside.max(initial=0) > 1 and _several_inside(self.edges, edge_cells):
            return first, None, None
        padded = np.append(self.edges, np.nan)
        next_edge = padded[table]
        cut = bool((lower_ends(edge_cells) != self.edges).any())
        return first, table, next_edge if cut else None


def _several_inside(edges: Floats, edge_cells: NDArray[np.int64]) -> bool:
    """True if a cell holds two edges that are not its lower end."""
    inner = edge_cells[lower_ends(edge_cells) != edges]
    return len(np.unique(inner)) < len(inner)
