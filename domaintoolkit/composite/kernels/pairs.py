"""Exact weights of pairs, the places of each, and the heaviest pair.

A pair is a key (see `merge_table`). Its weight is an integer, kept exact by the callers of `bump`. The places of a
pair are an append-only linked list: some may no longer hold it. Only pairs of at least `threshold` are in the
heap; when it runs dry the threshold is lowered and the table scanned, which happens a few dozen times a run.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.compilation import inner, leaf
from domaintoolkit.composite.kernels.merge_table import EMPTY, slot_of

__all__ = [
    "FULL",
    "Heap",
    "Pairs",
    "bump",
    "make_heap",
    "make_pairs",
    "outgrows",
    "places_of",
    "pop",
    "push",
    "room_for",
    "weight_of",
]

# positions in `Pairs.state`
USED, NODES, THRESHOLD, STAMP, DIRTY, FULL = 0, 1, 2, 3, 4, 5
# slots and nodes of an empty table; a power of two, as a key is masked to its slot
INITIAL = 1 << 14


class Pairs(NamedTuple):
    """A hash table of S slots, at most 5 in 8 of them in use, and a pool of list nodes."""

    table: NDArray[np.int64]
    """(S, 2) key and weight."""
    head: NDArray[np.int32]
    """(S,) the first list node of the pair's places, or -1."""
    stamp: NDArray[np.int32]
    """(S,) the last merge that noted the pair as grown."""
    place: NDArray[np.int32]  # (pool,) the set of each node
    following: NDArray[np.int32]  # (pool,) the next node, or -1
    dirty: NDArray[np.int64]
    """Keys of the pairs that have grown past the threshold in this merge."""
    state: NDArray[np.int64]
    """Slots in use, nodes in use, threshold, number of this merge, length of `dirty`, and where counting stopped."""


class Heap(NamedTuple):
    """A binary heap, heaviest first and the smaller key among equals. Entries may be out of date."""

    weight: NDArray[np.int64]  # (capacity,) as `key`; entry 0 is the length of the heap
    key: NDArray[np.int64]


@inner
def make_pairs() -> Pairs:
    """An empty table."""
    state = np.zeros(6, np.int64)
    # no pair is noted before there is a heap
    state[THRESHOLD] = np.iinfo(np.int64).max
    return Pairs(
        # in the order of the fields: slots of the table, then nodes of the lists, then the pairs that have grown
        np.full((INITIAL, 2), EMPTY, np.int64),
        np.full(INITIAL, -1, np.int32),
        np.full(INITIAL, -1, np.int32),
        np.empty(INITIAL, np.int32),
        np.empty(INITIAL, np.int32),
        np.empty(INITIAL, np.int64),
        state,
    )


@leaf
def locate(pairs: Pairs, key: int) -> Any:
    """The slot of `key`, or the empty slot where it would go."""
    table = pairs.table
    mask = table.shape[0] - 1
    i = slot_of(key, mask)
    # linear probing: the table is never full
    while table[i, 0] != key and table[i, 0] != EMPTY:
        i = (i + 1) & mask
    return i


@leaf
def weight_of(pairs: Pairs, key: int) -> Any:
    """The tracked weight of a pair."""
    i = locate(pairs, key)
    return pairs.table[i, 1] if pairs.table[i, 0] == key else 0


@leaf
def bump(pairs: Pairs, key: int, change: int, place: int) -> None:
    """Change the weight of a pair; with a place (not -1), note that the pair is there now."""
    table, state = pairs.table, pairs.state
    i = locate(pairs, key)
    if table[i, 0] == EMPTY:
        table[i, 0] = key
        table[i, 1] = 0
        state[USED] += 1
    table[i, 1] += change
    if place >= 0:
        # a new node at the front of the pair's list
        node = state[NODES]
        pairs.place[node] = place
        pairs.following[node] = pairs.head[i]
        pairs.head[i] = node
        state[NODES] += 1
    # a pair is noted once a merge, however often it grows; `pop` reads the weight that it has then
    if change > 0 and table[i, 1] >= state[THRESHOLD] and pairs.stamp[i] != state[STAMP]:
        pairs.stamp[i] = state[STAMP]
        pairs.dirty[state[DIRTY]] = key
        state[DIRTY] += 1


@leaf
def outgrows(pairs: Pairs, more: int, most: int) -> bool:
    """Return True if room for so many new (pair, place)s takes over `most` bytes while old arrays are copied."""
    state, table, pool = pairs.state, pairs.table.shape[0], len(pairs.place)
    size, grown = 0, 0
    if 8 * (state[USED] + more) > 5 * table:
        size = table
        while 5 * size < 10 * (state[USED] + more):
            size *= 2
    if state[NODES] + more > pool:
        grown = state[NODES] + state[NODES] // 2 + more + INITIAL
    # the bytes of a slot (key, weight, head, stamp), and of a node (place, following)
    return 24 * (table + size) + 8 * (pool + grown) > most and size + grown > 0


@inner
def room_for(pairs: Pairs, pairs_more: int, grown_more: int) -> Pairs:
    """The same pairs with room for so many new (pair, place)s and grown pairs."""
    state = pairs.state
    if state[DIRTY] + grown_more > len(pairs.dirty):
        dirty = np.empty(2 * (state[DIRTY] + grown_more), np.int64)
        dirty[: state[DIRTY]] = pairs.dirty[: state[DIRTY]]
        pairs = Pairs(pairs.table, pairs.head, pairs.stamp, pairs.place, pairs.following, dirty, state)
    if 8 * (state[USED] + pairs_more) > 5 * pairs.table.shape[0]:
        pairs = rehash(pairs, pairs_more)
    if state[NODES] + pairs_more > len(pairs.place):
        pairs = relist(pairs, pairs_more)
    return pairs


@inner
def rehash(pairs: Pairs, more: int) -> Pairs:
    """The living pairs in a table of fitting size; pairs of weight 0 are dropped with their stale places."""
    state, old = pairs.state, pairs.table
    living = 0
    for i in range(old.shape[0]):
        living += old[i, 0] != EMPTY and old[i, 1] > 0
    # at most half full, so that the next rehash is far off
    size = INITIAL
    while 5 * size < 10 * (living + more):
        size *= 2
    fresh = Pairs(
        np.full((size, 2), EMPTY, np.int64),
        np.full(size, -1, np.int32),
        np.full(size, -1, np.int32),
        pairs.place,
        pairs.following,
        pairs.dirty,
        state,
    )
    for i in range(old.shape[0]):
        if old[i, 0] != EMPTY and old[i, 1] > 0:
            # the list of a pair stays as it is: only its head moves
            j = locate(fresh, old[i, 0])
            fresh.table[j, 0], fresh.table[j, 1] = old[i, 0], old[i, 1]
            fresh.head[j], fresh.stamp[j] = pairs.head[i], pairs.stamp[i]
    state[USED] = living
    return fresh


@inner
def relist(pairs: Pairs, more: int) -> Pairs:
    """The lists of the living pairs in a larger pool, each in one piece and in its order."""
    table, head, following = pairs.table, pairs.head, pairs.following
    living = 0
    for i in range(table.shape[0]):
        if table[i, 1] > 0:
            node = head[i]
            while node >= 0:
                living += 1
                node = following[node]
    size = living + living // 2 + more + INITIAL
    place, links = np.empty(size, np.int32), np.empty(size, np.int32)
    at = 0
    for i in range(table.shape[0]):
        node = head[i] if table[i, 1] > 0 else -1
        head[i] = at if node >= 0 else -1
        while node >= 0:
            place[at] = pairs.place[node]
            node = following[node]
            links[at] = at + 1 if node >= 0 else -1
            at += 1
    pairs.state[NODES] = at
    return Pairs(table, head, pairs.stamp, place, links, pairs.dirty, pairs.state)


@inner
def places_of(pairs: Pairs, key: int) -> NDArray[np.int64]:
    """The places noted for a pair, rising, each once; its list is emptied."""
    i = locate(pairs, key)
    count, node = 0, pairs.head[i]
    while node >= 0:
        count += 1
        node = pairs.following[node]
    places = np.empty(count, np.int64)
    node = pairs.head[i]
    # the list has the newest place first: filled from the end, places mostly rise and need no sort
    for q in range(count - 1, -1, -1):
        places[q] = pairs.place[node]
        node = pairs.following[node]
    pairs.head[i] = -1
    for q in range(1, count):
        if places[q] < places[q - 1]:
            places.sort()
            break
    kept = 0
    for q in range(count):
        if q == 0 or places[q] != places[q - 1]:
            places[kept] = places[q]
            kept += 1
    return places[:kept]


@inner
def make_heap() -> Heap:
    """An empty heap. Entry 0 of `weight` holds its length."""
    return Heap(np.zeros(1024, np.int64), np.zeros(1024, np.int64))


@leaf
def before(heap: Heap, i: int, j: int) -> Any:
    return heap.weight[i] > heap.weight[j] or (heap.weight[i] == heap.weight[j] and heap.key[i] < heap.key[j])


@leaf
def swap(heap: Heap, i: int, j: int) -> None:
    heap.weight[i], heap.weight[j] = heap.weight[j], heap.weight[i]
    heap.key[i], heap.key[j] = heap.key[j], heap.key[i]


@inner
def push(heap: Heap, weight: int, key: int) -> Heap:
    """The heap with one entry more; entries live at 1 .. length."""
    length = heap.weight[0] + 1
    if length == len(heap.weight):
        bigger = Heap(np.zeros(2 * length, np.int64), np.zeros(2 * length, np.int64))
        bigger.weight[:length], bigger.key[:length] = heap.weight, heap.key
        heap = bigger
    heap.weight[0] = length
    heap.weight[length], heap.key[length] = weight, key
    i = length
    # entries count from 1, so the parent of i is i // 2
    while i > 1 and before(heap, i, i // 2):
        swap(heap, i, i // 2)
        i //= 2
    return heap


@leaf
def drop_top(heap: Heap) -> None:
    length = heap.weight[0]
    heap.weight[1], heap.key[1] = heap.weight[length], heap.key[length]
    heap.weight[0] = length - 1
    i = 1
    while True:
        best = i
        for child in (2 * i, 2 * i + 1):
            if child < length and before(heap, child, best):
                best = child
        if best == i:
            return
        swap(heap, i, best)
        i = best


@inner
def refill(pairs: Pairs, heap: Heap, least: int) -> Heap:
    """Lower the threshold to half of the heaviest pair (not below `least`) and push every pair above it."""
    table = pairs.table
    heaviest = 0
    for i in range(table.shape[0]):
        heaviest = max(heaviest, table[i, 1])
    # pairs below half of the heaviest one wait: most of them never come up
    threshold = max(least, heaviest // 2, 1)
    pairs.state[THRESHOLD] = threshold
    for i in range(table.shape[0]):
        if table[i, 1] >= threshold:
            heap = push(heap, table[i, 1], table[i, 0])
    return heap


@inner
def pop(pairs: Pairs, heap: Heap, least: int) -> tuple[Heap, int]:
    """The heaviest pair of at least `least`, or EMPTY."""
    # pairs that the last merge made heavier enter the heap with their new weight
    for q in range(pairs.state[DIRTY]):
        key = pairs.dirty[q]
        weight = weight_of(pairs, key)
        if weight >= pairs.state[THRESHOLD]:
            heap = push(heap, weight, key)
    pairs.state[DIRTY] = 0
    pairs.state[STAMP] += 1  # the next merge begins
    refilled = False
    while True:
        while heap.weight[0] > 0:
            key, noted = heap.key[1], heap.weight[1]
            weight = weight_of(pairs, key)
            drop_top(heap)
            # an entry is out of date if the weight has changed since; a lighter pair enters again, lower down
            if weight == noted:
                return heap, key
            # a heavier one has an entry of its own, from `dirty`
            if pairs.state[THRESHOLD] <= weight < noted:
                heap = push(heap, weight, key)
        if refilled:
            return heap, EMPTY
        heap = refill(pairs, heap, least)
        refilled = True
