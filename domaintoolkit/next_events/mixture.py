"""A model and a simple rule together: a weighted mean of the logarithms of their shares of the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.next_events.metrics import rank_targets

__all__ = ["Mixture"]

Floats = NDArray[np.floating[Any]]

WEIGHTS = np.linspace(0, 1, 11)
"""Of the rule; the rest is the model's."""
LEAST = 1e-3


class Mixture:
    """The logarithm of a share is `weight` times that of the rule's, and the rest that of the model's.

    Rule and weight are those with the best NDCG over all ranks on the trial's cases, which are none of those to be
    told. A rule's scores, which are not negative, are divided by their sum. The model's are its probabilities, but
    those of spelled values may be too high: the mixture then is a little better than it looks.
    """

    name = "model and rule"

    def __init__(self, model: str, trial: Mapping[str, Floats], cases: Cases, known: Sequences) -> None:
        """`trial` has the scores (n, V) of the model and of each rule, by name, for the trial's cases."""
        self.model = model
        self.rule, self.weight = model, 0.0
        best = -1.0
        for rule, scores in trial.items():
            for weight in WEIGHTS if rule != model else WEIGHTS[:1]:
                ranks, _ = rank_targets(_mix(trial[model], scores, weight), cases, known)
                # with one target a case the ideal is 1, so this is the sum of their NDCG
                quality = float((1 / np.log2(ranks[ranks > 0] + 1.0)).sum())
                if quality > best:
                    best, self.rule, self.weight = quality, rule, float(weight)

    def scores(self, scores: Mapping[str, Floats]) -> Floats:
        """(n, V) from the scores of all for the same cases."""
        return _mix(scores[self.model], scores[self.rule], self.weight)


def _mix(model: Floats, rule: Floats, weight: float) -> Floats:
    shares = rule / np.maximum(rule.sum(1, keepdims=True), 1e-30)
    # a value that the rule rules out keeps a thousandth of an equal share, so that the model can still tell it
    logs = (1 - weight) * np.log(np.maximum(model, 1e-30)) + weight * np.log(shares + LEAST / shares.shape[1])
    mixed = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray(mixed / mixed.sum(1, keepdims=True))
