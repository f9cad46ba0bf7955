"""Power laws with a floor, fitted by a Huber loss on logarithms from a grid of starts (Hoffmann et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.metrics import estimate_interval
from domaintoolkit.studies.analysis.differences import resample_means
from domaintoolkit.studies.analysis.huber_fit import fit_terms

__all__ = ["Law", "fit_law", "leave_largest_out"]

Floats = NDArray[np.float64]

DRAWS = 200
"""Draws of the bootstrap."""
EXPONENTS = (-5, 2)
"""The logarithms of the exponents that are searched."""


@dataclass(frozen=True, slots=True)
class Law:
    """y = floor + scale * x^-exponent, with 95% intervals by bootstrap over seeds; None with one seed."""

    floor: float
    scale: float
    exponent: float
    exponent_interval: tuple[float, float] | None
    floor_interval: tuple[float, float] | None
    x: tuple[float, ...]
    y: tuple[float, ...]
    """The means over seeds that were fitted."""
    draws: tuple[tuple[float, float, float], ...] = ()
    """(floor, scale, exponent) of each resample of the seeds."""

    def __call__(self, x: float) -> float:
        """The value that the law expects."""
        return float(self.floor + self.scale * x**-self.exponent)

    def interval(self, x: float) -> tuple[float, float] | None:
        """The 95% interval of the value that the law expects."""
        return estimate_interval([floor + scale * x**-exponent for floor, scale, exponent in self.draws])

    @property
    def residuals(self) -> tuple[float, ...]:
        """Measured less expected, at each point."""
        return tuple(y - self(x) for x, y in zip(self.x, self.y, strict=True))

    @property
    def is_at_end(self) -> bool:
        """True if the exponent is about the least or the greatest of the search, so that the points do not fix it."""
        return not EXPONENTS[0] + 0.05 < math.log(self.exponent) < EXPONENTS[1] - 0.05

    @property
    def formula(self) -> str:
        """The law, with its numbers."""
        return f"{self.floor:.3f} + {self.scale:.3g} · x^-{self.exponent:.3f}"


def fit_law(x: Sequence[float], y: Sequence[Sequence[float]], draws: int = DRAWS, seed: int = 0) -> Law:
    """Fit the law to points `x`, each with the values of its seeds in `y`.

    Raises `ValueError` for fewer than three different points: a law has three parameters.
    """
    return _fit_points(tuple(x), tuple(map(tuple, y)), draws, seed)


@lru_cache(maxsize=256)  # a page, its findings and its summary ask for the same laws
def _fit_points(x: tuple[float, ...], y: tuple[tuple[float, ...], ...], draws: int, seed: int) -> Law:
    # (points,) by rising x
    order = np.argsort(np.asarray(x, np.float64), kind="stable")
    places = np.asarray(x, np.float64)[order]
    values = [np.asarray(y[number], np.float64) for number in order]
    if len(set(places.tolist())) < 3:
        raise ValueError(f"a law needs at least three points, got {len(set(places.tolist()))}")
    means = np.array([each.mean() for each in values])
    # the law goes through the means over seeds
    floor, scale, exponent = _fit(places, means, _starts(means))
    rng = np.random.default_rng(seed)
    drawn: list[tuple[float, float, float]] = []
    if any(len(each) > 1 for each in values):
        # resampled points are near the measured ones: one start is enough
        near = [(floor, scale, exponent)]
        samples = [np.array(resample_means([each.tolist() for each in values], rng)) for _ in range(draws)]
        drawn = [_fit(places, sample, near) for sample in samples]
    exponents, floors = ([each[place] for each in drawn] for place in (2, 0))
    return Law(
        floor,
        scale,
        exponent,
        estimate_interval(exponents),
        estimate_interval(floors),
        tuple(places.tolist()),
        tuple(means.tolist()),
        tuple(drawn),
    )


def _starts(means: Floats) -> list[tuple[float, float, float]]:
    """(floor, scale, exponent): shares of the least value, and falls from mild to steep."""
    low, high = float(means.min()), float(means.max())
    return [
        (low * share, max(high - low * share, 1e-3) * factor, exponent)
        for share, factor, exponent in product((0.3, 0.8, 0.97), (1.0, 30.0), (0.1, 0.3, 0.6))
    ]


def _fit(x: Floats, y: Floats, starts: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    """The best of the fits from each start; the floor and the scale stay above zero, as exponentials."""
    middle = float(np.exp(np.log(x).mean()))  # around it, scale and exponent depend little on one another
    logs = np.log(x / middle)

    def terms(coefficients: Floats) -> tuple[Floats, Sequence[Floats]]:
        floor, scale, exponent = coefficients
        rest = scale * np.exp(-exponent * logs)
        return floor + rest, (floor, rest, -rest * logs * exponent)

    begin = [
        (max(floor, 1e-6), max(scale * middle**-exponent if scale > 1 else scale, 1e-6), exponent)
        for floor, scale, exponent in starts
    ]
    floor, scale, exponent = fit_terms(terms, np.log(y), begin, [(-14, 14), (-20, 20), EXPONENTS])
    return float(floor), float(scale * middle**exponent), float(exponent)


def leave_largest_out(x: Sequence[float], y: Sequence[Sequence[float]]) -> tuple[Law, float, float] | None:
    """(the law of all points but the largest, what it expects there, what was measured); None for too few points."""
    largest = max(x)
    kept = [number for number, value in enumerate(x) if value < largest]
    if len({x[number] for number in kept}) < 3:
        return None
    law = fit_law([x[number] for number in kept], [y[number] for number in kept], draws=0)
    measured = [value for number, values in enumerate(y) if x[number] == largest for value in values]
    return law, law(largest), float(np.mean(measured))
