"""Exact counts of the distinct values of a field, that merge."""

from __future__ import annotations

from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.encoders._base import State
from domaintoolkit.encoders._columns import codes_of, counted
from domaintoolkit.errors import DataError, Refusal

__all__ = ["MAX_DISTINCT", "CountState"]

MAX_DISTINCT = 50_000_000
"""Distinct values that are counted in memory for one field. A sketch beyond it would make ids depend on the order."""

_COMPACT = 1_000_000


class CountState(State):
    """The exact count of each distinct value, null left out."""

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self._tables: list[pa.Table] = []
        self._loose = 0

    def update(self, values: pa.Array) -> None:
        codes, distinct = codes_of(values)
        self._add(counted(codes, distinct.cast(pa.large_string())))

    def merge(self, other: Self) -> None:
        for table in other._tables:
            self._add(table)

    def _add(self, table: pa.Table) -> None:
        self._tables.append(table)
        self._loose += len(table)
        if self._loose > _COMPACT:
            kept = self.counts()
            self._tables, self._loose = [kept], -len(kept)

    def counts(self) -> pa.Table:
        """Columns `value` (large_string) and `count` (int64), sorted by value; counts above 0, no null."""
        if not self._tables:
            return pa.table({"value": pa.array([], pa.large_string()), "count": pa.array([], pa.int64())})
        table = pa.concat_tables(self._tables)
        if len(self._tables) > 1 or not _distinct(table):
            table = table.group_by("value").aggregate([("count", "sum")]).rename_columns(["value", "count"])
        table = table.filter(pc.and_(pc.is_valid(table["value"]), pc.greater(table["count"], 0)))
        if len(table) > MAX_DISTINCT:
            reason = f"more than {MAX_DISTINCT:,} distinct values; hash or bucket this field instead"
            raise DataError([Refusal(None, self.spec.name, reason)])
        return table.sort_by("value").combine_chunks()

    def dump(self) -> pa.Table:
        return self.counts()

    @classmethod
    def restore(cls, spec: Any, table: pa.Table) -> Self:
        state = cls(spec)
        state._add(table)
        return state


def _distinct(table: pa.Table) -> bool:
    return len(table) == 0 or pc.count_distinct(table["value"], mode="all").as_py() == len(table)
