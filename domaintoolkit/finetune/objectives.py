"""The loss, the prediction and the score of each kind of target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.labels import LabelTask
from domaintoolkit.metrics import area_under_curve, average_precision, weighted_median
from domaintoolkit.util.ragged import split_groups

__all__ = ["Objective", "find_objective"]

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Kind = Literal["binary", "multiclass", "regression", "ranking"]

CHOSEN_BY: dict[Kind, tuple[str, bool]] = {
    "binary": ("auroc", True),
    "multiclass": ("log_loss", False),
    "regression": ("mae", False),
    "ranking": ("concordance", True),
}
"""The metric that chooses the weights, and True if more of it is better."""


@dataclass(frozen=True, slots=True)
class Objective:
    """The kind of a target, and what its training rows tell of it."""

    kind: Kind
    target: str
    classes: tuple[str, ...]
    center: float
    """Of a regression: the median of the training values, which is the best constant for the mean absolute error."""
    scale: float
    """Of a regression: their standard deviation."""
    base: tuple[float, ...]
    """The share of each class in the training rows."""

    @property
    def outputs(self) -> int:
        """Numbers that the network gives a row."""
        return len(self.classes) if self.kind == "multiclass" else 1

    @property
    def metric(self) -> str:
        """The metric that chooses the weights."""
        return CHOSEN_BY[self.kind][0]

    @property
    def is_higher_better(self) -> bool:
        """True if more of the metric is better."""
        return CHOSEN_BY[self.kind][1]

    def start(self) -> Tensor:
        """(outputs,) what the network gives before it has learned: the plain shares."""
        # a share of 0 or 1 would have an infinite logarithm
        shares = np.clip(np.array(self.base or (0.5, 0.5)), 1e-4, 1 - 1e-4)
        if self.kind == "binary":
            return torch.tensor([np.log(shares[1] / shares[0])], dtype=torch.float32)
        if self.kind == "multiclass":
            return torch.tensor(np.log(shares), dtype=torch.float32)
        return torch.zeros(1)

    def loss(self, raw: Tensor, values: Tensor, weights: Tensor, groups: Tensor) -> Tensor:
        """(): the weighted mean loss of outputs (n, outputs), given targets, weights and groups (n,)."""
        if self.kind == "multiclass":
            each = functional.cross_entropy(raw, values.long(), reduction="none")
        elif self.kind == "binary":
            each = functional.binary_cross_entropy_with_logits(raw[:, 0], values, reduction="none")
        elif self.kind == "regression":
            # far off values pull no harder than near ones: what counts in the end is the mean absolute error
            each = functional.smooth_l1_loss(raw[:, 0], (values - self.center) / self.scale, reduction="none")
        else:
            return _ranking_loss(raw[:, 0], values, weights, groups)
        return (each * weights).sum() / weights.sum().clamp(min=1e-12)

    def predict(self, raw: Floats) -> Floats:
        """(n, classes) the probabilities, or (n, 1) the values, or the scores by which rows are ranked."""
        if self.kind == "multiclass":
            # less the largest, so that nothing overflows
            found = np.exp(raw - raw.max(1, keepdims=True))
            return np.asarray(found / found.sum(1, keepdims=True))
        if self.kind == "binary":
            # (n, 1) the exponential of 710 is more than a float64 holds
            positive = 1 / (1 + np.exp(-np.clip(raw, -700, 700)))
            return np.concatenate([1 - positive, positive], 1)
        return raw * self.scale + self.center if self.kind == "regression" else raw

    def score(self, predicted: Floats, values: Floats, groups: Longs, weights: Floats) -> dict[str, float]:
        """The metrics of predictions as `predict` gives them, of rows with these weights (n,)."""

        def mean(each: Floats) -> float:
            return float(np.average(each, weights=weights)) if weights.any() else float("nan")

        if self.kind == "binary":
            # (n,) of the positive class, and of the class that came
            shares = predicted[:, 1]
            likely = np.where(values > 0, shares, 1 - shares)
            return {
                "auroc": area_under_curve(shares, values > 0, weights),
                "average_precision": average_precision(shares, values > 0, weights),
                "log_loss": mean(-np.log(np.maximum(likely, 1e-12))),
            }
        if self.kind == "multiclass":
            codes = values.astype(np.int64)
            # (n,) the probability of the class that came
            own = predicted[np.arange(len(codes)), codes]
            # (classes that occur,) each against all others
            areas = [area_under_curve(predicted[:, code], codes == code, weights) for code in np.unique(codes)]
            there = [area for area in areas if area == area]
            return {
                "log_loss": mean(-np.log(np.maximum(own, 1e-12))),
                "accuracy": mean((predicted.argmax(1) == codes).astype(np.float64)),
                "macro_auroc": float(np.mean(there)) if there else float("nan"),
            }
        if self.kind == "regression":
            error = predicted[:, 0] - values
            spread = mean((values - mean(values)) ** 2)
            return {
                "mae": mean(np.abs(error)),
                "rmse": float(np.sqrt(mean(error**2))),
                "r2": 1 - mean(error**2) / spread if spread else float("nan"),
            }
        return {
            "concordance": _concordance(predicted[:, 0], values, groups),
            "ndcg": _ndcg(predicted[:, 0], values, groups),
        }

    def constant(self, rows: int) -> Floats:
        """The predictions of a model that knows nothing but the training targets."""
        if self.kind in ("binary", "multiclass"):
            return np.tile(np.array(self.base), (rows, 1))
        return np.full((rows, 1), self.center)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"kind": self.kind, "target": self.target, "classes": list(self.classes), "center": self.center,
                "scale": self.scale, "base": list(self.base)}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Objective:
        """Read what `to_json` wrote."""
        return cls(data["kind"], data["target"], tuple(data["classes"]), data["center"], data["scale"],
                   tuple(data["base"]))  # fmt: skip


def find_objective(task: LabelTask, training: NDArray[np.bool_], weights: Floats, ranking: bool) -> Objective:
    """The objective of a task; `training` (n,) says which of its values are for training, and `weights` (n,) how much
    each counts.

    Raises `DataError` if these are none, or all of one value.
    """
    values, each = task.values[training], weights[training]
    if not len(values) or (len(np.unique(values)) < 2):
        found = "no training row" if not len(values) else "one value only in its training rows"
        raise DataError([Refusal(None, task.name, f"has {found}, so that there is nothing to learn")])
    if ranking:
        return Objective("ranking", task.name, (), 0.0, 1.0, ())
    if task.kind == "regression":
        spread = np.sqrt(np.average((values - np.average(values, weights=each)) ** 2, weights=each))
        return Objective("regression", task.name, (), weighted_median(values, each), float(spread), ())
    base = np.bincount(values.astype(np.int64), each, minlength=len(task.classes)) / each.sum()
    return Objective(task.kind, task.name, task.classes, 0.0, 1.0, tuple(base.tolist()))


def _ranking_loss(scores: Tensor, values: Tensor, weights: Tensor, groups: Tensor) -> Tensor:
    """RankNet (Burges et al. 2005): the logistic loss of each pair of a group that the targets order."""
    # (n, n) True if row i ought to come before row j
    higher = (values[:, None] > values[None]) & (groups[:, None] == groups[None])
    # (n, n) a pair weighs as much as the product of its rows
    pairs = higher * weights[:, None] * weights[None]
    # (n, n) entry (i, j) is small if row i has the higher score
    each = functional.softplus(scores[None] - scores[:, None])
    return (each * pairs).sum() / pairs.sum().clamp(min=1e-12)


def _concordance(scores: Floats, values: Floats, groups: Longs) -> float:
    """The share of the pairs of a group, of different targets, that the scores order alike; ties count half."""
    right = total = 0.0
    for group in _split_capped(groups):
        order = values[group][:, None] > values[group][None]  # (rows, rows) of one group
        above = scores[group][:, None] - scores[group][None]
        right += float(((above > 0) + 0.5 * (above == 0))[order].sum())
        total += float(order.sum())
    return right / total if total else float("nan")


def _ndcg(scores: Floats, values: Floats, groups: Longs, top: int = 10) -> float:
    """Mean NDCG of the first ten of each group; the gain of a row is its target above the group's least."""
    found = []
    discount = 1 / np.log2(np.arange(2, top + 2))  # (top,) for the places 1 to `top`
    for group in _split_capped(groups):
        # (rows,) at least 0, as gains have to be
        gains = values[group] - values[group].min()
        best = np.sort(gains)[::-1][:top]
        ideal = float((best * discount[: len(best)]).sum())
        if ideal:
            # (top,) the gains in the order of the scores
            ranked = gains[np.argsort(-scores[group], kind="stable")][:top]
            found.append(float((ranked * discount[: len(ranked)]).sum()) / ideal)
    return float(np.mean(found)) if found else float("nan")


LARGEST_GROUP = 2_000
"""Rows of a group of which all pairs are compared; of a larger one, so many."""


def _split_capped(groups: Longs) -> list[Longs]:
    return [group[:LARGEST_GROUP] for group in split_groups(groups)]
