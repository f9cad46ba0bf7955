"""Clusters that are called bots, at a fixed share of people's events, and how that goes on other entities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flagging", "find_clusters", "flag_clusters", "score_clusters"]

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Flagging:
    """The clusters that are called bots."""

    flagged: NDArray[np.bool_]
    """(clusters,)"""
    calibrated: float
    """The share of people's events in them, on the part that they were chosen on."""


def find_clusters(vectors: Floats, count: int, seed: int = 0) -> Longs:
    """(n,) the cluster of each of the vectors (n, width), by k-means over standardised dimensions."""
    from sklearn.cluster import KMeans

    # otherwise the few dimensions with the largest values would decide
    scaled = (vectors - vectors.mean(0)) / np.maximum(vectors.std(0), 1e-9)
    found: Longs = KMeans(count, n_init=1, random_state=seed).fit_predict(scaled).astype(np.int64)
    return found


def score_clusters(cluster: Longs, ranks: Floats, events: Longs, count: int) -> Floats:
    """(count,) how much like bots each cluster is: the mean rank of its entities by the rule that says most.

    `ranks` (entities, rules) are weighted by `events`; 0 for a cluster of which no rule says anything.
    """
    best = np.zeros(count)
    # (entities,) the ranks by one rule
    for column in ranks.T:
        there = ~np.isnan(column)
        weight = np.bincount(cluster[there], events[there], count)
        # (count,) a weight is a number of events: above 0 it is at least 1
        mean = np.bincount(cluster[there], events[there] * column[there], count) / np.maximum(weight, 1)
        best = np.maximum(best, np.where(weight > 0, mean, 0.0))
    return best


def flag_clusters(cluster: Longs, scores: Floats, people: Longs, rate: float) -> Flagging:
    """As many of the highest clusters as hold at most the share `rate` of `people`: each entity's events of people."""
    count = len(scores)
    held = np.bincount(cluster, people, count)  # (clusters,) people's events
    order = np.argsort(-scores, kind="stable")
    # (clusters,) the share of people in the first so many clusters: rising, so that a binary search finds how many fit
    shares = np.cumsum(held[order]) / max(1.0, float(held.sum()))
    last = int(np.searchsorted(shares, rate, "right"))
    # clusters of which nothing speaks against are never flagged
    chosen = order[:last]
    chosen = chosen[scores[chosen] > 0]
    flagged = np.zeros(count, np.bool_)
    flagged[chosen] = True
    return Flagging(flagged, float(shares[last - 1]) if last else 0.0)
