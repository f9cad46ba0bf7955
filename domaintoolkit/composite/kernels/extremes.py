"""The greatest of many numbers, or the least, while they change: values in blocks, and the best of each block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.compilation import leaf
from domaintoolkit.composite.kernels.merge_table import NO_RULE

__all__ = ["block_shift", "fill_blocks", "fill_heaviest", "heaviest", "least", "note", "note_weight"]


@leaf
def block_shift(n: int) -> int:
    """Blocks of 2**shift values: about as large as there are blocks, at least 16 values."""
    shift = 4
    while (n >> shift) > (1 << shift):
        shift += 1
    return shift


@leaf
def block_least(values: NDArray[np.int32], block: int, shift: int, n: int) -> Any:
    least = np.int32(NO_RULE)
    for i in range(block << shift, min((block + 1) << shift, n)):
        least = min(least, values[i])
    return least


@leaf
def fill_blocks(values: NDArray[np.int32], blocks: NDArray[np.int32], shift: int, n: int) -> None:
    """Compute the least of every block of values[:n]."""
    for block in range(((n - 1) >> shift) + 1):
        blocks[block] = block_least(values, block, shift, n)


@leaf
def note(values: NDArray[np.int32], blocks: NDArray[np.int32], shift: int, n: int, i: int, value: int) -> None:
    """Change one value."""
    old, block = values[i], i >> shift
    values[i] = value
    if value < blocks[block]:
        blocks[block] = value
    elif old == blocks[block] and value > old:
        blocks[block] = block_least(values, block, shift, n)


@leaf
def least(values: NDArray[np.int32], blocks: NDArray[np.int32], shift: int, n: int) -> int:
    """Where the least value is, the first of several; -1 if all are `NO_RULE`."""
    found, best = -1, np.int32(NO_RULE)
    for block in range(((n - 1) >> shift) + 1):
        if blocks[block] < best:
            found, best = block, blocks[block]
    if found < 0:
        return -1
    i = found << shift
    while values[i] != best:
        i += 1
    return i


@leaf
def block_heaviest(values: NDArray[np.float64], block: int, shift: int, n: int) -> float:
    heaviest = 0.0
    for i in range(block << shift, min((block + 1) << shift, n)):
        heaviest = max(heaviest, values[i])
    return heaviest


@leaf
def fill_heaviest(values: NDArray[np.float64], blocks: NDArray[np.float64], shift: int, n: int) -> None:
    """Compute the greatest of every block of values[:n]."""
    for block in range(((n - 1) >> shift) + 1):
        blocks[block] = block_heaviest(values, block, shift, n)


@leaf
def note_weight(
    values: NDArray[np.float64], blocks: NDArray[np.float64], shift: int, n: int, i: int, value: float
) -> None:
    """Change one weight."""
    old, block = values[i], i >> shift
    values[i] = value
    if value > blocks[block]:
        blocks[block] = value
    elif old == blocks[block] and value < old:
        blocks[block] = block_heaviest(values, block, shift, n)


@leaf
def heaviest(values: NDArray[np.float64], blocks: NDArray[np.float64], shift: int, n: int) -> int:
    """Where the greatest weight is, the first of several; -1 if all are 0."""
    found, best = -1, 0.0
    for block in range(((n - 1) >> shift) + 1):
        if blocks[block] > best:
            found, best = block, blocks[block]
    if found < 0:
        return -1
    i = found << shift
    while values[i] != best:
        i += 1
    return i
