"""Histories while they are merged: sets, the slots between neighbouring sets, and the links that join them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.compilation import inner, leaf
from domaintoolkit.composite.kernels.merge_table import link_key

__all__ = ["Chains", "link_match", "make_chains", "pair_key", "position", "put", "take", "take_over"]


class Chains(NamedTuple):
    """n sets in the order of their events. A set that was emptied and removed has no links.

    Every token in set k ends in event k; the slot of k holds a token that begins in or before event k and ends in
    event following[k].
    """

    # (tokens in sets,) set k is tokens[first[k] : first[k] + size[k]], and never holds more tokens than at first
    tokens: NDArray[np.int64]
    first: NDArray[np.int64]  # (n + 1,)
    size: NDArray[np.int64]  # (n,)
    slot: NDArray[np.int64]
    """(n,) the token between set k and the one that follows, or -1."""
    # (n,) each: the sets that k is linked to, or -1; joined sets are neighbours until one between them is removed
    following: NDArray[np.int64]
    previous: NDArray[np.int64]
    pinned: NDArray[np.bool_]
    """(n,) True if the event has parts outside its set: then no composite may reach across it."""
    span: NDArray[np.int64]
    """(V,) the number of events that each token covers."""
    directed: bool


@inner
def make_chains(
    tokens: NDArray[np.int64],
    first: NDArray[np.int64],
    outside: NDArray[np.bool_],
    joined: NDArray[np.bool_],
    span: NDArray[np.int64],
    directed: bool,
) -> Chains:
    """Sets as they are before any merge; set k is linked to k + 1 where joined[k]."""
    n = len(first) - 1
    size, following, previous = np.empty(n, np.int64), np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    for k in range(n):
        size[k] = first[k + 1] - first[k]
        if joined[k]:
            following[k], previous[k + 1] = k + 1, k
    return Chains(tokens, first, size, np.full(n, -1, np.int64), following, previous, outside, span, directed)


@leaf
def position(chains: Chains, k: int, token: int) -> int:
    """The position in `tokens` at which set k holds a token, or -1."""
    for q in range(chains.first[k], chains.first[k] + chains.size[k]):
        if chains.tokens[q] == token:
            return q
    return -1


@leaf
def take(chains: Chains, k: int, q: int) -> None:
    """Remove the token at `q` from set k; the last one moves to its place."""
    # a set has no order while it is merged, so the gap can be filled from its end
    chains.size[k] -= 1
    chains.tokens[q] = chains.tokens[chains.first[k] + chains.size[k]]


@leaf
def put(chains: Chains, k: int, token: int) -> None:
    """Add a token to set k, as its last."""
    chains.tokens[chains.first[k] + chains.size[k]] = token
    chains.size[k] += 1


@leaf
def pair_key(chains: Chains, left: int, k: int, right: int, j: int) -> int:
    """The key of `left` in set k and `right` in set j, which follows k."""
    # `right` ends in event j, and so begins in event j - span + 1
    relation = 1 if j - chains.span[right] + 1 > k else 0
    return link_key(left, right, relation, chains.directed)


@leaf
def slot_match(chains: Chains, k: int, a: int, b: int, relation: int) -> tuple[int, int]:
    """As `link_match`, if the slot of k holds a token: set k comes before the set that follows."""
    # a slot's token has begun in or before event k and ends in event j, so that it shares an event with either set:
    # its relation to their tokens is always 0
    slot, j = chains.slot[k], chains.following[k]
    if relation == 0 and slot == b:
        p = position(chains, k, a)
        if p >= 0:
            return p, -1
    if relation == 0 and slot == a:
        p = -1 if chains.directed else position(chains, k, b)
        if p >= 0:
            return p, -1
        q = position(chains, j, b)
        if q >= 0:
            return -1, q
    if slot == b and not chains.directed:
        q = position(chains, j, a)
        if q >= 0:
            return -1, q
    return -2, -2


@leaf
def link_match(chains: Chains, k: int, a: int, b: int, relation: int) -> tuple[int, int]:
    """The pair (a, b) across the link of k: (place in set k, place in the next); (-2, -2) if it is not there.

    -1 is the slot. Undirected pairs are tried in both orders.
    """
    if chains.slot[k] >= 0:
        return slot_match(chains, k, a, b, relation)
    j = chains.following[k]
    # the lowest bit of a directed key is its relation
    p, q = position(chains, k, a), position(chains, j, b)
    if p >= 0 and q >= 0 and (not chains.directed or pair_key(chains, a, k, b, j) & 1 == relation):
        return p, q
    if not chains.directed:
        p, q = position(chains, k, b), position(chains, j, a)
        if p >= 0 and q >= 0:
            return p, q
    return -2, -2


@leaf
def take_over(chains: Chains, j: int) -> bool:
    """Let set j, if it has been emptied, take over the token of the slot before it; True if it did.

    If the set before that slot is empty too, it goes: then set j adjoins the one before.
    """
    i = chains.previous[j]
    if chains.size[j] > 0 or chains.pinned[j] or i < 0 or chains.slot[i] < 0:
        return False
    # the slot's token ends in event j, as the tokens of set j do
    put(chains, j, chains.slot[i])
    chains.slot[i] = -1
    if chains.size[i] == 0 and not chains.pinned[i]:
        h = chains.previous[i]
        chains.previous[j] = h
        chains.following[i] = -1
        if h >= 0:
            chains.following[h] = j
    return True
