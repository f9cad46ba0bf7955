"""Rows grouped by entity and ordered in time: contract 4's order, whatever the order of the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.util.ragged import offsets_of, positions, run_offsets
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.texts import is_text

__all__ = ["Grouping", "break_ties", "group_rows", "ranks_of"]

WHOLE = "^(0|-?[1-9][0-9]{0,17})$"
"""Whole numbers as they are usually written, such as fit into 64 bits."""

Ranks = NDArray[np.int64]
Value = TypeVar("Value", bound=np.generic)

_BLOCK = 1 << 15
"""Rows that are worked on at a time, so that intermediate arrays stay in the processor's cache."""

_GLANCE = 1 << 10
"""Rows that are checked first for being in order already."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """`order[k]` is the row that comes k-th (None: row k); entity e has the events `starts[e]:starts[e + 1]`."""

    order: NDArray[np.integer[Any]] | None
    starts: NDArray[np.int64]
    tied: NDArray[np.bool_] | None
    """(events,): True if event k has the entity and time of event k - 1; None if no two events have."""
    times: NDArray[np.int64] | None = None
    """(events,): the time of each event in this order, if sorting gave it."""

    def rows(self, values: NDArray[Value]) -> NDArray[Value]:
        """Values of rows, in this order."""
        return values if self.order is None else values.take(self.order)

    def reorder(self, entities: NDArray[np.integer[Any]]) -> Grouping:
        """The same with the entities in another order; ties have to be broken before."""
        counts = np.diff(self.starts)[entities]
        places = positions(self.starts[:-1][entities], counts)
        order = places if self.order is None else self.order.take(places)
        times = None if self.times is None else self.times.take(places)
        return Grouping(order, offsets_of(counts), None, times)

    @property
    def first(self) -> NDArray[np.integer[Any]]:
        """The row of each entity's first event."""
        return self.starts[:-1] if self.order is None else self.order[self.starts[:-1]]


def group_rows(entities: Sequence[pa.Array], times: NDArray[np.int64] | None, is_tied: bool = False) -> Grouping:
    """Rows by entity, in the order of the keys, then by time; ties, and rows without times, keep their order.

    With `is_tied`, rows without times are ties, as those of one time are.

    The sort key of a row is one 64-bit number: its entity above its time, both in as few bits as they need.
    """
    if times is None and is_tied:
        return replace(group_rows(entities, np.zeros(len(entities[0]), np.int64)), times=None)
    if times is not None and (as_is := _group_sorted(entities, times)) is not None:
        return as_is
    keys, width = _entity_keys(entities)
    count = len(keys)
    times, unit = (np.arange(count), 0) if times is None else _coarse(times)
    low, high = (int(times.min()), int(times.max())) if count else (0, 0)
    # too wide together: ranks take the place of the numbers, and have as few bits as there are distinct ones
    if width + (high - low).bit_length() > 64:
        keys, width = _dense(keys)
        times, unit = np.unique(times, return_inverse=True)[1], 0
        low, high = 0, int(times.max())
    bits = (high - low).bit_length()
    packed = keys  # (rows,) uint64: the entity, then `bits` bits of time; written block by block, in place
    for start in range(0, count, _BLOCK):
        block = packed[start : start + _BLOCK]
        block <<= np.uint64(bits)
        block |= (times[start : start + _BLOCK] - low).view(np.uint64)
    order = None
    if count and (packed[1:] < packed[:-1]).any():
        order, packed = _sort_keys(packed, width + bits)
    # from here on (events,) in sorted order
    tied = np.zeros(count, bool)
    np.equal(packed[1:], packed[:-1], out=tied[1:])
    instants = _instants(packed, bits, low, unit) if unit else None
    # the entity alone
    packed >>= np.uint64(bits)
    return Grouping(order, run_offsets(packed), tied if tied.any() else None, instants)


def _group_sorted(entities: Sequence[pa.Array], times: NDArray[np.int64]) -> Grouping | None:
    """The grouping of rows that are in order already, else None; the first rows of most tables show it."""
    keys = _comparable(entities)
    if keys is None or not len(times):
        return None
    first, tied = np.ones(len(keys), bool), np.zeros(len(keys), bool)
    # most tables that are not in order show it in the first rows
    start, block = 0, _GLANCE
    while start < len(keys) - 1:
        stop = min(start + block, len(keys) - 1)
        above, below = slice(start, stop), slice(start + 1, stop + 1)
        # (rows of the block,) compared with the row before
        later = keys[below] > keys[above]
        same = keys[below] == keys[above]
        if not (later | (same & (times[below] >= times[above]))).all():
            return None
        first[below] = later
        np.logical_and(same, times[below] == times[above], out=tied[below])
        start, block = stop, _BLOCK
    starts = np.append(np.flatnonzero(first), len(keys))
    return Grouping(None, starts, tied if tied.any() else None, times)


def _comparable(entities: Sequence[pa.Array]) -> NDArray[np.integer[Any]] | None:
    """Keys that are numbers; None for others, whose ranks have to be found first."""
    if len(entities) > 1 or not pa.types.is_integer(entities[0].type) or entities[0].null_count:
        return None
    keys: NDArray[np.integer[Any]] = np.asarray(entities[0])
    return keys


def _instants(packed: NDArray[np.uint64], bits: int, low: int, unit: int) -> NDArray[np.int64]:
    """The times in sorted keys. They are read in order here, but at random if they are taken from the rows."""
    instants = (packed & np.uint64((1 << bits) - 1)).view(np.int64)
    instants += low
    instants *= unit
    return instants


def _sort_keys(keys: NDArray[np.uint64], width: int) -> tuple[Ranks, NDArray[np.uint64]]:
    """(order, sorted keys) of keys of `width` bits.

    If the number of the row fits into the key's free bits, the numbers are sorted in place of an argsort: four
    times as fast.
    """
    bits = len(keys).bit_length()
    if width + bits > 64:
        order = np.argsort(keys)
        return order, keys[order]
    keys <<= np.uint64(bits)
    keys |= np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    rows = keys & np.uint64((1 << bits) - 1)
    keys >>= np.uint64(bits)
    return rows.view(np.int64), keys


def _coarse(times: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """(times, unit in µs): whole seconds or milliseconds if all times are, which leaves fewer bits to sort by."""
    for unit in (1_000_000, 1_000):
        # the first rows rule a unit out for most tables
        if not (times[:1000] % unit).any():
            coarse = np.empty_like(times)
            for start in range(0, len(times), _BLOCK):
                block = times[start : start + _BLOCK]
                if (np.floor_divide(block, unit, out=coarse[start : start + _BLOCK]) * unit != block).any():
                    break
            else:
                return coarse, unit
    return times, 1


def _entity_keys(entities: Sequence[pa.Array]) -> tuple[NDArray[np.uint64], int]:
    """(a number for each row's entity, in the order of the keys; the bits it takes)."""
    keys, width = _column_keys(entities[0])
    for column in entities[1:]:
        more, bits = _column_keys(column)
        if width + bits > 64:
            keys, width = _dense(keys)
            more, bits = _dense(more)
        # the key so far above the new column, so that the first column counts most
        keys = (keys << np.uint64(bits)) | more
        width += bits
    return keys, width


def _column_keys(column: pa.Array) -> tuple[NDArray[np.uint64], int]:
    if pa.types.is_integer(column.type) and len(column):
        values = np.asarray(column)
        low, high = int(values.min()), int(values.max())
        spread = values.astype(np.uint64)
        # modulo 2^64, in which negative numbers come out right too
        spread -= np.uint64(low % (1 << 64))
        return spread, (high - low).bit_length()
    ranks = ranks_of(column)
    return ranks.astype(np.uint64), int(ranks.max(initial=0)).bit_length()


def _dense(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], int]:
    ranks = np.unique(keys, return_inverse=True)[1]
    return ranks.astype(np.uint64), int(ranks.max(initial=0)).bit_length()


def ranks_of(column: pa.Array, by_number: bool = False) -> Ranks:
    """(rows,) the rank of each value among the column's distinct ones; null comes last.

    With `by_number`, texts that are whole numbers come first, in the order of the numbers: 9 before 10.
    """
    codes, distinct = codes_of(column)
    if is_text(distinct.type):
        distinct = distinct.cast(pa.large_binary())
    # a dictionary may hold a value twice, and equal values need equal ranks
    unique = distinct.dictionary_encode(null_encoding="encode")
    if by_number and is_text(column.type.value_type if pa.types.is_dictionary(column.type) else column.type):
        texts = unique.dictionary.cast(pa.large_string())
        is_whole = pc.match_substring_regex(texts, WHOLE)
        numbers = pc.if_else(is_whole, texts, pa.scalar(None, texts.type)).cast(pa.int64())
        keys = pa.table({"number": numbers, "text": unique.dictionary})
        # texts that are not whole numbers have null, which comes last
        order = np.asarray(pc.sort_indices(keys, [("number", "ascending"), ("text", "ascending")]))
    else:
        order = np.asarray(pc.sort_indices(unique.dictionary))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    table: Ranks = ranks[np.asarray(unique.indices)]
    return table[codes]


def break_ties(grouping: Grouping, keys: Callable[[NDArray[np.int64]], Sequence[Ranks]]) -> Grouping:
    """Order events of one entity and time by `keys`, which gives numbers for rows, the most important first."""
    if grouping.tied is None:
        return grouping
    # (events,): also the first of each run of ties; then (tied events,)
    tied = grouping.tied.copy()
    tied[:-1] |= grouping.tied[1:]
    places = np.flatnonzero(tied)
    order: NDArray[Any] = np.arange(len(tied)) if grouping.order is None else grouping.order.copy()
    rows = order[places]
    # (tied events,) the number of each run; `lexsort` sorts by its last key first
    runs = np.cumsum(~grouping.tied[places])
    sorted_rows = np.lexsort([*reversed(keys(rows)), runs])
    order[places] = rows[sorted_rows]
    return Grouping(order, grouping.starts, grouping.tied, grouping.times)
