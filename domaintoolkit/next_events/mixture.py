"""A model and a simple rule together: a weighted mean of the logarithms of their shares of the values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.next_events.metrics import rank_targets

__all__ = ["Mixture"]

Floats = NDArray[np.floating[Any]]

WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Of a rule; the rest is the model's."""
LEAST = 1e-3


class Mixture:
    """The logarithm of a share is `weight` times that of the rule's, and the rest that of the model's.

    They are weighed by their NDCG over all ranks on the trial's cases, which are none of those to predict. The best
    rule alone stays (weight 1) if nothing else is better by a standard error. A rule's scores, which are not negative,
    are divided by their sum. The model's are its probabilities, but those of spelled values may be too high: the
    mixture then is a little better than it looks.
    """

    name = "model and rule"

    def __init__(self, model: str, trial: Iterable[tuple[Mapping[str, Floats], Cases, Sequences]]) -> None:
        """`trial` has pieces of cases, with the scores (n, V) of the model and of each rule, by name, for them."""
        pieces = [_rate(model, scores, cases, known) for scores, cases, known in trial]
        # for each rule and weight the quality of each target, (targets,)
        rated = {way: np.concatenate([piece[way] for piece in pieces]) for way in pieces[0]}
        alone = max((way for way in rated if way[1] == 1), key=lambda way: rated[way].mean())
        best = max(rated, key=lambda way: rated[way].mean())
        gain = rated[best] - rated[alone]
        # of many ways the best is better by chance too
        is_better = gain.mean() > gain.std() / np.sqrt(len(gain))
        self.model = model
        self.rule, self.weight = best if is_better else alone

    def scores(self, scores: Mapping[str, Floats]) -> Floats:
        """(n, V) from the scores of all for the same cases."""
        return _mix(scores[self.model], scores[self.rule], self.weight)


def _rate(
    model: str, scores: Mapping[str, Floats], cases: Cases, known: Sequences
) -> dict[tuple[str, float], NDArray[np.float64]]:
    """The quality of each target's rank, (targets,), for each rule and its weight."""
    rated = {}
    for rule, own in scores.items():
        # the model alone is that with a weight of 0 for a rule
        for weight in WEIGHTS if rule != model else (0.0,):
            ranks, _ = rank_targets(_mix(scores[model], own, weight), cases, known)
            # with one target a case the ideal is 1, so this is its NDCG
            rated[rule, weight] = np.where(ranks > 0, 1 / np.log2(np.maximum(ranks, 1) + 1.0), 0.0)
    return rated


def _mix(model: Floats, rule: Floats, weight: float) -> Floats:
    shares = rule / np.maximum(rule.sum(1, keepdims=True), 1e-30)
    # a value that the rule rules out keeps a thousandth of an equal share, so that the model can still tell it
    logs = (1 - weight) * np.log(np.maximum(model, 1e-30)) + weight * np.log(shares + LEAST / shares.shape[1])
    mixed = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray(mixed / mixed.sum(1, keepdims=True))
