"""The best size for a budget: a law of the loss in parameters and in events seen (Hoffmann et al. 2022, approach 3)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.metrics import estimate_interval
from domaintoolkit.studies.analysis.huber_fit import fit_terms

__all__ = ["JointLaw", "SizeChoice", "fit_joint_law"]

Floats = NDArray[np.float64]
Rows = Sequence[Mapping[str, Any]]

DRAWS = 60
FIRST = 0.2
"""Evaluations before this share of the steps are left out: the learning rate still rises there."""


@dataclass(frozen=True, slots=True)
class SizeChoice:
    """The best size for a budget, each number with its 95% interval by bootstrap over seeds; None with one seed."""

    parameters: float
    parameters_interval: tuple[float, float] | None
    events: float
    """Events that are seen in training, repetitions included."""
    loss: float
    loss_interval: tuple[float, float] | None
    is_beyond: bool
    """True if the size, or the number of events, lies outside of those that were tried."""


@dataclass(frozen=True, slots=True)
class JointLaw:
    """loss = floor + a * parameters^-alpha + b * events^-beta, of the validation loss."""

    coefficients: tuple[float, float, float, float, float]
    """floor, a, alpha, b, beta"""
    draws: tuple[tuple[float, float, float, float, float], ...]
    """The same of each resample of the seeds."""
    parameters: tuple[float, float]
    """The least and the greatest that were tried."""
    events: tuple[float, float]
    points: int
    spread: float
    """The root of the mean square of the relative residuals."""
    rates: tuple[tuple[float, float], ...]
    """(parameters, events a second) as they were measured."""

    @property
    def formula(self) -> str:
        """The law, with its numbers."""
        floor, a, alpha, b, beta = self.coefficients
        return f"{floor:.3f} + {a:.3g} · parameters^-{alpha:.3f} + {b:.3g} · events^-{beta:.3f}"

    @property
    def exponent(self) -> float:
        """Of the best number of parameters, in compute."""
        _, _, alpha, _, beta = self.coefficients
        return beta / (alpha + beta)

    @property
    def exponent_interval(self) -> tuple[float, float] | None:
        """95%, by bootstrap over seeds."""
        return estimate_interval([each[4] / (each[2] + each[4]) for each in self.draws])

    def expected(self, parameters: float, events: float) -> tuple[float, tuple[float, float] | None]:
        """The loss of a size after some events, with its interval."""
        return (
            _loss(self.coefficients, parameters, events),
            estimate_interval([_loss(each, parameters, events) for each in self.draws]),
        )

    def choose_for_compute(self, flops: float) -> SizeChoice:
        """The best size for a number of FLOPs: six for each parameter and event."""
        return self._choose(lambda sizes: flops / (6 * sizes))

    def choose_for_time(self, seconds: float) -> SizeChoice:
        """The best size for a time on the machine that the study ran on, at the rates that were measured there."""
        known = np.log(np.array(self.rates, np.float64))

        def events(sizes: Floats) -> Floats:
            logs = np.log(sizes)
            inside = np.interp(logs, known[:, 0], known[:, 1])
            # a larger model than those measured takes as much more time as it has parameters; a smaller one no less
            return np.asarray(seconds * np.exp(inside - np.maximum(logs - known[-1, 0], 0)))

        return self._choose(events)

    def _choose(self, events: Any) -> SizeChoice:
        # far beyond those that were tried; `is_beyond` says so
        sizes = np.geomspace(self.parameters[0] / 100, self.parameters[1] * 1000, 2_000)
        seen = events(sizes)
        # (sizes,) of the fit, and of each resample
        curves = [_losses(each, sizes, seen) for each in (self.coefficients, *self.draws)]
        best = [int(curve.argmin()) for curve in curves]
        size, count = float(sizes[best[0]]), float(seen[best[0]])
        is_inside = self.parameters[0] <= size <= self.parameters[1] and self.events[0] <= count <= self.events[1]
        return SizeChoice(
            size, estimate_interval([float(sizes[place]) for place in best[1:]]), count, float(curves[0][best[0]]),
            estimate_interval([float(curve[best[0]]) for curve in curves[1:]]), not is_inside,
        )  # fmt: skip


def _loss(coefficients: Sequence[float], parameters: float, events: float) -> float:
    return float(_losses(coefficients, np.array([parameters]), np.array([events]))[0])


def _losses(coefficients: Sequence[float], parameters: Floats, events: Floats) -> Floats:
    floor, a, alpha, b, beta = coefficients
    return np.asarray(floor + a * parameters**-alpha + b * events**-beta, np.float64)


def fit_joint_law(rows: Rows) -> JointLaw:
    """Fit the law to the validation losses in the course of each run.

    The learning rate of a run falls to its end, so losses before the end are higher than those of runs that end there;
    this favours smaller models a little. Raises `ValueError` for fewer than three sizes, or too few evaluations.
    """
    by_size: dict[float, dict[int, list[tuple[float, float]]]] = {}
    rates: dict[float, list[float]] = {}
    for row in rows:
        size, each = float(row["inner_parameters"]), float(row["events_seen"]) / row["steps"]
        curve = [
            (each * step, bits) for step, bits in row["validation"]
            if step >= FIRST * row["steps"] and math.isfinite(bits)
        ]  # fmt: skip
        by_size.setdefault(size, {}).setdefault(int(row["seed"]), []).extend(curve)
        if row.get("seconds_a_step"):
            rates.setdefault(size, []).append(each / row["seconds_a_step"])
    if len(by_size) < 3:
        raise ValueError(f"a law in size and data needs at least three sizes, got {len(by_size)}")
    points = _join(by_size, {size: sorted(seeds) for size, seeds in by_size.items()})
    if len({events for _, events, _ in points.tolist()}) < 3:
        raise ValueError("a law in size and data needs at least three evaluations of each run")
    best = _fit(points, _starts(points))
    rng = np.random.default_rng(0)
    draws = []
    if any(len(seeds) > 1 for seeds in by_size.values()):
        for _ in range(DRAWS):
            chosen = {
                # whole seeds are drawn, since the evaluations of one run are alike
                size: [sorted(seeds)[place] for place in rng.integers(len(seeds), size=len(seeds))]
                for size, seeds in by_size.items()
            }
            draws.append(_fit(_join(by_size, chosen), [best]))
    made = _losses(best, points[:, 0], points[:, 1])  # (n,)
    return JointLaw(
        best, tuple(draws), (min(by_size), max(by_size)), (float(points[:, 1].min()), float(points[:, 1].max())),
        len(points), float(np.sqrt(np.mean((made / points[:, 2] - 1) ** 2))),
        tuple((size, float(np.median(values))) for size, values in sorted(rates.items())),
    )  # fmt: skip


def _join(
    by_size: Mapping[float, Mapping[int, Sequence[tuple[float, float]]]], chosen: Mapping[float, Sequence[int]]
) -> Floats:
    """(n, 3): parameters, events seen, loss, of the chosen seeds of each size."""
    return np.array(
        [
            (size, events, loss)
            for size, seeds in chosen.items()
            for seed in seeds
            for events, loss in by_size[size][seed]
        ],
        np.float64,
    )


Coefficients = tuple[float, float, float, float, float]


def _starts(points: Floats) -> list[Coefficients]:
    low, high = float(points[:, 2].min()), float(points[:, 2].max())
    # (2,) the geometric mean; numbers as ratios to it have logarithms near 0, which the search needs
    middle = np.exp(np.log(points[:, :2]).mean(0))
    rest = max(high - low, 1e-3)
    return [
        (low * share, rest * middle[0] ** alpha, alpha, rest * middle[1] ** beta, beta)
        for share, alpha, beta in product((0.3, 0.7, 0.95), (0.1, 0.4), (0.2, 0.6))
    ]


def _fit(points: Floats, starts: Sequence[Coefficients]) -> Coefficients:
    """The best of the fits from each start, by Huber loss on logarithms; all coefficients stay above zero."""
    middle = np.exp(np.log(points[:, :2]).mean(0))
    logs = np.log(points[:, :2] / middle)

    def terms(coefficients: Floats) -> tuple[Floats, Sequence[Floats]]:
        # the coefficients of the search are logarithms, so derivatives are by these
        floor, a, alpha, b, beta = coefficients
        of_size, of_data = a * np.exp(-alpha * logs[:, 0]), b * np.exp(-beta * logs[:, 1])
        derivatives = (floor, of_size, -of_size * logs[:, 0] * alpha, of_data, -of_data * logs[:, 1] * beta)
        return floor + of_size + of_data, derivatives

    # a and b as they are at the middle, where they are about the loss
    begin = [
        (floor, a * middle[0] ** -alpha, alpha, b * middle[1] ** -beta, beta) for floor, a, alpha, b, beta in starts
    ]
    bounds = [(-14, 14), (-14, 14), (-4, 1), (-14, 14), (-4, 1)]
    floor, a, alpha, b, beta = fit_terms(terms, np.log(points[:, 2]), begin, bounds).tolist()
    return floor, float(a * math.pow(middle[0], alpha)), alpha, float(b * math.pow(middle[1], beta)), beta
