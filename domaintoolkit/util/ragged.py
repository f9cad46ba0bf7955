"""Arrays of sequences, held flat with offsets, without a Python loop over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["gather", "offsets_of", "positions"]


def offsets_of(lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where each of the sequences of these lengths begins, and the end of the last."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def positions(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """`starts[i], starts[i] + 1, ...` for `lengths[i]` steps, for every i, one after another."""
    offsets = offsets_of(lengths)
    return np.arange(offsets[-1], dtype=np.int64) + np.repeat(starts - offsets[:-1], lengths)


def gather(
    flat: NDArray[np.int32], offsets: NDArray[np.int64], which: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The sequences numbered `which`, flat, with their offsets."""
    starts = offsets[which]
    lengths = offsets[which + 1] - starts
    return flat[positions(starts, lengths)], offsets_of(lengths)
