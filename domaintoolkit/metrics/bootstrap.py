"""Intervals by bootstrap over groups: rows of one group, such as an entity's, are alike and stay together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_groups", "estimate_interval", "resample", "student_95"]

FEWEST = 6
"""Groups without which there is no interval: of fewer, chance alone often has all on one side."""
NORMAL_95 = 1.959963984540054


def resample(groups: int, draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield for each draw how often each group is in it (groups,): as many as there are, with replacement."""
    random = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(random.integers(0, groups, groups), minlength=groups)


def estimate_interval(
    drawn: Sequence[float] | NDArray[np.float64], least: int = 1, groups: float | None = None
) -> tuple[float, float] | None:
    """The 95% interval of a figure, from its value in each draw; None if fewer than `least` draws define it.

    `groups` is the number of groups that were drawn from. The fewer they are, the wider the interval, and of fewer than
    `FEWEST` there is none: resamples of a few groups are too much alike. None for draws of another kind.
    """
    values = np.asarray(drawn, np.float64)
    # a draw without positives, for example, has no area
    finite = values[np.isfinite(values)]
    if len(finite) < least or (groups is not None and groups < FEWEST):
        return None
    outside = 0.025
    if groups is not None:
        # the percentile bootstrap lacks a factor of sqrt(n / (n - 1)) and Student's t (Hesterberg 2015, section 3.4)
        reach = math.sqrt(groups / (groups - 1)) * student_95(groups - 1)
        outside = math.erfc(reach / math.sqrt(2)) / 2
    # the percentile bootstrap (Efron and Tibshirani 1993, chapter 13)
    low, high = np.quantile(finite, [outside, 1 - outside])
    return float(low), float(high)


def count_groups(groups: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
    """The number of groups that a comparison of classes rests on, of rows (n,) with a group and a class each.

    It is as if each class had a variance of its own, estimated from its groups (Welch 1947): a class of one group
    leaves little, however many the others have.
    """
    pairs = np.unique(np.stack([classes, groups]), axis=1)
    _, each = np.unique(pairs[0], return_counts=True)
    # (classes,) the variance of a mean over its groups, and the freedom that it is estimated with
    variances, freedom = 1.0 / each, np.maximum(each - 1.0, 0.5)
    return 1.0 + float(variances.sum() ** 2 / (variances**2 / freedom).sum()) if len(each) else 0.0


def student_95(freedom: float) -> float:
    """The 97.5% quantile of Student's t (Hill 1970, to 1/freedom^3): the fewer groups, the wider the interval."""
    # exact: the expansion is poor for so few
    if freedom < 3:
        return 12.706 if freedom < 2 else 4.303
    z = NORMAL_95
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return float(z + first / freedom + second / freedom**2 + third / freedom**3)
