"""Random states that depend on nothing but a seed, an epoch and a history."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.stream_arrays import Ints

__all__ = ["history_seeds"]


def history_seeds(seed: int, epoch: int, keys: Ints) -> NDArray[np.uint64]:
    """(n,) a 64-bit random state for each history, from its key."""
    # arithmetic of unsigned arrays wraps around modulo 2^64, which the generator needs
    state = np.zeros(len(keys), np.uint64)
    for value in (seed % (1 << 64), epoch % (1 << 64), keys):
        number = np.asarray(value).astype(np.uint64)
        # 2^64 over the golden ratio: the step of SplitMix64
        state = _mix(state + np.uint64(0x9E3779B97F4A7C15) + number)
    return state


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele et al. 2014): a bijection of 64 bits that mixes them well."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
