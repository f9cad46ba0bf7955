"""The bounds and names of the buckets of a numeric field."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders.numeric.bucket_index import Buckets, lower_ends
from domaintoolkit.schema import Numeric

__all__ = ["Histogram", "Scale", "scale_of"]

Floats = NDArray[np.float64]

_EXACT = Context(prec=40)
"""Decimal's logarithm is correctly rounded, so that edges are the same on every platform; libm's is not."""

_LONG = 1e12
"""From here on numbers are written with an exponent."""


@dataclass(frozen=True)
class Histogram:
    """The values seen in fitting: used cells in order, the number of values in each, and the extremes."""

    cells: NDArray[np.int64]
    counts: NDArray[np.int64]
    low: float
    high: float


def scale_of(spec: Numeric, seen: Histogram) -> Scale:
    """The scale that a declaration asks for, out of a histogram."""
    if spec.edges is not None:
        return Scale(spec, np.array(spec.edges[1:-1]), spec.edges[0], spec.edges[-1])
    if not len(seen.cells):
        return Scale(spec, np.empty(0), 0.0, 0.0)
    edges = np.unique({"quantile": _quantiles, "log": _log, "uniform": _uniform}[spec.strategy](spec.bins, seen))
    return Scale(spec, edges[(edges > seen.low) & (edges <= seen.high)], seen.low, seen.high)


def _quantiles(bins: int, seen: Histogram) -> Floats:
    """Ends of cells, so that each bucket holds about as many values; one that would fill several has its own."""
    cumulated = np.cumsum(seen.counts)
    total = int(cumulated[-1])
    wanted = np.array([total * k // bins for k in range(1, bins)], np.int64)
    after = np.searchsorted(cumulated, wanted, side="left") + 1
    heavy = np.flatnonzero(seen.counts * bins >= total)
    ends = _inner(np.concatenate([after, heavy, heavy + 1]), len(seen.cells))
    if len(ends) > bins - 1:
        ends = _inner(after, len(seen.cells))
    return lower_ends(seen.cells[ends])


def _inner(ends: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.unique(ends[(ends > 0) & (ends < count)])


def _uniform(bins: int, seen: Histogram) -> Floats:
    shares = [k / bins for k in range(1, bins)]
    return np.array([seen.low * (1 - share) + seen.high * share for share in shares])


def _log(bins: int, seen: Histogram) -> Floats:
    """Edges of equal ratio over the positive values; zero and what is below it have one bucket."""
    if seen.high <= 0 or bins == 1:
        return np.empty(0)
    below = seen.low <= 0
    positive = lower_ends(seen.cells[seen.cells > 0])
    if below and not len(positive):
        return np.empty(0)
    least = float(positive[0]) if below else seen.low
    start, stop = _EXACT.ln(Decimal(least)), _EXACT.ln(Decimal(seen.high))
    count = bins - int(below)
    edges = [float(_EXACT.exp(start + (stop - start) * k / count)) for k in range(1, count)]
    return np.array([least, *edges] if below else edges)


class Scale:
    """Buckets between `edges`, over data from `low` to `high`, each in `refine` steps where asked for.

    A fine bucket is a step of a bucket: `bucket` and `step` say which, `fine_of[bucket, step]` the reverse.
    """

    def __init__(self, spec: Numeric, edges: Floats, low: float, high: float) -> None:
        self.spec, self.low, self.high = spec, low, high
        self.edges = np.asarray(edges, np.float64)
        bounds = [low, *self.edges.tolist(), max(high, low)]
        fine, bucket, step = [], [], []
        for number, (lower, upper) in enumerate(pairwise(bounds)):
            inner = _steps(lower, upper, spec.refine)
            fine += ([lower] if number else []) + inner
            bucket += [number] * (len(inner) + 1)
            step += list(range(len(inner) + 1))
        self.fine = Buckets(np.array(fine, np.float64))
        self.bucket, self.step = np.array(bucket, np.int32), np.array(step, np.int32)
        self.fine_of = np.full((len(bounds) - 1, spec.refine), -1, np.int32)
        self.fine_of[self.bucket, self.step] = np.arange(len(bucket), dtype=np.int32)
        self._bounds = [low, *fine, max(high, low)]

    @cached_property
    def names(self) -> list[str]:
        """`32.5..35.8`: the ends of each bucket in as few digits as tell them apart."""
        bounds = [self.low, *self.edges.tolist(), max(self.high, self.low)]
        for digits in (3, 4, 6, 9, 12, 17):
            words = [_written(bound, digits) for bound in bounds]
            names = [f"{lower}..{upper}" for lower, upper in pairwise(words)]
            if len(set(words[1:-1])) == len(words[1:-1]) and len(set(names)) == len(names):
                return names
        return names

    def outside(self, values: Floats) -> int:
        """The number of values outside the range of the fitted data."""
        if not len(values) or (values.min() >= self.low and values.max() <= self.high):
            return 0
        return int(np.count_nonzero((values < self.low) | (values > self.high)))

    def candidates(self, fine: int) -> Iterator[float]:
        """Numbers of a fine bucket, from the most telling to the last resort."""
        lower, upper = self._bounds[fine], self._bounds[fine + 1]
        middle = lower / 2 + upper / 2
        if middle:
            for digits in (2, 3, 4, 6, 9):
                short = float(f"{middle:.{digits}g}")
                if lower <= short < upper:
                    yield short
                    break
        yield middle
        yield lower
        yield math.nextafter(lower, math.inf)
        yield math.nextafter(upper, -math.inf)
        yield upper

    def to_json(self) -> dict[str, Any]:
        return {"edges": [edge.hex() for edge in self.edges.tolist()], "low": self.low.hex(), "high": self.high.hex()}

    @classmethod
    def from_json(cls, spec: Numeric, data: dict[str, Any]) -> Scale:
        edges = np.array([float.fromhex(edge) for edge in data["edges"]], np.float64)
        return cls(spec, edges, float.fromhex(data["low"]), float.fromhex(data["high"]))


def _written(bound: float, digits: int) -> str:
    """A number in so many digits; `1640`, not `1.64e+03`, while that is no longer than people write."""
    text = f"{bound:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(bound) < _LONG else text


def _steps(lower: float, upper: float, steps: int) -> list[float]:
    """Inner ends of the steps of one bucket, as far as floats can tell them apart."""
    inner = []
    last = lower
    for k in range(1, steps):
        end = lower * (1 - k / steps) + upper * (k / steps)
        if last < end < upper:
            inner.append(end)
            last = end
    return inner
