"""Two samples of tokens compared: their distance, the sampling error of that distance, and a verdict.

The events of one entity are alike, so a million events of a thousand entities are a much smaller sample than a million
events drawn one by one. The histories are dealt out to `REPLICATES` replicates, and the spread between these shows how
much smaller (Rao and Scott, 1981: a chi-squared statistic divided by the design effect).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "REPLICATES",
    "VERDICTS",
    "Change",
    "PartComparison",
    "Verdict",
    "compare_groups",
    "effective_size",
    "stability_index",
    "worst_verdict",
]

Verdict = Literal["stable", "shifted", "drifted", "too few", "calendar"]
VERDICTS: tuple[Verdict, ...] = ("stable", "shifted", "drifted")
"""Verdicts on a comparison, from good to bad. The others say why there is none."""

INDEX_LIMITS = (0.1, 0.25)
"""The usual limits of the population stability index (Siddiqi, Credit Risk Scorecards, 2006)."""
SIGNIFICANCE = 0.01
"""The chance that any part of data that has not changed is called shifted, shared among the parts that are compared."""
REPLICATES = 32
FEWEST_ENTITIES = 10
CHANGES = 3

Hists = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Change:
    """A group of tokens with its share in the encoded and in the new data."""

    tokens: str
    encoded: float
    new: float


@dataclass(frozen=True, slots=True)
class PartComparison:
    """The comparison of one part."""

    index: float
    """The population stability index, less the value that sampling alone gives on average; at least 0."""
    p_value: float
    """The chance of a distance as large if both samples come from one distribution."""
    verdict: Verdict
    changes: tuple[Change, ...]
    """The groups that add most to the index, if the part has shifted."""


def stability_index(encoded: NDArray[np.integer[Any]], new: NDArray[np.integer[Any]]) -> float:
    """The population stability index of two histograms over the same groups: sum of (q - p) ln(q / p).

    Half a value is added to every group, so that an empty one does not make the index infinite.
    """
    if not encoded.sum() or not new.sum():
        return 0.0
    return float(_terms(encoded, new).sum())


def _terms(encoded: NDArray[np.integer[Any]], new: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    p, q = (counts + 0.5 for counts in (encoded, new))  # (groups,)
    p, q = p / p.sum(), q / q.sum()
    return np.asarray((q - p) * np.log(q / p), np.float64)


def effective_size(histograms: Hists) -> float:
    """The size of a sample of independent tokens with the same sampling error; `histograms` is (replicates, groups)."""
    sizes = histograms.sum(1)
    total, used = int(sizes.sum()), int((sizes > 0).sum())
    if used < 2:
        return 0.0
    shares = histograms.sum(0) / total
    # (groups,): the variance of each share between replicates, and the one that independent tokens would have
    residuals = histograms - shares * sizes[:, None]
    between = (residuals**2).sum(0) * used / (used - 1) / total**2
    single = shares * (1 - shares) / total
    if not single.any():
        return float(total)
    # the mean of the groups' design effects, weighted by 1 - share as the statistic weights them
    effects = np.divide(between, single, out=np.ones_like(between), where=single > 0)
    effect = float(((1 - shares) * effects).sum() / (1 - shares).sum())
    return total / max(effect, 1.0)


def compare_groups(
    encoded: Hists, new: Hists, labels: tuple[str, ...], entities: tuple[int, int], parts: int
) -> PartComparison:
    """Compare one part; both arrays are (replicates, groups), `entities` the numbers of histories on each side.

    `parts` is the number of comparisons that share the chance of a false alarm.
    """
    both = (encoded, new)
    if min(entities) < FEWEST_ENTITIES or not all(side.sum() for side in both):
        return PartComparison(0.0, 1.0, "too few", ())
    while True:
        first, second = (effective_size(side) for side in both)
        noise = 1 / first + 1 / second if first and second else inf
        groups = int((both[0].sum(0) + both[1].sum(0) > 0).sum())
        # the index that sampling alone exceeds in one case of twenty: it must not pass for a shift
        if noise * _chi_squared_quantile(0.95, groups - 1) <= INDEX_LIMITS[0] or groups <= 2:
            break
        starts = _coarser(both)
        both = (np.add.reduceat(both[0], starts, 1), np.add.reduceat(both[1], starts, 1))  # (replicates, fewer groups)
        labels = tuple(" or ".join(names) for names in _split(labels, starts))
    p, q = (side.sum(0) for side in both)  # (groups,)
    if noise * _chi_squared_quantile(0.95, groups - 1) > INDEX_LIMITS[1]:
        return PartComparison(0.0, 1.0, "too few", ())
    index = max(stability_index(p, q) - noise * (groups - 1), 0.0)
    p_value = _p_value(p / p.sum(), q / q.sum(), noise, groups)
    certain = p_value < SIGNIFICANCE / max(parts, 1)
    verdict = VERDICTS[sum(index >= limit for limit in INDEX_LIMITS) if certain else 0]
    return PartComparison(index, p_value, verdict, _largest_changes(p, q, labels) if verdict != "stable" else ())


def worst_verdict(verdicts: list[Verdict]) -> Verdict:
    """The worst of those that say something; `too few` if none does."""
    decided = [VERDICTS.index(verdict) for verdict in verdicts if verdict in VERDICTS]
    return VERDICTS[max(decided)] if decided else "too few"


def _largest_changes(p: Hists, q: Hists, labels: tuple[str, ...]) -> tuple[Change, ...]:
    order = np.argsort(-_terms(p, q), kind="stable")[:CHANGES]
    return tuple(Change(labels[k], float(p[k] / p.sum()), float(q[k] / q.sum())) for k in order)


def _coarser(both: tuple[Hists, Hists]) -> NDArray[np.int64]:
    """The first group of each of three quarters as many groups: the two neighbours that are rarest become one, again
    and again, so that frequent groups stay alone."""
    shares = [side.sum(0) / side.sum() for side in both]
    held = list(shares[0] + shares[1])
    starts = list(range(len(held)))
    for _ in range(max(len(held) // 4, 1)):
        rarest = min(range(len(held) - 1), key=lambda k: held[k] + held[k + 1])
        held[rarest] += held.pop(rarest + 1)
        # the pair keeps the start of its left one
        starts.pop(rarest + 1)
    return np.array(starts)


def _split(labels: tuple[str, ...], starts: NDArray[np.int64]) -> list[tuple[str, ...]]:
    bounds = [*starts.tolist(), len(labels)]
    return [labels[low:high] for low, high in pairwise(bounds)]


def _p_value(p: NDArray[np.float64], q: NDArray[np.float64], noise: float, groups: int) -> float:
    """The chance of a chi-squared statistic as large, by the approximation of Wilson and Hilferty (1931)."""
    degrees = groups - 1
    if degrees < 1:
        return 1.0
    pooled = (p + q) / 2
    held = pooled > 0
    statistic = float(((q - p)[held] ** 2 / pooled[held]).sum() / noise)
    spread = 2 / (9 * degrees)
    score = ((statistic / degrees) ** (1 / 3) - (1 - spread)) / sqrt(spread)
    # further out, 1 - cdf is nothing but rounding
    return 1 - NormalDist().cdf(score) if score < 8 else 0.0


def _chi_squared_quantile(share: float, degrees: int) -> float:
    if degrees < 1:
        return 0.0
    spread = 2 / (9 * degrees)
    return float(degrees * (1 - spread + NormalDist().inv_cdf(share) * sqrt(spread)) ** 3)
