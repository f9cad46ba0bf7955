"""The records of a piece of CSV one by one: the place, line and number of columns of each.

Only a piece with a refused row is split here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.reading.csv.delimiters import with_short_delimiters
from domaintoolkit.reading.csv.pieces import CR, LF, Dialect, Marks

__all__ = ["Records"]


class Records:
    """`starts` and `ends` (line break left out) of the records in `data`, and their `widths` in columns.

    A blank line is a record of one column if `keep_blank` is True; otherwise it is not a record.
    """

    def __init__(self, data: bytes, dialect: Dialect, keep_blank: bool) -> None:
        self.data = data
        self._array = np.frombuffer(data, np.uint8)
        self._marks = Marks(data, dialect)
        self._dialect = dialect
        self.starts, self.ends = self._spans()
        # with short delimiters, there are as many records, and blank ones are empty
        self._short = (
            self
            if dialect.long is None
            else Records(with_short_delimiters(data, dialect), replace(dialect, long=None), True)
        )
        self._there = np.ones(len(self.starts), bool) if keep_blank else self._short.starts < self._short.ends
        self.starts, self.ends = self.starts[self._there], self.ends[self._there]

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, record: int) -> bytes:
        """The text of a record."""
        return self.data[self.starts[record] : self.ends[record]]

    def line(self, record: int) -> int:
        """The line that a record begins in, from 0."""
        return int(np.searchsorted(self._breaks, self.starts[record]))

    @cached_property
    def widths(self) -> NDArray[np.int64]:
        """The number of columns of each record."""
        if self._short is not self:
            return self._short.widths[self._there]
        at = self._marks.outside(np.flatnonzero(self._array == self._dialect.delimiter))
        # (records,): the delimiters between start and end, and one
        widths: NDArray[np.int64] = np.searchsorted(at, self.ends) - np.searchsorted(at, self.starts) + 1
        return widths

    def concat(self, chosen: NDArray[np.bool_], width: int, delimiter: bytes) -> bytes:
        """The chosen records, each with a line break after it; those with fewer columns than `width` get empty ones."""
        numbers = np.flatnonzero(chosen)
        fewer = np.maximum(width - self.widths[numbers], 0)
        return b"".join(
            self.raw(number) + delimiter * count + b"\n"
            for number, count in zip(numbers.tolist(), fewer.tolist(), strict=True)
        )

    def _spans(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        at = self._marks.outside(np.flatnonzero((self._array == LF) | (self._array == CR)))
        second = _second(self._array, at)
        # (records,) a record ends at a CR, or at an LF that does not follow one
        ends = at[~second]
        # 1 if the break has two bytes, which the next record starts after
        follows = np.r_[second, False][1:][~second]
        starts = np.r_[0, ends + 1 + follows]
        if starts[-1] == len(self.data):
            return starts[:-1], ends
        return starts, np.r_[ends, len(self.data)]

    @cached_property
    def _breaks(self) -> NDArray[np.int64]:
        """The last byte of each line break, those inside quotes too; they number the lines."""
        at = np.flatnonzero((self._array == LF) | (self._array == CR))
        first_of_pair = np.r_[_second(self._array, at), False][1:]
        behind: NDArray[np.int64] = at[~first_of_pair]
        return behind


def _second(array: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True for those of the line break bytes at `at` that are the LF of a CR LF."""
    second = np.zeros(len(at), bool)
    if len(at):
        second[1:] = (array[at[1:]] == LF) & (array[at[:-1]] == CR) & (np.diff(at) == 1)
    return second
