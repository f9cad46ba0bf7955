"""Comparing events by their tokens, so that decoding gives ties back in their order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells
from domaintoolkit.util.hashing import hash_text

__all__ = ["cell_ranks", "descends"]


def cell_ranks(cells: Cells) -> NDArray[np.int64]:
    """(rows,) a number that depends on the row's tokens alone: its slot, or a hash of its slots if it has several."""
    if cells.offsets is None:
        ranks: NDArray[np.int64] = cells.slots.astype(np.int64)
    else:
        sequences = pa.Array.from_buffers(
            pa.large_binary(),
            len(cells.offsets) - 1,
            [None, pa.py_buffer(cells.offsets * 4), pa.py_buffer(np.ascontiguousarray(cells.slots, "<i4"))],
        )
        ranks = hash_text(sequences).view(np.int64)
        single = np.flatnonzero(np.diff(cells.offsets) == 1)
        # as a part without offsets ranks it: a part has offsets or not, depending on the other rows
        ranks[single] = cells.slots[cells.offsets[single]]
    return ranks[cells.codes]


def descends(keys: list[NDArray[np.int64]]) -> NDArray[np.bool_]:
    """(rows,) True if the row sorts before the row above it by `keys`, the most important first."""
    count = len(keys[0]) if keys else 0
    # `undecided`: the rows that equal the row above in all keys so far
    below, undecided = np.zeros(count, bool), np.ones(count, bool)
    undecided[:1] = False
    for key in keys:
        less = key[1:] < key[:-1]
        below[1:] |= undecided[1:] & less
        undecided[1:] &= key[1:] == key[:-1]
    return below
