"""How well scores rank the rows of a class before all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["area_under_curve", "average_precision"]

Floats = NDArray[np.float64]


def area_under_curve(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """The area under the ROC curve, ties counted half; NaN if there is one class only."""
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return float("nan")
    _, which, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    ranks = (ends - (sizes - 1) / 2)[which]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def average_precision(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """The mean precision at each positive; rows of one score come together. NaN without positives."""
    count = int(positive.sum())
    if not count:
        return float("nan")
    levels, which = np.unique(-scores, return_inverse=True)
    hits = np.bincount(which, positive, len(levels))
    seen = np.cumsum(np.bincount(which, minlength=len(levels)))
    return float((np.cumsum(hits) / seen * hits).sum() / count)
