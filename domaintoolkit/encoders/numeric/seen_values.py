"""Counts of the numbers that fitting saw: of each value while there are few, of narrow cells once there are many."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders.numeric.cell_counts import CellCounts
from domaintoolkit.util.ragged import run_offsets

__all__ = ["MOST_VALUES", "SeenValues", "is_short", "sum_counts"]

MOST_VALUES = 1 << 17
"""So many distinct values are counted one by one. Of more, only those with at most five digits are."""

_BLOCK = 1 << 16
"""Numbers that are counted at a time, so that the temporary arrays stay in the cache."""

_FEW = 1 << 12

_GRID = 1 << 17
"""Whole numbers, or cents, below this are counted in an array."""

_PAUSE = 15
"""A way of counting that fits less than an eighth of a block is not tried again for so many blocks."""

_HASHES = 19
"""Bits of the hashes that tell, without sorting, that more than `MOST_VALUES` values differ."""

_DIGITS = 5

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class SeenValues:
    """The count of each value seen, while at most `MOST_VALUES` differ.

    Of more, values of at most five decimal digits, such as 0, 9.99 or a limit of 10,000, are still counted one by one,
    since only such values are frequent; the others are counted in cells a thousandth wide. The counts are a function
    of the numbers, whatever their order and however they are merged. `most` is another limit.
    """

    def __init__(self, most: int = MOST_VALUES) -> None:
        self._most = most
        self.is_whole = True
        """True if every number so far is whole."""
        self._cells: CellCounts | None = None
        self._values, self._counts = np.empty(0), np.empty(0, np.int64)
        self._loose: list[tuple[Floats, Counts]] = []
        self._loose_size = 0
        # faster ways to count, with the number of blocks for which each is not tried again
        self._grids = {unit: np.zeros(0, np.int64) for unit in (1.0, 100.0)}
        self._index: _ValueIndex | None = None  # made when it is first used
        self._hashes: NDArray[np.bool_] | None = None
        self._pauses = {"grid": 0, "index": 0}

    def add(self, numbers: Floats) -> None:
        """Count finite numbers in."""
        with np.errstate(over="ignore"):  # a number beyond float64 is not short
            for start in range(0, len(numbers), _BLOCK):
                self._add_block(numbers[start : start + _BLOCK] + 0.0)  # -0.0 becomes 0.0

    def _add_block(self, block: Floats) -> None:
        if self.is_whole:
            self.is_whole = bool((np.rint(block) == block).all())
        for way, count in (("grid", self._count_on_grid), ("index", self._count_known)):
            if self._pauses[way]:
                self._pauses[way] -= 1
                continue
            if way == "index" and not len(self._values):
                continue
            rest = count(block)
            if len(rest) > len(block) * 7 // 8:
                self._pauses[way] = _PAUSE
            if not len(rest):
                return
            block = rest
        self._count_others(block)

    def _count_on_grid(self, block: Floats) -> Floats:
        """Count whole numbers, or amounts in cents, that are small; gives the others."""
        unit = 1.0 if self.is_whole else 100.0
        steps = block if self.is_whole else np.rint(block * unit)
        here = (steps >= 0) & (steps < _GRID)
        if unit != 1:
            # an amount such as 9.99 is the float nearest to it, and so is the quotient 999 / 100
            here &= steps / unit == block
        rest = block[:0]
        if not here.all():
            steps, rest = steps[here], block[~here]
        if len(steps):
            self._add_to_grid(unit, np.bincount(steps.astype(np.int64)))
        return rest

    def _add_to_grid(self, unit: float, counts: Counts) -> None:
        grid = self._grids[unit]
        if len(grid) < len(counts):
            self._grids[unit] = grid = np.pad(grid, (0, len(counts) - len(grid)))
        grid[: len(counts)] += counts

    def _count_known(self, block: Floats) -> Floats:
        """Count the values that have a count already; gives the others."""
        if self._index is None:
            self._index = _ValueIndex(self._values, self._counts)
        places = self._index.find(block)
        known = self._values[places] == block
        if known.all():
            # a new array: another state may have taken the old one
            self._counts = self._counts + np.bincount(places, minlength=len(self._counts))
            return block[:0]
        self._counts = self._counts + np.bincount(places[known], minlength=len(self._counts))
        rest: Floats = block[~known]
        return rest

    def _count_others(self, block: Floats) -> None:
        if self._cells is not None:
            self._count_many(block)
            return
        if not len(self._values) and not self._loose_size:
            # values that are frequent at first are known from then on, and need not be sorted
            self._append(*_distinct(block[:_FEW]))
            block = block[_FEW:]
            if self._loose_size < _FEW // 2:
                self._gather()
                block = self._count_known(block) if len(self._values) else block
        self._append(block, np.ones(len(block), np.int64))
        # at least as many values differ as their hashes do
        if self._hashes is None:
            self._hashes = np.zeros(1 << _HASHES, np.bool_)
        self._hashes[_hash(block, 64 - _HASHES)] = True
        if self._loose_size >= _BLOCK and np.count_nonzero(self._hashes) > self._most:
            self._cells = CellCounts()
            self._gather()
        elif self._loose_size >= max(4 * _BLOCK, 2 * len(self._values)):
            self._gather()

    def _count_many(self, block: Floats) -> None:
        assert self._cells is not None
        maybe = may_be_short(block)
        if maybe.any():
            short = np.zeros(len(block), np.bool_)
            short[maybe] = is_short(block[maybe])
            self._append(*_distinct(block[short]))
            block = block[~short]
            if self._loose_size >= max(_FEW, len(self._values)):
                self._gather()
        self._cells.add(block)

    def add_counts(self, values: Floats, counts: Counts) -> None:
        """Count finite values in, none of them -0.0, each as often as `counts` says."""
        if self.is_whole:
            self.is_whole = bool((np.rint(values) == values).all())
        if self._cells is not None:
            short = is_short(values)
            self._cells.add(values[~short], counts[~short])
            values, counts = values[short], counts[short]
        self._append(values, counts)
        if self._loose_size >= max(_FEW, len(self._values)):
            self._gather()

    def _append(self, values: Floats, counts: Counts) -> None:
        self._loose.append((values, counts))
        self._loose_size += len(values)

    def _compact(self) -> None:
        """Bring all counts of single values together; beyond `MOST_VALUES`, keep only those of short ones."""
        self._empty_grids()
        self._gather()

    def _gather(self) -> None:
        """The same but for the counts on the grids, which are cheaper to merge there."""
        # a value may be on a grid and among the others too: only together they tell if there are too many
        if self._cells is None and len(self._values) + self._loose_size + self._grid_size() > self._most:
            self._empty_grids()
        self._bring_together()

    def _grid_size(self) -> int:
        return sum(int(np.count_nonzero(grid)) for grid in self._grids.values())

    def _empty_grids(self) -> None:
        for unit, grid in self._grids.items():
            used = np.flatnonzero(grid)
            if len(used):
                self._loose.append((used / unit, grid[used]))
                grid[:] = 0

    def _bring_together(self) -> None:
        if not self._loose:
            return
        values = np.concatenate([self._values, *(values for values, _ in self._loose)])
        counts = np.concatenate([self._counts, *(counts for _, counts in self._loose)])
        self._loose, self._loose_size = [], 0
        if self._cells is None:
            values, counts = sum_counts(values, counts)
        if self._cells is None and len(values) > self._most:
            self._cells = CellCounts()
        if self._cells is not None:
            short = is_short(values)
            self._cells.add(values[~short], counts[~short])
            values, counts = sum_counts(values[short], counts[short])
        self._values, self._counts = values, counts
        self._index, self._pauses["index"] = None, 0

    def merge(self, other: Self) -> None:
        """Add the counts of the other."""
        self.is_whole &= other.is_whole
        if other._cells is not None:
            if self._cells is None:
                self._cells = CellCounts()
            self._cells.merge(other._cells)
        # counts are brought together later, those of many merged parts at once
        for unit, grid in other._grids.items():
            self._add_to_grid(unit, grid)
        for values, counts in (*other._loose, (other._values, other._counts)):
            self._append(values, counts)
        if self._loose_size >= max(_FEW, len(self._values)):
            self._gather()

    @classmethod
    def union(cls, parts: Iterable[SeenValues]) -> Self:
        """The counts of all parts together."""
        whole = cls()
        for part in parts:
            part._compact()
            whole.is_whole &= part.is_whole
            if part._cells is not None:
                whole._cells = CellCounts() if whole._cells is None else whole._cells
                whole._cells.merge(part._cells)
            whole._append(part._values, part._counts)
        whole._compact()
        return whole

    @property
    def is_empty(self) -> bool:
        """True if nothing was counted."""
        return self._cells is None and not self._loose_size and not self.total()

    def total(self) -> int:
        """The numbers that were counted, repeated ones each time."""
        return int(self.points()[1].sum())

    def points(self) -> tuple[Floats, Counts, Floats]:
        """(values, counts, means), by value: each value was seen; it stands for `count` numbers of this mean.

        A cell counts as the least of its values.
        """
        self._compact()
        if self._cells is None:
            return self._values, self._counts, self._values
        lows, counts, means = self._cells.points()
        # (single values + cells,) each
        values = np.concatenate([self._values, lows])
        order = np.argsort(values, kind="stable")
        counts, means = np.concatenate([self._counts, counts])[order], np.concatenate([self._values, means])[order]
        return values[order], counts, means

    def extremes(self) -> tuple[float, float]:
        """The least and the greatest value; at least one was seen."""
        self._compact()
        least, greatest = self._values[:1].tolist(), self._values[-1:].tolist()
        if self._cells is not None:
            least.append(self._cells.least)
            greatest.append(self._cells.greatest)
        return min(least), max(greatest)

    def dump(self) -> pa.Table:
        """The counts as a table; equal ones give equal tables."""
        self._compact()
        single = pa.table({"value": self._values, "count": self._counts})
        whole, cells = (b"1" if flag else b"0" for flag in (self.is_whole, self._cells is not None))
        flags = {b"whole": whole, b"cells": cells, b"single": str(len(single)).encode()}
        if self._cells is not None:
            flags |= {b"least": self._cells.least.hex().encode(), b"greatest": self._cells.greatest.hex().encode()}
            single = pa.concat_tables([single, self._cells.dump()]).combine_chunks()
        return single.replace_schema_metadata(flags)

    @classmethod
    def restore(cls, table: pa.Table, most: int = MOST_VALUES) -> Self:
        """The counts that `dump` wrote."""
        seen = cls(most)
        flags = table.schema.metadata
        single = int(flags[b"single"])
        seen.is_whole = flags[b"whole"] == b"1"
        if flags[b"cells"] == b"1":
            least, greatest = (float.fromhex(flags[name].decode()) for name in (b"least", b"greatest"))
            seen._cells = CellCounts.restore(table.slice(single), least, greatest)
        first = table.slice(0, single)
        seen._loose.append((first["value"].to_numpy(), first["count"].to_numpy()))
        seen._compact()
        return seen


def _distinct(values: Floats) -> tuple[Floats, Counts]:
    ordered = np.sort(values)
    runs = run_offsets(ordered)
    return ordered[runs[:-1]], np.diff(runs)


def sum_counts(values: Floats, counts: Counts) -> tuple[Floats, Counts]:
    """Distinct values in rising order with the sums of their counts."""
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    first = run_offsets(values)[:-1]
    return values[first], np.add.reduceat(counts, first) if len(first) else counts


def _hash(values: Floats, shift: int) -> NDArray[np.uint64]:
    """The leading bits of a mixed bit pattern; overflow is meant."""
    mixed = values.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed >>= np.uint64(shift)
    return mixed


class _ValueIndex:
    """The place of a value among known ones, by a hash of its bits; collisions go unfound, rarely frequent values."""

    def __init__(self, values: Floats, counts: Counts) -> None:
        bits = max(8, min(19, (4 * len(values)).bit_length()))
        self._shift = 64 - bits
        self._places = np.zeros(1 << bits, np.int32)
        order = np.argsort(counts, kind="stable")  # if values collide, the most frequent stays
        self._places[_hash(values[order], self._shift)] = order

    def find(self, values: Floats) -> NDArray[np.int32]:
        """(values,) the place that each value would have; whether it is there is for the caller to compare."""
        return self._places[_hash(values, self._shift)]


_LEAST, _GREATEST = -59, 70
"""Powers of two between which a number can be short."""

_GUESS = np.array([(Decimal(2) ** power).adjusted() for power in range(_LEAST, _GREATEST + 1)], np.int64)
_TENS = np.array([float(f"1e{power}") for power in range(-22, 23)])


def may_be_short(values: Floats) -> NDArray[np.bool_]:
    """(values,) True for all short ones, and for few others; in a third of the time of `is_short`."""
    magnitudes = np.abs(values)
    least, greatest = float(magnitudes.min(initial=1.0)), float(magnitudes.max(initial=1.0))
    unit = next((ten for ten in (1e4, 1e6, 1e8, 1e10) if least * ten >= 1e4), None)
    if unit is None or greatest * unit > 2.0**53:
        return np.ones(len(values), np.bool_)
    return np.asarray(np.rint(values * unit) / unit == values, np.bool_)


def is_short(values: Floats) -> NDArray[np.bool_]:
    """(values,) True for 0 and for numbers that at most five decimal digits write."""
    magnitudes = np.abs(values)
    power = (magnitudes.view(np.int64) >> 52) - 1023 - _LEAST
    # (values,) the decimal exponent of the power of two at or below each, which is right or one too low
    ten = _GUESS[np.clip(power, 0, len(_GUESS) - 1)]
    ten += magnitudes >= _TENS[ten + 23]
    up, down = _TENS[22 + np.maximum(_DIGITS - 1 - ten, 0)], _TENS[22 + np.maximum(ten - _DIGITS + 1, 0)]
    # (values,) five digits before the point; by powers of ten up to 10**22, which floats hold exactly
    near = np.rint(magnitudes * up / down)
    short = near / up * down == magnitudes
    short &= (power >= 0) & (power < len(_GUESS))
    short |= magnitudes == 0
    return np.asarray(short, np.bool_)
