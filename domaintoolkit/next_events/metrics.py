"""Figures of rankings: each with an interval, by bootstrap over histories, since cases of one are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.metrics import Reliability, estimate_interval, resample
from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.util.ragged import positions

__all__ = ["CaseFigures", "MeanFigure", "case_figures", "difference_of", "mean_of", "rank_targets", "reliability_of"]

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

RESAMPLES = 400
AT_ONCE = 64
"""Targets whose scores are compared at a time, so that they stay in the cache."""
BINS, IN_BIN = 15, 50
"""At most so many bins of equally many cases, and at least so many cases in each: small ones differ by chance."""


@dataclass(frozen=True, slots=True)
class MeanFigure:
    """A mean with the bounds of its 95% interval, which are NaN if it rests on too few histories."""

    value: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """True if the interval holds no zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, eq=False)
class CaseFigures:
    """For each case, the figures by name; NaN if the case has none: its value is missing, or was seen before."""

    figures: dict[str, Floats]
    fresh: dict[str, Floats]
    """The same with the values of the history left out, from the ranking and from the targets."""


def rank_targets(scores: NDArray[Any], cases: Cases, known: Sequences) -> tuple[Longs, Longs]:
    """(rank of each target among all V values, among those that are not in the history; 0 if it is or is missing).

    The values that score as high as the target count as before it: ties help no one.
    """
    owners = np.repeat(np.arange(len(cases)), np.diff(cases.offsets))  # (targets,)
    there = cases.targets >= 0
    targets = np.maximum(cases.targets, 0)
    # (targets,) each; `scores` is (cases, V)
    wanted = scores[owners, targets]
    ranks = np.empty(len(owners), np.int64)
    for low in range(0, len(owners), AT_ONCE):
        rows = slice(low, low + AT_ONCE)
        # (targets, V)
        ranks[rows] = np.count_nonzero(scores[owners[rows]] >= wanted[rows, None], axis=1)
    ranks[~there] = 0
    # (values that a case has seen,) each once; then each of them for every target of its case
    seen = np.unique(known.owners * known.size + known.codes)
    case, code = seen // max(known.size, 1), seen % max(known.size, 1)
    bounds = np.searchsorted(case, np.arange(len(cases) + 1))
    counts = np.diff(bounds)[owners]
    # (target, seen value) pairs: the number of the target, and the place of the value in `code`
    each, at = np.repeat(np.arange(len(owners)), counts), positions(bounds[:-1][owners], counts)
    ahead = scores[case[at], code[at]] >= wanted[each]
    known_before = np.bincount(each[code[at] == targets[each]], minlength=len(owners)) > 0
    # each seen value that is ranked before a target moves it up when it is left out
    fresh = ranks - np.bincount(each[ahead], minlength=len(owners))
    fresh[known_before | ~there] = 0
    return ranks, fresh


def case_figures(cases: Cases, ranks: Longs, fresh: Longs, tops: tuple[int, ...]) -> CaseFigures:
    """Accuracy, reciprocal rank, and recall and NDCG at each of `tops`; of several targets, each counts in them."""
    return CaseFigures(_figures(cases, ranks, tops), _figures(cases, fresh, tops))


def _figures(cases: Cases, ranks: Longs, tops: tuple[int, ...]) -> dict[str, Floats]:
    owners, count = np.repeat(np.arange(len(cases)), np.diff(cases.offsets)), len(cases)
    there = ranks > 0
    sizes = np.bincount(owners[there], minlength=count).astype(np.float64)
    empty = sizes == 0

    def add(values: Floats) -> Floats:
        return np.asarray(np.bincount(owners[there], values[there], count), np.float64)

    with np.errstate(divide="ignore", invalid="ignore"):
        gains = 1 / np.log2(np.maximum(ranks, 1) + 1.0)  # (targets,)
        # right if any target of the case is first
        found = {"accuracy": np.minimum(add((ranks == 1).astype(float)), 1.0)}
        best = np.full(count, np.inf)
        np.minimum.at(best, owners[there], ranks[there])
        found["mrr"] = np.where(np.isinf(best), 0.0, 1 / best)
        # (most targets + 1,) the gain of so many targets that are ranked first
        ideal = np.append(0, np.cumsum(1 / np.log2(np.arange(2, int(sizes.max(initial=0)) + 2))))
        for top in tops:
            inside = ranks <= top
            found[f"recall@{top}"] = add(inside.astype(float)) / sizes
            found[f"ndcg@{top}"] = add(gains * inside) / ideal[np.minimum(sizes, top).astype(np.int64)]
            if np.diff(cases.offsets).max(initial=1) > 1:
                # the ideal of all targets, as papers on next baskets have it
                found[f"ndcg_whole@{top}"] = add(gains * inside) / ideal[sizes.astype(np.int64)]
    return {name: np.where(empty, np.nan, values) for name, values in found.items()}


def mean_of(values: Floats, histories: Longs, seed: int = 0) -> MeanFigure:
    """The mean over cases that have a figure, with its interval."""
    sums, sizes = _sum_by_history(values, histories)
    return _mean(sums, sizes, len(sums), seed)


def difference_of(left: Floats, right: Floats, histories: Longs, seed: int = 0) -> MeanFigure:
    """The mean of what `left` is above `right`, case by case: its interval is narrower than those of both.

    It rests on the histories in which the two differ: if there are few, chance may have put all on one side.
    """
    sums, sizes = _sum_by_history(left - right, histories)
    return _mean(sums, sizes, int(np.count_nonzero(sums)), seed)


def _sum_by_history(values: Floats, histories: Longs) -> tuple[Floats, Floats]:
    """(histories,) the sum and the number of the figures of each history that has some."""
    there = ~np.isnan(values)
    _, group = np.unique(histories[there], return_inverse=True)
    return np.bincount(group, values[there]).astype(np.float64), np.bincount(group).astype(np.float64)


def _mean(sums: Floats, sizes: Floats, groups: int, seed: int) -> MeanFigure:
    if not len(sums):
        return MeanFigure(np.nan, np.nan, np.nan)
    # (histories,) a history that is drawn twice counts twice
    drawn = [float(counts @ sums) / float(counts @ sizes) for counts in resample(len(sums), RESAMPLES, seed)]
    interval = estimate_interval(drawn, groups=groups) or (np.nan, np.nan)
    return MeanFigure(float(sums.sum() / sizes.sum()), *interval)


def reliability_of(confidence: Floats, right: NDArray[np.bool_]) -> Reliability:
    """The distance between the probabilities of the likeliest values and the shares of cases in which these come."""
    order = np.argsort(confidence, kind="stable")
    count = max(1, min(BINS, len(order) // IN_BIN))
    bins = [each for each in np.array_split(order, count) if len(each)]
    sums = [(len(each), confidence[each].sum(), right[each].sum()) for each in bins]
    return Reliability.of_sums(*np.array(sums).reshape(-1, 3).T)
