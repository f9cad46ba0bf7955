"""A seeded order of any number of things, that needs no memory for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.util.hashing import mix

__all__ = ["derive", "shuffled"]

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


def shuffled(places: NDArray[np.int64], size: int, key: int) -> NDArray[np.int64]:
    """What stands at each of `places` when 0..size-1 are shuffled by `key`: a bijection of 0..size-1.

    A Feistel network on the next even number of bits; what falls outside is sent through again until it
    falls inside (Black and Rogaway 2002), at most about four times on average.
    """
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
        left, right = right, left ^ (mix(right ^ np.uint64((key + number * ODD) % (1 << 64))) & mask)
    return np.asarray((left << width) | right, np.uint64)
