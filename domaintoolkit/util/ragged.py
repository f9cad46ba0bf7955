"""Arrays of sequences, held flat with offsets, without a Python loop over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cut_ranges", "gather", "offsets_of", "positions"]


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


def cut_ranges(offsets: NDArray[np.integer[Any]], limit: int) -> list[tuple[int, int]]:
    """Sequences in ranges (first, end) of at most `limit` values together, or of one longer sequence with the empty
    ones before it; no sequences have no ranges."""
    ends, ranges, start = offsets[1:], list[tuple[int, int]](), 0
    while start < len(ends):
        low = int(offsets[start])
        one = int(np.searchsorted(ends, low, side="right")) + 1
        end = max(int(np.searchsorted(ends, low + limit, side="right")), min(one, len(ends)))
        ranges.append((start, end))
        start = end
    return ranges
