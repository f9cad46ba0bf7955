"""Do larger models need less data, and do smaller ones gain more from more of it?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from domaintoolkit.studies.analysis.differences import MeanDifference, contrast, resample_means

__all__ = ["DataNeed", "data_gain", "data_need"]

Curve = Mapping[float, Sequence[float]]
"""For each number of training events the losses of its seeds."""
DRAWS = 400


@dataclass(frozen=True, slots=True)
class DataNeed:
    """The data with which a larger model reaches the loss that the smallest has with all of it, as a share of that."""

    share: float
    """Infinite if it is never reached."""
    interval: tuple[float, float] | None
    is_least: bool
    """True if the least data that was tried is already enough, so that the share is at most this."""


def data_need(smallest: Curve, largest: Curve) -> DataNeed:
    """The share, read off between the points of the larger model's curve on a logarithmic scale of data."""
    share, is_least = _share({x: float(np.mean(y)) for x, y in largest.items()}, _target(smallest))
    rng = np.random.default_rng(0)
    if all(len(values) < 2 for curve in (smallest, largest) for values in curve.values()):
        return DataNeed(share, None, is_least)
    drawn = []
    for _ in range(DRAWS):
        place = max(smallest)
        wanted, *means = resample_means([smallest[place], *largest.values()], rng)
        drawn.append(_share(dict(zip(largest, means, strict=True)), (place, wanted))[0])
    ends = np.sort(drawn)
    return DataNeed(share, (float(ends[int(0.025 * DRAWS)]), float(ends[int(0.975 * DRAWS) - 1])), is_least)


def _target(smallest: Curve) -> tuple[float, float]:
    place = max(smallest)
    return place, float(np.mean(smallest[place]))


def _share(means: Mapping[float, float], target: tuple[float, float]) -> tuple[float, bool]:
    whole, wanted = target
    places = sorted(means)
    if means[places[0]] <= wanted:
        return places[0] / whole, True
    for left, right in pairwise(places):
        above, below = means[left], means[right]
        if below <= wanted < above:
            part = (above - wanted) / (above - below)
            # between the two points, on a logarithmic scale of data
            return math.exp(math.log(left) + part * (math.log(right) - math.log(left))) / whole, False
    return math.inf, False


def data_gain(smallest: Curve, largest: Curve) -> MeanDifference | None:
    """The fall of the logarithm of the loss with more data, of the smallest model less that of the largest.

    None without two numbers of events that both have.
    """
    least = max(min(smallest), min(largest))
    most = min(max(smallest), max(largest))
    if least >= most or any(place not in curve for curve in (smallest, largest) for place in (least, most)):
        return None
    sides = (smallest[least], smallest[most], largest[least], largest[most])
    logs = [[math.log(value) for value in side] for side in sides]
    return contrast(list(zip((1.0, -1.0, -1.0, 1.0), logs, strict=True)), float(np.mean(logs[2]) - np.mean(logs[3])))
