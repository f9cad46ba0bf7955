"""The greatest of many numbers, or the least, while they change: values in blocks, and the best of each block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from domaintoolkit.composite.kernels.compilation import leaf
from domaintoolkit.composite.kernels.merge_table import NO_RULE

__all__ = ["block_shift", "fill_heaviest", "fill_least", "heaviest", "least", "note_rank", "note_weight"]


@leaf
def block_shift(n: int) -> int:
    """Blocks of 2**shift values: about as large as there are blocks, at least 16 values."""
    # then a change and a search both look at about sqrt(n) values
    shift = 4
    while (n >> shift) > (1 << shift):
        shift += 1
    return shift


class Extremes(NamedTuple):
    """Loops over `values[:n]` and `blocks`, which holds the best value of each 2**shift of them."""

    fill: Any
    """(values, blocks, shift, n): compute the best of every block."""
    note: Any
    """(values, blocks, shift, n, i, value): change one value."""
    find: Any
    """(values, blocks, shift, n): where the best value is, the first of several; -1 if there is none."""


def make_extremes(is_better: Callable[[Any, Any], bool], nothing: Any) -> Extremes:
    """The loops for the best value by `is_better`; every other value is better than `nothing`."""

    @leaf
    def find_best(values: Any, block: int, shift: int, n: int) -> Any:
        best = nothing
        for i in range(block << shift, min((block + 1) << shift, n)):
            # strictly better: among equals the first one stays
            if is_better(values[i], best):
                best = values[i]
        return best

    @leaf
    def fill(values: Any, blocks: Any, shift: int, n: int) -> None:
        for block in range(((n - 1) >> shift) + 1):
            blocks[block] = find_best(values, block, shift, n)

    @leaf
    def note(values: Any, blocks: Any, shift: int, n: int, i: int, value: Any) -> None:
        old, block = values[i], i >> shift
        values[i] = value
        if is_better(value, blocks[block]):
            blocks[block] = value
        elif old == blocks[block] and is_better(old, value):
            # the best of the block is worse now: another may be the best
            blocks[block] = find_best(values, block, shift, n)

    @leaf
    def find(values: Any, blocks: Any, shift: int, n: int) -> int:
        found, best = -1, nothing
        for block in range(((n - 1) >> shift) + 1):
            if is_better(blocks[block], best):
                found, best = block, blocks[block]
        if found < 0:
            return -1
        # only the block that holds the best value is searched, from its beginning: the first of several equal ones
        i = found << shift
        while values[i] != best:
            i += 1
        return i

    return Extremes(fill, note, find)


@leaf
def is_less(a: Any, b: Any) -> Any:
    return a < b


@leaf
def is_greater(a: Any, b: Any) -> Any:
    return a > b


fill_least, note_rank, least = make_extremes(is_less, np.int32(NO_RULE))
"""For ranks, int32: the least; `NO_RULE` means no rank."""
fill_heaviest, note_weight, heaviest = make_extremes(is_greater, np.float64(0.0))
"""For weights, float64: the greatest; 0 means no weight."""
