"""For a fixed time on a device: the smallest useful batch of each size, and the least useful time.

The definitions are those of Chitlangia et al. (2023), section 4.3. The smallest useful batch of a model is the one
below which it is worse than a smaller model that is given the same time. The least useful time is the one from which
on it is better, at that batch, than every smaller model at its own smallest useful batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from domaintoolkit.studies.analysis.differences import resample

__all__ = ["TimeUse", "time_uses"]

Rows = Sequence[Mapping[str, Any]]
Losses = dict[str, dict[int, dict[float, list[float]]]]
"""For each size, batch and time the losses of its seeds."""
DRAWS = 200


@dataclass(frozen=True, slots=True)
class TimeUse:
    """A size, from small to large. The smallest has no smaller ones to beat: its batch is the one of the least loss."""

    size: str
    parameters: float
    losses: dict[int, float]
    """For each batch, the loss after the longest time."""
    rival: float | None
    """The least loss of the smaller models then, each at its own smallest useful batch; None for the smallest size."""
    least_batch: int | None
    """None if no batch makes it better than the smaller models within the longest time."""
    least_time: float | None
    """Seconds, read off between the times on a logarithmic scale; None if it is longer than the longest."""
    time_interval: tuple[float, float] | None
    """95%, by bootstrap over seeds; the longest time stands for longer ones."""
    is_at_once: bool
    """True if it is already better after the shortest time."""

    @property
    def best_batch(self) -> int:
        """The batch of the least loss."""
        return min(self.losses, key=lambda batch: self.losses[batch])


def time_uses(rows: Rows, y: str = "bits") -> list[TimeUse]:
    """The findings from runs of several sizes, batches (`batch`) and times (`seconds`)."""
    losses: Losses = {}
    parameters: dict[str, list[float]] = {}
    for row in rows:
        of_size = losses.setdefault(str(row["size"]), {})
        of_size.setdefault(int(row["batch"]), {}).setdefault(float(row["seconds"]), []).append(float(row[y]))
        parameters.setdefault(str(row["size"]), []).append(float(row["inner_parameters"]))
    mean_size = {size: float(np.mean(values)) for size, values in parameters.items()}
    order = sorted(losses, key=lambda size: mean_size[size])
    found = _evaluate(losses, order, lambda values: float(np.mean(values)))
    intervals: list[tuple[float, float] | None] = [None] * len(order)
    if any(len(seeds) > 1 for sizes in losses.values() for times in sizes.values() for seeds in times.values()):
        rng = np.random.default_rng(0)
        longest = _longest(losses)
        drawn = [
            [each.time if each.time is not None else longest
             for each in _evaluate(losses, order, lambda values: resample(values, rng))]
            for _ in range(DRAWS)
        ]  # fmt: skip
        intervals = [
            (float(low), float(high)) for low, high in np.quantile(np.array(drawn), (0.025, 0.975), axis=0).T.tolist()
        ]
    return [
        TimeUse(
            size, mean_size[size], each.losses, each.rival, each.batch, None if each.rival is None else each.time,
            None if each.rival is None else interval, each.is_at_once,
        )
        for size, each, interval in zip(order, found, intervals, strict=True)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Found:
    losses: dict[int, float]
    rival: float | None
    batch: int | None
    time: float | None
    is_at_once: bool


def _longest(losses: Losses) -> float:
    return max(time for sizes in losses.values() for times in sizes.values() for time in times)


def _evaluate(losses: Losses, order: Sequence[str], mean: Callable[[Sequence[float]], float]) -> list[_Found]:
    longest = _longest(losses)
    means = {
        size: {batch: {time: mean(seeds) for time, seeds in times.items()} for batch, times in losses[size].items()}
        for size in order
    }
    found: list[_Found] = []
    smaller: list[dict[float, float]] = []  # the course over time of each smaller size, at its own batch
    for size in order:
        last = {batch: times[longest] for batch, times in sorted(means[size].items()) if longest in times}
        rivals = [course[longest] for course in smaller if longest in course]
        rival = min(rivals) if rivals else None
        useful = [batch for batch, loss in last.items() if rival is None or loss < rival]
        best = min(last, key=lambda batch: last[batch])
        batch = best if rival is None else min(useful) if useful else None
        course = means[size][batch if batch is not None else best]
        time, at_once = _least_time(course, smaller) if batch is not None and smaller else (None, False)
        found.append(_Found(last, rival, batch, time, at_once))
        smaller.append(course)
    return found


def _least_time(course: Mapping[float, float], smaller: Sequence[Mapping[float, float]]) -> tuple[float | None, bool]:
    """(the time from which on a course is below all smaller ones', True if that is the first)."""
    times = [time for time in sorted(course) if all(time in each for each in smaller)]
    gaps = [course[time] - min(each[time] for each in smaller) for time in times]
    # times at which a smaller model is not worse
    behind = [number for number, gap in enumerate(gaps) if gap >= 0]
    if not behind:
        return times[0], True
    last = behind[-1]
    if last == len(times) - 1:
        return None, False
    part = gaps[last] / (gaps[last] - gaps[last + 1])
    left, right = math.log(times[last]), math.log(times[last + 1])
    return math.exp(left + part * (right - left)), False
