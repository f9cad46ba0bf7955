"""Two measures of how well embeddings tell two groups apart: the silhouette, and a linear probe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.metrics import area_under_curve

__all__ = ["probe_auroc", "silhouette"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FOLDS = 5
PENALTY = 1.0
"""Ridge on the weights of standardised embeddings, as in scikit-learn's default."""
MOST = 2_000
"""Points whose distances are all computed."""


def probe_auroc(embeddings: Floats, flags: Flags, seed: int = 0) -> float:
    """AUROC of a logistic regression, each entity scored by the one of five that has not seen it; NaN if a group is too
    small."""
    if min(int(flags.sum()), int((~flags).sum())) < 2 * FOLDS:
        return float("nan")
    rng = np.random.default_rng(seed)
    # (n,) the part that scores each entity
    fold = np.empty(len(flags), np.int64)
    for group in (flags, ~flags):  # the same share of both groups in every fold
        places = rng.permutation(np.flatnonzero(group))
        fold[places] = np.arange(len(places)) % FOLDS
    scores = np.empty(len(flags))
    for number in range(FOLDS):
        seen = fold != number
        # scaled by the seen ones alone, or the scored ones would leak
        mean, spread = embeddings[seen].mean(0), embeddings[seen].std(0)
        scaled = (embeddings - mean) / np.where(spread > 1e-9, spread, 1.0)
        weights = _fit_logistic(_with_one(scaled[seen]), flags[seen])
        scores[~seen] = _with_one(scaled[~seen]) @ weights
    return area_under_curve(scores, flags)


def _with_one(values: Floats) -> Floats:
    return np.column_stack([values, np.ones(len(values))])


def _fit_logistic(inputs: Floats, flags: Flags) -> Floats:
    """The weights of a penalised logistic regression, by Newton's method; the last one, the bias, has no penalty."""
    weights, wanted = np.zeros(inputs.shape[1]), flags.astype(np.float64)
    ridge = np.full(inputs.shape[1], PENALTY)
    ridge[-1] = 1e-6
    for _ in range(25):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        gradient = inputs.T @ (chance - wanted) + ridge * weights
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + np.diag(ridge)  # (width + 1, width + 1)
        step = np.linalg.solve(curvature, gradient)
        # a full step may overshoot while probabilities are near 0 or 1
        weights -= step / max(1.0, float(np.abs(step).max()) / 5)
        if float(np.abs(step).max()) < 1e-6:
            break
    return weights


def silhouette(embeddings: Floats, groups: NDArray[np.integer], seed: int = 0) -> float:
    """Mean silhouette of groups, from -1 to 1 (Rousseeuw 1987), of at most 2,000 points; NaN without two groups."""
    places = np.arange(len(groups))
    if len(places) > MOST:
        places = np.sort(np.random.default_rng(seed).permutation(places)[:MOST])
    values, own = embeddings[places], groups[places]
    names, own = np.unique(own, return_inverse=True)
    if len(names) < 2:
        return float("nan")
    spread = values.std(0)
    values = (values - values.mean(0)) / np.where(spread > 1e-9, spread, 1.0)
    squares = (values**2).sum(1)  # (n,)
    # (n, n): rounding may leave squares just below 0
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * values @ values.T, 0))
    np.fill_diagonal(distances, 0)
    members = np.eye(len(names))[own]  # (n, groups)
    sizes = members.sum(0)
    # (n, groups) the sum of distances to each group
    sums = distances @ members
    # the mean distance to the others of the own group: a point is at 0 from itself, and does not count
    mine = sums[np.arange(len(own)), own] / np.maximum(sizes[own] - 1, 1)
    others = np.where(members > 0, np.inf, sums / np.maximum(sizes, 1)).min(1)
    scores = np.where(sizes[own] > 1, (others - mine) / np.maximum(np.maximum(mine, others), 1e-12), 0)
    return float(scores.mean())
