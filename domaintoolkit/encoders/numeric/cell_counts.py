"""Counts of many numbers in cells a thousandth wide, with the least number of each cell."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders.numeric.bucket_index import MANTISSA

__all__ = ["CellCounts"]

_SHIFT = 52 - MANTISSA

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class CellCounts:
    """Cells of the leading bits of float64 patterns, on both sides of zero, and the extremes of all."""

    def __init__(self) -> None:
        self._sides = _Side(), _Side()
        self.least, self.greatest = math.inf, -math.inf

    def add(self, values: Floats, counts: Counts | None = None) -> None:
        """Add finite numbers, each once, or as often as `counts` says."""
        if not len(values):
            return
        least = float(values.min())
        self.least, self.greatest = min(self.least, least), max(self.greatest, float(values.max()))
        if least >= 0:
            self._sides[1].add(values, counts)
            return
        negative = values < 0
        for side, chosen in zip(self._sides, (negative, ~negative), strict=True):
            side.add(np.abs(values[chosen]), None if counts is None else counts[chosen])

    def merge(self, other: Self) -> None:
        """Add the counts of the other."""
        self.least, self.greatest = min(self.least, other.least), max(self.greatest, other.greatest)
        for own, added in zip(self._sides, other._sides, strict=True):
            own.add(*added.used())

    def points(self) -> tuple[Floats, Counts, Floats]:
        """(values, counts, means) of the cells, in no order: a number of each cell that was seen, and their mean.

        Of several, the mean is that of the known number and others that are spread evenly from it to the cell's end:
        it is off by less than a thousandth.
        """
        made = []
        for sign, side in zip((-1.0, 1.0), self._sides, strict=True):
            lows, counts = side.used()
            # (cells,) a cell ends where the next one begins: at the next number of its leading bits
            ends = (((lows.view(np.int64) >> _SHIFT) + 1) << _SHIFT).view(np.float64)
            # the last cell ends beyond float64, and those below its normal numbers are wider than a thousandth
            widths = np.minimum(np.minimum(ends, np.finfo(np.float64).max) - lows, lows / 1024)
            means = lows + widths / 2 * ((counts - 1) / counts)
            made.append((sign * lows, counts, sign * means))
        (values, counts, means), more = made
        return np.concatenate([values, more[0]]), np.concatenate([counts, more[1]]), np.concatenate([means, more[2]])

    def dump(self) -> pa.Table:
        """The cells as a table, negative ones first."""
        tables = []
        for sign, side in zip((-1.0, 1.0), self._sides, strict=True):
            lows, counts = side.used()
            tables.append(pa.table({"value": sign * lows, "count": counts}))
        return pa.concat_tables(tables)

    @classmethod
    def restore(cls, table: pa.Table, least: float, greatest: float) -> Self:
        """The cells that `dump` wrote."""
        made = cls()
        made.add(table["value"].to_numpy(), table["count"].to_numpy())
        made.least, made.greatest = least, greatest
        return made


class _Side:
    """Cells of positive numbers, as dense arrays from cell `base` on."""

    def __init__(self) -> None:
        self._base = 0
        self._counts, self._lows = np.empty(0, np.int64), np.empty(0)

    def add(self, values: Floats, counts: Counts | None) -> None:
        if not len(values):
            return
        # (values,) the leading bits as a number; positive floats are ordered as their bits are
        cells = values.view(np.int64) >> _SHIFT
        self._make_room(int(cells.min()), int(cells.max()) + 1)
        cells -= self._base
        if counts is None:
            self._counts += np.bincount(cells, minlength=len(self._counts))
        else:
            # `at` adds every count, also if a cell comes several times
            np.add.at(self._counts, cells, counts)
        np.minimum.at(self._lows, cells, values)

    def _make_room(self, start: int, end: int) -> None:
        if not len(self._counts):
            self._base = start
        before, after = max(0, self._base - start), max(0, end - self._base - len(self._counts))
        if before or after:
            self._counts = np.pad(self._counts, (before, after))
            self._lows = np.pad(self._lows, (before, after), constant_values=np.inf)
            self._base -= before

    def used(self) -> tuple[Floats, Counts]:
        """(least number, count) of each cell that holds numbers, in rising order."""
        used = np.flatnonzero(self._counts)
        return self._lows[used], self._counts[used]
