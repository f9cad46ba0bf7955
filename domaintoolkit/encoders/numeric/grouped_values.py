"""The numbers that fitting saw of each thing that is measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders.numeric.seen_values import SeenValues
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.util.ragged import run_offsets

__all__ = ["MOST_GROUPS", "GroupedValues"]

MOST_GROUPS = 200_000
"""Things that numbers are counted of, for one field; each takes a few kilobytes."""

_MOST_VALUES = 1 << 14
"""So many distinct values of one thing are counted one by one; `SeenValues` thins more."""

_WAITING = 1 << 20
"""Numbers that are sorted at a time."""

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


class GroupedValues:
    """Counts of the numbers of each thing by its name; None holds those whose thing is missing. Exact to merge."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._numbers: dict[str | None, int] = {}
        """The number of each name, in the order in which names came."""
        self._seen: list[SeenValues] = []
        self._waiting: list[tuple[Codes, Floats]] = []
        self._size = 0

    def add(self, codes: NDArray[np.integer], names: Sequence[str | None], values: Floats) -> None:
        """Add finite numbers; `names[codes[row]]` is the thing that the number of a row measures."""
        if not len(values):
            return
        own = np.full(len(names), -1, np.int64)
        for code in np.unique(codes).tolist():
            own[code] = self._number_of(names[code])
        self._waiting.append((own[codes], values + 0.0))  # -0.0 becomes 0.0
        self._size += len(values)
        if self._size >= _WAITING:
            self._settle()

    def _number_of(self, name: str | None) -> int:
        number = self._numbers.setdefault(name, len(self._numbers))
        if number == len(self._seen):
            if number >= MOST_GROUPS:
                reason = f"more than {MOST_GROUPS:,} distinct values of the field in `by`; name another one"
                raise DataError([Refusal(None, self._field, reason)])
            self._seen.append(SeenValues(_MOST_VALUES))
        return number

    def _settle(self) -> None:
        if not self._waiting:
            return
        codes, values = (np.concatenate(column) for column in zip(*self._waiting, strict=True))
        self._waiting, self._size = [], 0
        order = np.lexsort((values, codes))
        codes, values = codes[order], values[order]
        runs = run_offsets(codes, values)
        # (distinct pairs,)
        codes, values, counts = codes[runs[:-1]], values[runs[:-1]], np.diff(runs)
        for low, high in pairwise(run_offsets(codes).tolist()):
            self._seen[codes[low]].add_counts(values[low:high], counts[low:high])

    def merge(self, other: Self) -> None:
        """Add the counts of the other."""
        own = np.array([self._number_of(name) for name in other._numbers], np.int64)
        for number, seen in zip(own.tolist(), other._seen, strict=True):
            if not seen.is_empty:
                self._seen[number].merge(seen)
        self._waiting += [(own[codes], values) for codes, values in other._waiting]
        self._size += other._size
        if self._size >= _WAITING:
            self._settle()

    def groups(self) -> dict[str, SeenValues]:
        """The counts of each thing that has a name, in the order of the names."""
        self._settle()
        return {name: self._seen[self._numbers[name]] for name in sorted(n for n in self._numbers if n is not None)}

    def union(self, left_out: Iterable[str] = ()) -> SeenValues:
        """The counts of all things together, without some."""
        self._settle()
        skipped = set(left_out)
        return SeenValues.union(self._seen[number] for name, number in self._numbers.items() if name not in skipped)

    def dump(self) -> pa.Table:
        """The counts as a table, one thing after another; equal ones give equal tables."""
        self._settle()
        parts, heads = [], []
        for name in sorted(self._numbers, key=lambda name: (name is not None, name or "")):
            table = self._seen[self._numbers[name]].dump()
            if len(table):
                flags = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
                heads.append([name, len(table), flags])
                parts.append(table.replace_schema_metadata(None))
        empty = pa.table({"value": pa.array([], pa.float64()), "count": pa.array([], pa.int64())})
        whole = pa.concat_tables([empty, *parts]).combine_chunks()
        return whole.replace_schema_metadata({b"groups": json.dumps(heads).encode()})

    @classmethod
    def restore(cls, field: str, table: pa.Table) -> Self:
        """The counts that `dump` wrote."""
        made, start = cls(field), 0
        for name, length, flags in json.loads(table.schema.metadata[b"groups"]):
            part = table.slice(start, length).replace_schema_metadata(flags)
            made._seen[made._number_of(name)] = SeenValues.restore(part, _MOST_VALUES)
            start += length
        return made
