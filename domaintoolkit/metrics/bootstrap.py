"""Intervals by bootstrap over groups: rows of one group, such as an entity's, are alike and stay together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["estimate_interval", "resample"]


def resample(groups: int, draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield for each draw how often each group is in it (groups,): as many as there are, with replacement."""
    random = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(random.integers(0, groups, groups), minlength=groups)


def estimate_interval(drawn: Sequence[float] | NDArray[np.float64], least: int = 1) -> tuple[float, float] | None:
    """The 95% interval of a figure, from its value in each draw; None if fewer than `least` draws define it."""
    values = np.asarray(drawn, np.float64)
    # a draw without positives, for example, has no area
    finite = values[np.isfinite(values)]
    if len(finite) < least:
        return None
    # the percentile bootstrap (Efron and Tibshirani 1993, chapter 13)
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)
