"""Metrics of predictions, each for many weightings of the rows at once: the bootstrap resamples are weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.labels import Kind
from domaintoolkit.metrics import RankedClass

__all__ = ["LOWER_IS_BETTER", "METRICS", "PRIMARY", "measure"]

Floats = NDArray[np.float64]

METRICS: Mapping[Kind, tuple[str, ...]] = {
    "binary": (
        "AUROC", "average precision", "precision at k", "recall at k", "precision at FPR", "recall at FPR", "log loss",
    ),
    "multiclass": ("macro AUROC", "accuracy", "log loss"),
    "regression": ("MAE", "RMSE", "R2"),
}  # fmt: skip
PRIMARY: Mapping[Kind, str] = {kind: names[0] for kind, names in METRICS.items()}
"""The metric of each kind that decides: the first one."""
LOWER_IS_BETTER = frozenset({"MAE", "RMSE", "log loss"})
LEAST = 1e-7
"""The least probability that a log loss counts."""


def measure(
    kind: Kind, target: Floats, predicted: Floats, weights: Floats, share: float, false_positives: float
) -> dict[str, Floats]:
    """Each metric (B,) for B weightings (B, n) of n rows.

    `predicted` (n,) is the probability of the positive class or a value; of classes (n, C) their probabilities. k is
    `share` of the rows, and FPR the rate of `false_positives`. A metric that a weighting does not define, such as
    the AUROC of one class, is NaN.
    """
    if kind == "regression":
        return _regression(target, predicted, weights)
    if kind == "binary":
        return _binary(target, predicted, weights, share, false_positives)
    codes = target.astype(np.int64)
    classes = predicted.shape[1]
    total = weights.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        hits = weights @ (predicted.argmax(1) == codes) / total  # (B, n) @ (n,)
        nats = -np.log(np.maximum(predicted[np.arange(len(codes)), codes], LEAST))
        # (C, B) one class against all others
        each = np.stack([RankedClass.of(predicted[:, one], codes == one, weights).area for one in range(classes)])
        there = ~np.isnan(each)
        # a class that a resample lacks, or has alone, does not count
        macro = np.where(there, each, 0).sum(0) / there.sum(0)
        return {"macro AUROC": macro, "accuracy": hits, "log loss": weights @ nats / total}


def _regression(target: Floats, predicted: Floats, weights: Floats) -> dict[str, Floats]:
    total = weights.sum(1)
    error = predicted - target
    with np.errstate(invalid="ignore", divide="ignore"):
        square = weights @ (error * error) / total
        mean = weights @ target / total
        spread = weights @ (target * target) / total - mean * mean  # (B,) the variance of the targets
        return {
            "MAE": weights @ np.abs(error) / total,
            "RMSE": np.sqrt(square),
            "R2": np.where(spread > 0, 1 - square / spread, np.nan),
        }


def _binary(
    target: Floats, predicted: Floats, weights: Floats, share: float, false_positives: float
) -> dict[str, Floats]:
    ranked = RankedClass.of(predicted, target, weights)
    hits, misses = ranked
    positives, negatives = hits[:, -1], misses[:, -1]  # (B,) all of them
    nats = -np.log(np.maximum(np.where(target > 0, predicted, 1 - predicted), LEAST))
    found = {"AUROC": ranked.area, "average precision": ranked.precision}
    with np.errstate(invalid="ignore", divide="ignore"):
        # rows of one score come in any order, so that what lies between two scores is in proportion
        k = share * (positives + negatives)
        at_k = np.array([np.interp(*each) for each in zip(k, hits + misses, hits, strict=True)])
        allowed = false_positives * negatives  # (B,) the weight of negatives that may come before
        at_rate = np.array([np.interp(*each) for each in zip(allowed, misses, hits, strict=True)])
        found |= {
            "precision at k": at_k / k,
            "recall at k": at_k / positives,
            "precision at FPR": at_rate / (at_rate + allowed),
            "recall at FPR": at_rate / positives,
            "log loss": weights @ nats / weights.sum(1),
        }
    return found
