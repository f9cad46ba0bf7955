"""The median of values that count differently."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["weighted_median"]


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The value below and above which half of the weight lies: the constant with the least mean absolute error."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])  # (n,)
    half = below[-1] / 2
    # if exactly half of the weight lies at or below a value, the median is between it and the next
    low, high = np.searchsorted(below, half, "left"), np.searchsorted(below, half, "right")
    return float(values[order[[low, min(high, len(order) - 1)]]].mean())
