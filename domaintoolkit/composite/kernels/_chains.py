"""Histories while they are merged: sets, the slots between neighbouring sets, and the links that join them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels._compile import entry, inner, leaf

from domaintoolkit.composite.kernels._rules import link_key

__all__ = ["Chains", "make_chains", "pair_key", "position", "put", "take"]


class Chains(NamedTuple):
    """n sets in the order of their events. A set that has been emptied and removed is out of the links.

    Every token in set k ends in event k; the slot of k holds a token that begins in or before event k and ends in
    event following[k].
    """

    tokens: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]
    slot: NDArray[np.int64]
    """(n,) the token between set k and the one that follows, or -1."""
    following: NDArray[np.int64]
    previous: NDArray[np.int64]
    pinned: NDArray[np.bool_]
    """(n,) whether the event has parts outside its set: then no composite may reach across it."""
    span: NDArray[np.int64]
    """How many events each token covers, by id."""
    directed: bool


@entry
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
    """Where in `tokens` set k holds a token, or -1."""
    for q in range(chains.first[k], chains.first[k] + chains.size[k]):
        if chains.tokens[q] == token:
            return q
    return -1


@leaf
def take(chains: Chains, k: int, q: int) -> None:
    """Remove the token at `q` from set k, keeping the order of the others."""
    chains.size[k] -= 1
    for p in range(q, chains.first[k] + chains.size[k]):
        chains.tokens[p] = chains.tokens[p + 1]


@leaf
def put(chains: Chains, k: int, token: int) -> None:
    """Add a token to set k, as its first."""
    begin = chains.first[k]
    for p in range(begin + chains.size[k], begin, -1):
        chains.tokens[p] = chains.tokens[p - 1]
    chains.tokens[begin] = token
    chains.size[k] += 1


@leaf
def pair_key(chains: Chains, left: int, k: int, right: int, j: int) -> int:
    """The key of `left` in set k and `right` in set j, which follows k."""
    relation = 1 if j - chains.span[right] + 1 > k else 0
    return link_key(left, right, relation, chains.directed)

