"""The weight of each pair: counting all, and the change in a neighbourhood when one set changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.chains import Chains, pair_key
from domaintoolkit.composite.kernels.compilation import inner, leaf
from domaintoolkit.composite.kernels.merge_table import EMPTY, inside_key, link_key
from domaintoolkit.composite.kernels.pairs import FULL, Pairs, bump, make_pairs, outgrows, room_for, weight_of

__all__ = ["count_all", "count_link", "same_counts", "shift_inside", "shift_side"]


@leaf
def count_inside(chains: Chains, pairs: Pairs, share: NDArray[np.int64], k: int) -> None:
    """Add the pairs of set k: 2 / |A| each."""
    begin, size = chains.first[k], chains.size[k]
    for p in range(begin, begin + size):
        for q in range(p + 1, begin + size):
            bump(pairs, inside_key(chains.tokens[p], chains.tokens[q]), 2 * share[size, 1], k)


@leaf
def count_link(chains: Chains, pairs: Pairs, share: NDArray[np.int64], k: int, sign: int) -> None:
    """Add (sign 1) or take away (sign -1) the pairs between set k, its slot and the set that follows: 1 / (|A| |B|)."""
    j = chains.following[k]
    if j < 0:
        return
    # a place is only ever added to a pair's list; `merge_at` finds the ones that no longer hold
    place = k if sign > 0 else -1
    begin, size, begin_right, size_right = chains.first[k], chains.size[k], chains.first[j], chains.size[j]
    slot, tokens = chains.slot[k], chains.tokens
    if slot < 0:
        change = sign * share[size, size_right]
        for p in range(begin, begin + size):
            for q in range(begin_right, begin_right + size_right):
                bump(pairs, pair_key(chains, tokens[p], k, tokens[q], j), change, place)
        return
    for p in range(begin, begin + size):
        bump(pairs, link_key(tokens[p], slot, 0, chains.directed), sign * share[size, 1], place)
    for q in range(begin_right, begin_right + size_right):
        bump(pairs, link_key(slot, tokens[q], 0, chains.directed), sign * share[size_right, 1], place)


@inner
def count_all(chains: Chains, share: NDArray[np.int64], most: int) -> Pairs:
    """Every pair with its weight and places, counted from scratch.

    It stops at the set from which on they would take more than `most` bytes, and notes its number + 1 in the state.
    """
    pairs = make_pairs()
    for k in range(len(chains.size)):
        size, j = chains.size[k], chains.following[k]
        # an upper bound of the pairs that set k adds, each with one place
        more = size * size + (size + 1) * (0 if j < 0 else chains.size[j] + 1)
        if outgrows(pairs, more, most):
            pairs.state[FULL] = k + 1
            return pairs
        pairs = room_for(pairs, more, more)
        count_inside(chains, pairs, share, k)
        count_link(chains, pairs, share, k, 1)
    return pairs


@inner
def same_counts(pairs: Pairs, chains: Chains, share: NDArray[np.int64]) -> bool:
    """Return True if the tracked weights are those of a recount."""
    fresh = count_all(chains, share, np.iinfo(np.int64).max)
    # both ways round, since a pair may be missing on either side
    for table, other in ((fresh.table, pairs), (pairs.table, fresh)):
        for i in range(table.shape[0]):
            if table[i, 0] != EMPTY and table[i, 1] != weight_of(other, table[i, 0]):
                return False
    return True


@leaf
def shift_inside(
    chains: Chains, pairs: Pairs, share: NDArray[np.int64], k: int, old: int, gone: int, gone_too: int, new: int
) -> None:
    """Weigh the pairs of set k again: it had `old` tokens, lost `gone`, `gone_too`, gained `new`, last (-1: none)."""
    begin, now, tokens = chains.first[k], chains.size[k], chains.tokens
    # `put` adds at the end, so the tokens before `kept` were in the set already
    kept = begin + now - (1 if new >= 0 else 0)
    # a share depends on the size of the set alone: all kept pairs change by the same
    change = 2 * share[now, 1] - 2 * share[old, 1]
    for p in range(begin, kept):
        for q in range(p + 1, kept):
            bump(pairs, inside_key(tokens[p], tokens[q]), change, -1)
        if gone >= 0:
            bump(pairs, inside_key(tokens[p], gone), -2 * share[old, 1], -1)
        if gone_too >= 0:
            bump(pairs, inside_key(tokens[p], gone_too), -2 * share[old, 1], -1)
        if new >= 0:
            bump(pairs, inside_key(tokens[p], new), 2 * share[now, 1], k)
    if gone_too >= 0:
        bump(pairs, inside_key(gone, gone_too), -2 * share[old, 1], -1)


@leaf
def side_key(chains: Chains, k: int, own: int, other: int, neighbour: int, side: int) -> int:
    """The key of a token of set k and one next to it: of set `neighbour`, or of a slot (-1)."""
    if neighbour < 0:
        return link_key(own, other, 0, chains.directed) if side > 0 else link_key(other, own, 0, chains.directed)
    if side > 0:
        return pair_key(chains, own, k, other, neighbour)
    return pair_key(chains, other, neighbour, own, k)


@leaf
def shift_side(
    chains: Chains,
    pairs: Pairs,
    share: NDArray[np.int64],
    k: int,
    side: int,
    old: int,
    gone: int,
    gone_too: int,
    new: int,
) -> None:
    """As `shift_inside`, for the pairs of set k with its neighbour on the right (side 1) or left (side -1)."""
    link = k if side > 0 else chains.previous[k]
    neighbour = chains.following[k] if side > 0 else link
    if neighbour < 0:
        return
    begin, now, tokens, slot = chains.first[k], chains.size[k], chains.tokens, chains.slot[link]
    kept = begin + now - (1 if new >= 0 else 0)
    # a filled slot is like a set of one token between its neighbours
    others = 1 if slot >= 0 else chains.size[neighbour]
    before, after = share[old, others], share[now, others]
    for q in range(others):
        other = slot if slot >= 0 else tokens[chains.first[neighbour] + q]
        side_set = -1 if slot >= 0 else neighbour
        for p in range(begin, kept):
            bump(pairs, side_key(chains, k, tokens[p], other, side_set, side), after - before, -1)
        if gone >= 0:
            bump(pairs, side_key(chains, k, gone, other, side_set, side), -before, -1)
        if gone_too >= 0:
            bump(pairs, side_key(chains, k, gone_too, other, side_set, side), -before, -1)
        if new >= 0:
            bump(pairs, side_key(chains, k, new, other, side_set, side), after, link)
