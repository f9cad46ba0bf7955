"""Differences of means between runs, with Welch's interval over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["MeanDifference", "contrast", "difference", "resample", "resample_means"]

Pair = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """The mean of some runs less that of others, with the half-width of its 95% interval; None if nothing says it."""

    gap: float
    reach: float | None
    base: float
    """The mean of the others."""
    seeds: int
    """The fewest runs of a side."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """95%"""
        return None if self.reach is None else (self.gap - self.reach, self.gap + self.reach)

    @property
    def relative(self) -> float:
        """The gap as a share of the others' mean."""
        return self.gap / abs(self.base) if self.base else float("nan")


def difference(pairs: Sequence[Pair]) -> MeanDifference:
    """The mean over pairs of (the values of some runs, the values of others).

    With several runs on both sides of every pair the interval is Welch's. With one run a side, it follows from how the
    pairs differ from one another, and with one pair of single runs there is none.
    """
    base = float(np.mean([np.mean(other) for _, other in pairs]))
    share = 1 / len(pairs)
    made = contrast([side for own, other in pairs for side in ((share, own), (-share, other))], base)
    if made.reach is not None or len(pairs) < 2:
        return made
    gaps = [float(np.mean(own) - np.mean(other)) for own, other in pairs]
    return replace(made, reach=_reach(float(np.std(gaps, ddof=1)) / math.sqrt(len(gaps)), len(gaps) - 1))


def contrast(sides: Sequence[tuple[float, Sequence[float]]], base: float) -> MeanDifference:
    """The sum of means, each with its weight; the interval is Welch's, and there is none if a side has one run."""
    gap = sum(weight * float(np.mean(values)) for weight, values in sides)
    seeds = min(len(values) for _, values in sides)
    if seeds < 2:
        return MeanDifference(gap, None, base, seeds)
    errors = [weight**2 * float(np.var(values, ddof=1)) / len(values) for weight, values in sides]
    # degrees of freedom of Welch (1947) and Satterthwaite (1946)
    parts = sum(error**2 / (len(values) - 1) for error, (_, values) in zip(errors, sides, strict=True))
    return MeanDifference(gap, _reach(math.sqrt(sum(errors)), sum(errors) ** 2 / max(1e-300, parts)), base, seeds)


def _reach(error: float, freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, max(1.0, freedom))) * error


def resample(values: Sequence[float], rng: np.random.Generator) -> float:
    """The mean of a resample, as far from the mean as one of other seeds would be: resamples of few vary too little."""
    known = np.asarray(values, np.float64)
    count, mean = len(known), float(known.mean())
    if count < 2:
        return mean
    drawn = float(known[rng.integers(count, size=count)].mean())
    # Bessel's correction
    return mean + (drawn - mean) * math.sqrt(count / (count - 1))


def resample_means(points: Sequence[Sequence[float]], rng: np.random.Generator) -> list[float]:
    """The mean of a resample of the seeds of each point.

    A point of one seed varies as much, as a share of itself, as one seed of the others does: if it did not vary, a
    curve through it would look more certain than it is.
    """
    shares = [
        (value / float(np.mean(values)) - 1) * math.sqrt(len(values) / (len(values) - 1))
        for values in points
        if len(values) > 1
        for value in values
    ]
    return [
        values[0] * (1 + shares[int(rng.integers(len(shares)))]) if len(values) == 1 and shares
        else resample(values, rng)
        for values in points
    ]  # fmt: skip
