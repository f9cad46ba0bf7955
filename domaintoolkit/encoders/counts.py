"""Exact counts of the distinct values of a field, that merge."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.encoders.base import State
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.util.ragged import run_offsets
from domaintoolkit.values.columns import codes_of, count_values

__all__ = ["MAX_DISTINCT", "CountState"]

MAX_DISTINCT = 50_000_000
"""Distinct values that are counted in memory for one field. A sketch beyond it would make ids depend on the order."""

_COMPACT = 1_000_000
_MOST_RANGE, _ROW_RANGE = 1 << 19, 4
"""The widest range of integers that are counted in an array: so many at most, and so many for each that is added."""
_TENS = np.array([10**power for power in range(20)], np.uint64)


class CountState(State):
    """The exact count of each distinct value, null left out. Integers are counted as such, and written at the end."""

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self._tables: list[pa.Table] = []
        self._loose = 0
        self._integers = IntegerCounts()

    def update(self, values: pa.Array) -> None:
        if pa.types.is_int64(values.type):
            self._integers.add(values)
        else:
            codes, distinct = codes_of(values)
            self._add(count_values(codes, distinct.cast(pa.large_string())))

    def merge(self, other: Self) -> None:
        for table in other._tables:
            self._add(table)
        self._integers.merge(other._integers)

    def _add(self, table: pa.Table) -> None:
        self._tables.append(table)
        self._loose += len(table)
        if self._loose > _COMPACT:
            kept = self._sum(self._tables)
            # below zero: the more is kept, the more has to come before everything is gone through again
            self._tables, self._loose = [kept], -len(kept)

    def counts(self) -> pa.Table:
        """Columns `value` (large_string) and `count` (int64), sorted by value; counts above 0, no null."""
        integers = self._integers.table()
        if any(map(len, self._tables)):
            return self._sum([*self._tables, integers])
        return self._check_size(integers)

    def _sum(self, tables: list[pa.Table]) -> pa.Table:
        tables = [table for table in tables if len(table)] or tables[:1]
        table = pa.concat_tables(tables)
        # one table has each value once, unless different values have become equal as text
        if len(tables) > 1 or not _distinct(table):
            table = table.group_by("value").aggregate([("count", "sum")]).rename_columns(["value", "count"])
        table = table.filter(pc.and_(pc.is_valid(table["value"]), pc.greater(table["count"], 0)))
        return self._check_size(table).sort_by("value").combine_chunks()

    def _check_size(self, table: pa.Table) -> pa.Table:
        if len(table) > MAX_DISTINCT:
            reason = f"more than {MAX_DISTINCT:,} distinct values; hash or bucket this field instead"
            raise DataError([Refusal(None, self.spec.name, reason)])
        return table

    def dump(self) -> pa.Table:
        """`counts`; if all values are integers, they stay numbers, which takes a tenth of the time."""
        # tables of nulls alone hold no text, so that equal counts give equal tables
        texts = any(map(len, self._tables)) and len(self._sum(self._tables)) > 0
        return self.counts() if texts else self._check_size(self._integers.dump())

    @classmethod
    def restore(cls, spec: Any, table: pa.Table) -> Self:
        state = cls(spec)
        if pa.types.is_int64(table["value"].type):
            state._integers.restore(table)
        else:
            state._add(table)
        return state


class IntegerCounts:
    """Counts of each integer: sorting numbers takes a tenth of the time of grouping their texts.

    Integers in a narrow range are counted in an array, in a third of the time of sorting them.
    """

    def __init__(self) -> None:
        self._values: list[NDArray[np.int64]] = []
        self._counts: list[NDArray[np.int64]] = []
        self._loose = 0
        self._low, self._range = 0, np.empty(0, np.int64)
        """The least integer of the range, and the count of each integer in it."""

    def add(self, values: pa.Array) -> None:
        """Count `values` (int64) in; null is passed over. Sorting them takes a third of the time of hashing them."""
        numbers = values.drop_null().to_numpy()
        if not len(numbers):
            return
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < min(_MOST_RANGE, _ROW_RANGE * len(numbers)) and self._widen(low, high + 1):
            counts = np.bincount(numbers - low, minlength=high + 1 - low)
            self._range[low - self._low : high + 1 - self._low] += counts
            return
        # the first of each run of equal values, and the length of the run
        ordered = np.sort(numbers)
        runs = run_offsets(ordered)
        self._append(ordered[runs[:-1]], np.diff(runs))

    def _widen(self, low: int, end: int) -> bool:
        """Let the range hold the integers from `low` up to `end`; return False if it would be too wide."""
        if len(self._range):
            low, end = min(low, self._low), max(end, self._low + len(self._range))
        if end - low > _MOST_RANGE:
            return False
        if end - low > len(self._range):
            wider = np.zeros(end - low, np.int64)
            wider[self._low - low :][: len(self._range)] = self._range
            self._low, self._range = low, wider
        return True

    def merge(self, other: IntegerCounts) -> None:
        """Add the counts of the other."""
        for values, counts in zip(other._values, other._counts, strict=True):
            self._append(values, counts)
        low, end = other._low, other._low + len(other._range)
        if len(other._range) and self._widen(low, end):
            self._range[low - self._low : end - self._low] += other._range
        elif len(other._range):
            self._append(*other._in_range())

    def _in_range(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The integers of the range that were counted, and their counts."""
        used = np.flatnonzero(self._range)
        return used + self._low, self._range[used]

    def _append(self, values: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        self._values.append(values)
        self._counts.append(counts)
        self._loose += len(values)
        if self._loose > _COMPACT:
            self._compact()
            self._loose = -len(self._values[0])

    def _compact(self) -> None:
        values, counts = np.concatenate(self._values), np.concatenate(self._counts)
        order = np.argsort(values, kind="stable")  # runs that are sorted already are merged, in half the time
        values, counts = values[order], counts[order]
        first = run_offsets(values)[:-1]
        self._values, self._counts = [values[first]], [np.add.reduceat(counts, first) if len(first) else counts]

    def table(self) -> pa.Table:
        """Columns `value` (large_string) and `count` (int64), sorted by value; counts above 0."""
        values, counts = self._counts_in_order()
        order = _order_of_texts(values)
        texts = pa.array(values[order]).cast(pa.large_string())
        return pa.table({"value": texts, "count": pa.array(counts[order], pa.int64())})

    def dump(self) -> pa.Table:
        """Columns `value` and `count` (int64), sorted by value; counts above 0."""
        values, counts = self._counts_in_order()
        return pa.table({"value": pa.array(values, pa.int64()), "count": pa.array(counts, pa.int64())})

    def restore(self, table: pa.Table) -> None:
        """Add the counts that `dump` gave."""
        self._append(*(table[name].combine_chunks().to_numpy() for name in ("value", "count")))

    def _counts_in_order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if len(self._range):
            self._append(*self._in_range())
            self._low, self._range = 0, np.empty(0, np.int64)
        if not self._values:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        if len(self._values) > 1:
            self._compact()
        values, counts = self._values[0], self._counts[0]
        return (values, counts) if counts.all() else (values[counts > 0], counts[counts > 0])


def _order_of_texts(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order of different, rising integers by their decimal texts, found without sorting texts.

    Filled up with zeros to the same number of digits, numbers are in the order of their texts; 1 and 10, which
    become equal, stand in that order already. Negative ones come first, since their texts begin with a sign.
    """
    negative = int(np.searchsorted(values, 0))
    sides = np.arange(negative)[::-1], np.arange(negative, len(values))
    return np.concatenate([side[np.argsort(_pad_digits(values[side]), kind="stable")] for side in sides])


def _pad_digits(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Magnitudes filled up with zeros on the right, so that each has 19 digits."""
    magnitudes = values.view(np.uint64)
    # of the bits of a negative number the two's complement, which holds 2**63 too
    magnitudes = np.where(values < 0, np.negative(magnitudes), magnitudes)
    return magnitudes * _TENS[18 - np.searchsorted(_TENS[1:], magnitudes, side="right")]


def _distinct(table: pa.Table) -> bool:
    return len(table) == 0 or pc.count_distinct(table["value"], mode="all").as_py() == len(table)
