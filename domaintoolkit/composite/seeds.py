"""Random states that depend on nothing but a seed, an epoch and a history."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.stream_arrays import Ints
from domaintoolkit.util.hashing import mix

__all__ = ["history_seeds"]


def history_seeds(seed: int, epoch: int, keys: Ints) -> NDArray[np.uint64]:
    """(n,) a 64-bit random state for each history, from its key."""
    # arithmetic of unsigned arrays wraps around modulo 2^64, which the generator needs
    state = np.zeros(len(keys), np.uint64)
    for value in (seed % (1 << 64), epoch % (1 << 64), keys):
        number = np.asarray(value).astype(np.uint64)
        state = mix(state + number)
    return state
