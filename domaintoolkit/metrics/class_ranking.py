"""Measures of scores that ought to rank the rows of a class before all others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.util.ragged import run_offsets

__all__ = ["RankedClass", "area_under_curve", "average_precision"]

Floats = NDArray[np.float64]


class RankedClass(NamedTuple):
    """The rows in the order of their scores, the highest first, for B weightings of the rows."""

    hits: Floats
    """(B, 1 + scores): weight of the positives with at least each score; first none."""
    misses: Floats
    """(B, 1 + scores): weight of the negatives with at least each score."""

    @classmethod
    def of(cls, scores: Floats, positive: NDArray[np.bool_] | Floats, weights: Floats | None = None) -> RankedClass:
        """From scores (n,), which rows are positive (n,), and weights (B, n); without weights, each row counts once."""
        each = np.ones((1, len(scores))) if weights is None else weights
        # (n,) from the highest score on
        order = np.argsort(-scores, kind="stable")
        ordered = scores[order]
        # (scores,) the last row of each score: rows of one score cannot be told apart
        ends = run_offsets(ordered)[1:] - 1
        # (B, scores)
        hits = np.cumsum(each[:, order] * positive[order], 1)[:, ends]
        misses = np.cumsum(each[:, order] * (1 - positive[order].astype(np.float64)), 1)[:, ends]
        none = np.zeros((len(each), 1))
        return cls(np.concatenate([none, hits], 1), np.concatenate([none, misses], 1))

    @property
    def area(self) -> Floats:
        """(B,) the area under the ROC curve, ties counted half; NaN if there is one class only."""
        with np.errstate(invalid="ignore", divide="ignore"):
            # (B, scores) trapezoids: the negatives of a score, with the positives above it and half of those with it
            pairs = np.diff(self.misses) * (self.hits[:, 1:] + self.hits[:, :-1]) / 2
            # sums of many weights may exceed 1 by a rounding error
            return np.asarray(np.clip(pairs.sum(1) / (self.hits[:, -1] * self.misses[:, -1]), 0, 1))

    @property
    def precision(self) -> Floats:
        """(B,) the mean precision at each positive; rows of one score come together. NaN without positives."""
        with np.errstate(invalid="ignore", divide="ignore"):
            # (B, scores) precision with each score as the limit, weighed by the positives that it adds
            share = self.hits[:, 1:] / np.maximum(self.hits[:, 1:] + self.misses[:, 1:], 1e-300)
            return np.asarray(np.clip((np.diff(self.hits) * share).sum(1) / self.hits[:, -1], 0, 1))


def area_under_curve(scores: Floats, positive: NDArray[np.bool_], weights: Floats | None = None) -> float:
    """The area under the ROC curve, ties counted half; NaN if there is one class only."""
    return float(_rank(scores, positive, weights).area[0]) if len(scores) else float("nan")


def average_precision(scores: Floats, positive: NDArray[np.bool_], weights: Floats | None = None) -> float:
    """The mean precision at each positive; rows of one score come together. NaN without positives."""
    return float(_rank(scores, positive, weights).precision[0]) if len(scores) else float("nan")


def _rank(scores: Floats, positive: NDArray[np.bool_], weights: Floats | None) -> RankedClass:
    return RankedClass.of(scores, positive, None if weights is None else weights[None])
