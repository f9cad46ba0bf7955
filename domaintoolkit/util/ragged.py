"""Sequences held flat with offsets, in numpy or Arrow, and worked on without a Python loop over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["Ragged", "cut_ranges", "group_by_length", "offsets_of", "positions", "run_offsets", "split_groups"]

Ints = NDArray[np.integer[Any]]


def offsets_of(lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    """(sequences + 1,) where each sequence of these lengths begins, and where the last ends."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def run_offsets(*columns: NDArray[Any]) -> NDArray[np.int64]:
    """(runs + 1,) where each run of equal values begins, and where the last ends; of several columns, of equal rows."""
    first, *others = columns
    begins = np.ones(len(first) + 1, np.bool_)
    np.not_equal(first[1:], first[:-1], out=begins[1:-1])
    for column in others:
        begins[1:-1] |= column[1:] != column[:-1]
    return np.flatnonzero(begins)


def split_groups(groups: Ints) -> list[NDArray[np.int64]]:
    """The places of each number that occurs in `groups`, by rising number."""
    order = np.argsort(groups, kind="stable")
    return [order[low:high] for low, high in pairwise(run_offsets(groups[order]).tolist())]


def positions(starts: NDArray[np.integer[Any]], lengths: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """`starts[i], starts[i] + 1, ...` for `lengths[i]` steps, for every i, one after another."""
    offsets = offsets_of(lengths)
    # one rising count over all, moved within each sequence to where that begins
    return np.arange(offsets[-1], dtype=np.int64) + np.repeat(starts - offsets[:-1], lengths)


def cut_ranges(offsets: NDArray[np.integer[Any]], limit: int) -> list[tuple[int, int]]:
    """Sequences in ranges (first, end) of at most `limit` values together, or of one longer sequence with the empty
    ones before it; no sequences have no ranges."""
    ends, ranges, start = offsets[1:], list[tuple[int, int]](), 0
    while start < len(ends):
        low = int(offsets[start])
        # the end of the first sequence that is not empty: one that is too long goes alone
        one = int(np.searchsorted(ends, low, side="right")) + 1
        end = max(int(np.searchsorted(ends, low + limit, side="right")), min(one, len(ends)))
        ranges.append((start, end))
        start = end
    return ranges


def group_by_length(lengths: Ints, room: int) -> Iterator[NDArray[np.int64]]:
    """The numbers of sequences of similar length, as many together as `room` positions hold once they are padded.

    A longer sequence goes alone. The shortest come first.
    """
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        # the last one is the longest so far, and all are padded to its length
        while stop < len(order) and (stop + 1 - start) * int(lengths[order[stop]]) <= room:
            stop += 1
        yield order[start:stop]
        start = stop


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Sequence i is `values[offsets[i]:offsets[i + 1]]`; `values` are a numpy or an Arrow array."""

    values: Any
    offsets: NDArray[np.int64]

    @classmethod
    def of_column(cls, column: pa.ChunkedArray | pa.Array) -> Self:
        """The lists of an Arrow column."""
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        return cls(whole.values, whole.offsets.to_numpy().astype(np.int64) if len(whole) else np.zeros(1, np.int64))

    def to_column(self) -> pa.Array:
        """The Arrow column of lists, whose offsets have 32 bits."""
        values = self.values if isinstance(self.values, pa.Array) else pa.array(self.values)
        return pa.ListArray.from_arrays(pa.array(self.offsets.astype(np.int32)), values)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(sequences,) the length of each."""
        return np.diff(self.offsets)

    def take(self, rows: Ints) -> Self:
        """Some sequences, in that order; row -1 is an empty one."""
        if not len(self):
            return type(self)(self.values, np.zeros(len(rows) + 1, np.int64))
        # -1 reads the length of the last sequence, which does not count
        lengths = np.where(rows < 0, 0, self.lengths[rows])
        return self._take(self.offsets[:-1][rows], lengths)

    def slices(self, begins: Ints, ends: Ints) -> Self:
        """The values of each sequence i from `begins[i]` up to `ends[i]`."""
        return self._take(self.offsets[:-1] + begins, np.asarray(ends - begins, np.int64))

    def concat(self, other: Ragged) -> Self:
        """The values of each sequence i, then those of sequence i of another column; for Arrow arrays."""
        # (sequences, 2): where the two begin once all values are put one after another, and their lengths
        starts = np.stack([self.offsets[:-1], other.offsets[:-1] + len(self.values)], axis=1)
        lengths = np.stack([self.lengths, other.lengths], axis=1)
        values = pa.concat_arrays([self.values, other.values.cast(self.values.type)])
        places = positions(starts.ravel(), lengths.ravel())
        return type(self)(values.take(pa.array(places)), offsets_of(lengths.sum(axis=1)))

    def _take(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Self:
        places = positions(starts, lengths)
        arrow = isinstance(self.values, pa.Array)
        return type(self)(self.values.take(pa.array(places)) if arrow else self.values[places], offsets_of(lengths))
