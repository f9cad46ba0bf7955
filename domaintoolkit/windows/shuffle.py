"""A seeded order of any number of things, which needs no memory for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.util.hashing import mix

__all__ = ["derive", "shuffle_places"]

ROUNDS = 4
"""Luby and Rackoff (1988): four rounds of a Feistel network make a permutation that looks random."""
ODD = 0x9E3779B97F4A7C15
"""Keeps the keys of the rounds apart; `mix` does the rest."""


def derive(*numbers: int) -> int:
    """A 64-bit key from several numbers, in their order."""
    key = np.zeros(1, np.uint64)
    for number in numbers:
        key = mix(key ^ np.uint64(number % (1 << 64)))
    return int(key[0])


def shuffle_places(places: NDArray[np.int64], size: int, key: int) -> NDArray[np.int64]:
    """The numbers at `places` of a permutation of 0..size-1 that depends on `key` alone.

    A Feistel network on the next even number of bits; a number outside goes through again until it is inside
    (Black and Rogaway 2002), about four times on average at most. An argsort of hashes would do for whole
    permutations, but in another order: the batches of a seed, and with them trained models, would change.
    """
    # bits of each of the two halves, which the network swaps
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    result = _feistel(places.astype(np.uint64), half, key)
    outside = np.flatnonzero(result >= size)
    while len(outside):
        result[outside] = _feistel(result[outside], half, key)
        outside = outside[result[outside] >= size]
    return result.astype(np.int64)


def _feistel(values: NDArray[np.uint64], half: int, key: int) -> NDArray[np.uint64]:
    width, mask = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = values >> width, values & mask
    for number in range(ROUNDS):
        # whatever `mix` gives, one half is kept: so each round can be undone, and no two numbers become one
        left, right = right, left ^ (mix(right ^ np.uint64((key + number * ODD) % (1 << 64))) & mask)
    return np.asarray((left << width) | right, np.uint64)
