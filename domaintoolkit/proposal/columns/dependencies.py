"""Dependencies between columns, by counting: how far the values of some give those of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.util.ragged import run_offsets

__all__ = ["combined", "explained", "group_spans", "grouped_share", "is_bijective", "nesting", "runs"]

Codes = NDArray[np.int64]


def combined(*columns: Codes) -> Codes:
    """(rows,): one code for the values of several columns; -1 if one of them is null."""
    made = columns[0]
    for column in columns[1:]:
        null = (made < 0) | (column < 0)
        # one number for each pair, made small again below so that the next column fits
        pairs = made * (int(column.max(initial=0)) + 1) + column
        made = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
        made[null] = -1
    return made


def explained(by: Codes, what: Codes, nulls_count: bool = False) -> tuple[float, float]:
    """The share of rows whose value follows from the one of `by`, and the share of rows that could contradict it.

    Each value of `by` gives the value that it has most often. Rows whose value of `by` occurs once tell nothing.
    """
    there = (by >= 0) & ((what >= 0) | nulls_count)
    rows = int(there.sum())
    if not rows:
        return 0.0, 0.0
    # null is 0, a value like any other
    left, right = by[there], what[there] + 1
    sizes = np.bincount(left)
    repeated = sizes[left] > 1
    left, right = left[repeated], right[repeated]
    if not len(left):
        return 1.0, 0.0
    pairs, counts = np.unique(left * (int(right.max()) + 1) + right, return_counts=True)
    owner = pairs // (int(right.max()) + 1)
    # pairs come in the order of `by`, so those of one value of it are neighbours
    starts = run_offsets(owner)[:-1]
    return float(np.maximum.reduceat(counts, starts).sum() / len(left)), len(left) / rows


def is_bijective(first: Codes, second: Codes, least: float = 1.0) -> bool:
    """True if each of two columns gives the other, in at least this share of the rows that both have."""
    forwards, support = explained(first, second)
    backwards, other = explained(second, first)
    return min(forwards, backwards) >= least and max(support, other) > 0.05


def nesting(inner: Codes, outer: Codes) -> float:
    """The share of rows whose `outer` follows from their `inner`; 0 if too few rows could contradict that."""
    share, support = explained(inner, outer)
    return share if support > 0.02 else 0.0


def grouped_share(codes: Codes, least: int = 2) -> float:
    """The share of rows whose value occurs at least `least` times."""
    own = codes[codes >= 0]
    return float((np.bincount(own)[own] >= least).mean()) if len(own) else 0.0


def runs(codes: Codes) -> float:
    """The number of runs of equal values in the order of the rows, in multiples of the number of values."""
    own = codes[codes >= 0]
    if not len(own):
        return 1.0
    return (len(run_offsets(own)) - 1) / len(np.unique(own))


def group_spans(codes: Codes, numbers: NDArray[np.int64] | NDArray[np.float64]) -> tuple[float, float]:
    """The mean span of a group's numbers, each row counted, as a share of the span of all; and how many rows are in
    groups of several numbers."""
    there = codes >= 0
    own, values = codes[there], numbers[there].astype(np.float64)
    if not len(own):
        return 0.0, 0.0
    order = np.argsort(own, kind="stable")
    own, values = own[order], values[order]
    bounds = run_offsets(own)
    starts, sizes = bounds[:-1], np.diff(bounds)  # (groups,)
    spans = np.maximum.reduceat(values, starts) - np.minimum.reduceat(values, starts)
    # the span of all, but for outliers
    total = float(np.quantile(values, 0.999) - np.quantile(values, 0.001)) or 1.0
    return float((spans * sizes).sum() / len(own) / total), float(sizes[spans > 0].sum() / len(own))
