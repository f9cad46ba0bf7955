"""The values of a categorical field that have tokens: one level, or several if values are paths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.schema import Categorical

__all__ = ["MAX_DEPTH", "Levels", "pieces_of"]

MAX_DEPTH = 8
"""Most levels of a path that have tokens; deeper ones stay together in the last, with their separators."""


def pieces_of(
    values: pa.Array, separator: str | None, depth: int
) -> tuple[pa.Array, NDArray[np.int64], NDArray[np.int32]]:
    """(pieces, offsets of the values into them, level of each): a value in at most `depth` pieces; null is one."""
    if separator is None or depth == 1:
        return values, np.arange(len(values) + 1), np.zeros(len(values), np.int32)
    # a list of pieces for each value; a null has one piece, which is set to null below
    split = pc.split_pattern(pc.fill_null(values, ""), separator, max_splits=depth - 1)
    firsts = np.asarray(split.offsets).astype(np.int64)
    pieces = split.values
    # (pieces,) the place of each within its value
    levels = (np.arange(len(pieces)) - np.repeat(firsts[:-1], np.diff(firsts))).astype(np.int32)
    if values.null_count:
        missing = np.zeros(len(pieces), bool)
        missing[firsts[:-1][np.asarray(values.is_null())]] = True
        pieces = pc.if_else(pa.array(missing), pa.scalar(None, pieces.type), pieces)
    return pieces, firsts, levels


@dataclass(frozen=True)
class Levels:
    """The (level, value) of each token, in the order of their slots; `depth` levels in all."""

    depth: int
    values: tuple[tuple[int, str], ...]

    @classmethod
    def fit(cls, spec: Categorical, counts: pa.Table) -> Levels:
        """The values that a declaration asks for, out of exact counts (columns `value`, `count`)."""
        if spec.values is not None:
            counts = pa.table(
                {"value": pa.array(spec.values, pa.large_string()), "count": [spec.min_count] * len(spec.values)}
            )
        depth = _depth(spec, counts)
        chosen = _levels(spec, counts, depth)
        if spec.values is not None and depth == 1:
            return cls(1, tuple((0, value) for value in spec.values))
        return cls(
            depth, tuple((level, value) for level, values in enumerate(chosen) for value in values[: spec.max_size])
        )

    def extend(self, spec: Categorical, counts: pa.Table) -> Levels:
        """These, and after them the values of new counts, as far as `max_size` leaves room on a level."""
        if spec.values is not None:
            return self
        added: list[tuple[int, str]] = []
        for level, values in enumerate(_levels(spec, counts, self.depth)):
            known = set(self.values_of(level).to_pylist())
            fresh = [value for value in values if value not in known]
            added += [(level, value) for value in fresh[: max(0, spec.max_size - len(known))]]
        return Levels(self.depth, self.values + tuple(added))

    def values_of(self, level: int) -> pa.Array:
        """The values of one level, in the order of their slots."""
        return self._tables[level][0]

    @cached_property
    def _tables(self) -> list[tuple[pa.Array, NDArray[np.int32]]]:
        # the last number of each table is -1: a value that is not found has the place -1
        numbers: list[list[int]] = [[] for _ in range(self.depth)]
        for number, (level, _) in enumerate(self.values):
            numbers[level].append(number)
        return [
            (pa.array([self.values[k][1] for k in chosen], pa.large_string()), np.array([*chosen, -1], np.int32))
            for chosen in numbers
        ]

    def find(self, pieces: pa.Array, levels: NDArray[np.int32]) -> NDArray[np.int32]:
        """For each piece, the number of its (level, value) in `values`; -1 if it has none."""
        found = np.full(len(pieces), -1, np.int32)
        for level, (known, numbers) in enumerate(self._tables):
            here = levels == level
            chosen = pieces if self.depth == 1 else pieces.filter(pa.array(here))
            places = pc.index_in(chosen.cast(pa.large_string()), value_set=known)
            found[here] = numbers[np.asarray(pc.fill_null(places, -1))]
        return found


def _depth(spec: Categorical, counts: pa.Table) -> int:
    if spec.separator is None or not len(counts):
        return 1
    deepest = pc.max(pc.count_substring(counts["value"], spec.separator)).as_py() + 1
    return int(min(deepest, MAX_DEPTH))


def _levels(spec: Categorical, counts: pa.Table, depth: int) -> list[list[str]]:
    """The values of each level that occur often enough, the most frequent first, ties by value."""
    if depth == 1:
        tables = [counts]
    else:
        pieces, firsts, levels = pieces_of(counts["value"].combine_chunks(), spec.separator, depth)
        # (pieces,) a piece counts as often as its value
        times = np.repeat(np.asarray(counts["count"]), np.diff(firsts))
        whole = pa.table({"value": pieces, "count": times, "level": levels})
        grouped = whole.group_by(["value", "level"]).aggregate([("count", "sum")])
        grouped = grouped.rename_columns(["value", "level", "count"])
        tables = [grouped.filter(pc.equal(grouped["level"], level)) for level in range(depth)]
    chosen = []
    for table in tables:
        table = table.filter(pc.greater_equal(table["count"], _least(spec, table["count"])))
        order = pc.sort_indices(table, sort_keys=[("count", "descending"), ("value", "ascending")])
        chosen.append(table["value"].take(order[: spec.max_size] if spec.values is None else order).to_pylist())
    return chosen


def _least(spec: Categorical, counts: pa.ChunkedArray) -> int:
    """The count below which values are not chosen: it spares sorting the many that are rare."""
    if spec.values is not None or len(counts) <= spec.max_size:
        return spec.min_count
    return max(spec.min_count, int(np.partition(np.asarray(counts), -spec.max_size)[-spec.max_size]))
