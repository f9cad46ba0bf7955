"""Pair keys, and the hash table from a pair to its merge.

A key packs (left, right, relation) into 63 bits in the order of that tuple, so comparing keys compares pairs.
The relation of a directed pair across events is 1 if `right` begins in the event after the last of `left`,
and 0 if both share an event. Within one event, and in undirected models, the smaller id comes first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.compilation import entry, inner, leaf

__all__ = ["EMPTY", "NO_RULE", "fill_table", "find", "insert", "inside_key", "link_key", "make_table", "slot_of"]

EMPTY = -1
# as a rank it comes after every other, so `min` leaves it out
NO_RULE = 2**31 - 1
# 2^64 over the golden ratio, made odd (Knuth, The Art of Computer Programming, volume 3, section 6.4)
MIX = np.uint64(0x9E3779B97F4A7C15)


@leaf
def inside_key(a: int, b: int) -> int:
    """The key of two tokens of one set."""
    return (a << 32) | (b << 1) if a < b else (b << 32) | (a << 1)


@leaf
def link_key(left: int, right: int, relation: int, directed: bool) -> int:
    """The key of two tokens across events, in the order of their events."""
    if directed:
        return (left << 32) | (right << 1) | relation
    return inside_key(left, right)


@leaf
def slot_of(key: int, mask: int) -> Any:
    """The slot of `key` in a table of `mask + 1` slots, or the first slot to try."""
    # multiplicative hashing: the high bits of the product depend on all bits of the key
    return np.int64((np.uint64(key) * MIX) >> np.uint64(32)) & mask


@inner
def make_table(capacity: int) -> NDArray[np.int64]:
    """An empty table for up to `capacity` rules: rows (key, value), at most a quarter of them in use."""
    size = 16
    while size < 4 * capacity:
        size *= 2
    return np.full((size, 2), EMPTY, np.int64)


@leaf
def insert(table: NDArray[np.int64], key: int, value: int) -> None:
    """Set the value of `key`; a later value replaces an earlier one."""
    mask = table.shape[0] - 1
    i = slot_of(key, mask)
    # linear probing: three quarters of the table are free, so runs are short
    while table[i, 0] != EMPTY and table[i, 0] != key:
        i = (i + 1) & mask
    table[i, 0] = key
    table[i, 1] = value


@leaf
def find(table: NDArray[np.int64], key: int) -> Any:
    """The value of `key`, or `NO_RULE`."""
    mask = table.shape[0] - 1
    i = slot_of(key, mask)
    while table[i, 0] != key:
        if table[i, 0] == EMPTY:
            return NO_RULE
        i = (i + 1) & mask
    return table[i, 1]


@entry
def fill_table(merges: NDArray[np.int64]) -> NDArray[np.int64]:
    """The table of merges, rows (left, right, relation, id): the number of the row by key; a later row wins."""
    table = make_table(merges.shape[0])
    for i in range(merges.shape[0]):
        insert(table, (merges[i, 0] << 32) | (merges[i, 1] << 1) | merges[i, 2], i)
    return table
