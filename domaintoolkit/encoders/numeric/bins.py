"""The bounds and names of the buckets of a numeric field."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Context, Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders.numeric.bucket_index import Buckets, cells_of, lower_ends
from domaintoolkit.encoders.numeric.seen_values import SeenValues, sum_counts
from domaintoolkit.schema import Numeric

__all__ = ["Scale", "scale_of"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Extremes = tuple[float, float]

_EXACT = Context(prec=40)
"""Decimal's logarithm is correctly rounded, so that edges are the same on every platform; libm's is not."""

_DIGITS = (3, 4, 6, 9, 12, 17)

_LONG = 1e12
"""From here on numbers are written with an exponent."""


def scale_of(spec: Numeric, seen: SeenValues) -> Scale:
    """The scale that a declaration asks for, for the values seen."""
    values, counts, _ = seen.points()
    if spec.edges is not None:
        return Scale(spec, np.array(spec.edges[1:-1]), spec.edges[0], spec.edges[-1], seen.is_whole and len(values) > 0)
    if not len(values):
        return Scale(spec, np.empty(0), 0.0, 0.0)
    low, high = seen.extremes()
    if spec.sign:
        values, counts = sum_counts(np.abs(values), counts)
        low, high = float(values[0]), max(abs(low), abs(high))
    edges = {"quantile": _quantiles, "log": _log, "uniform": _uniform}[spec.strategy](
        spec.bins, values, counts, (low, high)
    )
    if seen.is_whole:
        # whole numbers: no number lies between an edge and the next whole one, so the buckets stay the same
        edges = np.ceil(edges)
    edges = np.unique(edges)
    # other edges would leave a bucket on their far side without a number
    edges = edges[(edges > low) & (edges <= high)]
    # a bucket of one value has its name
    places, first, times = np.unique(np.searchsorted(edges, values, "right"), return_index=True, return_counts=True)
    alone = dict(zip(places[times == 1].tolist(), values[first[times == 1]].tolist(), strict=True))
    return Scale(spec, edges, low, high, seen.is_whole, alone)


def _quantiles(bins: int, values: Floats, counts: Counts, _: Extremes) -> Floats:
    """Edges between equally many values, once the frequent ones have buckets of their own."""
    if len(values) <= bins:
        return _edges_before(values, np.arange(1, len(values)))
    own, ends = _single(bins, values, counts, bins - 1)
    counts = counts.copy()
    counts[own] = 0
    # (values,) numbers up to each value, without those that have buckets of their own
    cumulated, left = np.cumsum(counts), bins - 1 - len(ends)
    total = int(cumulated[-1])
    if total:
        # (left,) how many numbers lie below each edge, and the value before which it comes
        wanted = np.array([total * k // (left + 1) for k in range(1, left + 1)], np.int64)
        after = np.searchsorted(cumulated, wanted, side="left") + 1
        # an edge at the lower end of a cell is found without a comparison, so that light cells are not cut
        cells = cells_of(values)
        cell_ends = np.searchsorted(cells, cells[np.minimum(after, len(cells) - 1)], side="right")
        starts = np.searchsorted(cells, cells[np.minimum(after, len(cells) - 1)], side="left")
        # a cell that holds less than a bucket's share goes to one side as a whole
        before = np.append(0, cumulated)
        light = (before[cell_ends] - before[starts]) * bins < total
        ends = np.union1d(ends, np.where(light, np.minimum(starts, after), after))
    return _edges_before(values, ends[(ends > 0) & (ends < len(values))])


def _single(bins: int, values: Floats, counts: Counts, room: int) -> tuple[Counts, Counts]:
    """(places of the values that get a bucket of their own, places before which there is an edge therefore).

    These are, as long as there is room: zero, unless buckets are few and it is rare; values as frequent as a bucket;
    some that are half as frequent; and some that have as much of the sum as a bucket has of the numbers.
    """
    total = int(counts.sum())
    magnitudes = np.abs(values)
    # (values,) parts of the sum; scaled first, since the sum of large numbers can be beyond float64
    shares = magnitudes / (magnitudes.max() or 1.0) * (counts / total)
    frequent, heavy = counts * bins >= total, shares * bins >= shares.sum()
    zero = (values == 0) & ((bins >= 8) | (counts * bins * 8 >= total))
    half = counts * bins * 2 >= total
    own: set[int] = set()
    ends: set[int] = set()
    for wanted, limit, weight in (
        (zero, room, counts),
        (frequent, room, counts),
        (heavy, len(ends) + room // 8, shares),
        (half, room // 2, counts),
    ):
        places = np.flatnonzero(wanted)
        # the heaviest first, while there is room for the edges on both sides of it
        for place in places[np.argsort(-weight[places], kind="stable")].tolist():
            edges = ends | {edge for edge in (place, place + 1) if 0 < edge < len(values)}
            if len(edges) <= limit and place not in own:
                ends = edges
                own.add(place)
    return np.array(sorted(own), np.int64), np.array(sorted(ends), np.int64)


def _edges_before(values: Floats, places: Counts) -> Floats:
    """An edge before each of these values: the lower end of its cell, or itself if the value before is in that too."""
    ends = lower_ends(cells_of(values[places]))
    return np.where(ends > values[places - 1], ends, values[places])


def _uniform(bins: int, values: Floats, counts: Counts, extremes: Extremes) -> Floats:
    low, high = extremes
    _, ends = _single(bins, values, counts, (bins - 1) // 2)
    count = bins - len(ends)
    shares = [k / count for k in range(1, count)]
    # not low + share * (high - low): that difference can be beyond float64
    even = np.array([low * (1 - share) + high * share for share in shares])
    return np.concatenate([even, _edges_before(values, ends)])


def _log(bins: int, values: Floats, counts: Counts, extremes: Extremes) -> Floats:
    """Edges of equal ratio over the positive values; zero and all below it share one bucket."""
    _, high = extremes
    if high <= 0 or bins == 1:
        return np.empty(0)
    _, ends = _single(bins, values, counts, (bins - 1) // 2)
    first = int(np.searchsorted(values, 0, side="right"))  # the first positive value
    if first:
        ends = np.union1d(ends, [first])
    own = _edges_before(values, ends)
    if first == len(values):
        return own
    least = float(values[first])
    if first and (edge := float(_edges_before(values, np.array([first]))[0])) > 0:  # the least cell begins at zero
        least = edge
    start, stop = _EXACT.ln(Decimal(least)), _EXACT.ln(Decimal(high))
    count = max(1, bins - len(ends))
    even = [float(_EXACT.exp(start + (stop - start) * k / count)) for k in range(1, count)]
    return np.concatenate([np.array(even), own])


class Scale:
    """Buckets between `edges`, over data from `low` to `high`, each in `refine` steps if there are any.

    A fine bucket is a step of a bucket: `bucket` and `step` say which, `fine_of[bucket, step]` the reverse. If all
    fitted numbers are whole, each fine bucket holds one. `alone` is the value of each bucket that has a single one.
    """

    def __init__(
        self,
        spec: Numeric,
        edges: Floats,
        low: float,
        high: float,
        is_whole: bool = False,
        alone: Mapping[int, float] | None = None,
    ) -> None:
        self.spec, self.low, self.high, self.is_whole, self.alone = spec, low, high, is_whole, alone or {}
        self.edges = np.asarray(edges, np.float64)
        bounds = [low, *self.edges.tolist(), max(high, low)]
        fine, bucket, step = [], [], []
        for number, (lower, upper) in enumerate(pairwise(bounds)):
            inner = _steps(lower, upper, spec.refine, is_whole)
            fine += ([lower] if number else []) + inner
            bucket += [number] * (len(inner) + 1)
            step += list(range(len(inner) + 1))
        self.fine = Buckets(np.array(fine, np.float64))
        self.bucket, self.step = np.array(bucket, np.int32), np.array(step, np.int32)
        # (buckets, refine); -1 for a step that a narrow bucket does not have
        self.fine_of = np.full((len(bounds) - 1, spec.refine), -1, np.int32)
        self.fine_of[self.bucket, self.step] = np.arange(len(bucket), dtype=np.int32)
        self._bounds = [low, *fine, max(high, low)]

    @cached_property
    def names(self) -> list[str]:
        """`9.99` for a bucket of one value, else `32.5..35.8`: its ends in as few digits as tell them from the next."""
        bounds = [self.low, *self.edges.tolist(), max(self.high, self.low)]
        digits = np.zeros(len(bounds), np.int64)
        words = [_write_number(bound, _DIGITS[0]) for bound in bounds]
        while True:
            # bounds that read alike get more digits, until each differs from the next
            alike = [place for place in range(1, len(words) - 2) if words[place] == words[place + 1]]
            more = {place + step for place in alike for step in (0, 1) if digits[place + step] < len(_DIGITS) - 1}
            if not more:
                break
            for place in more:
                digits[place] += 1
                words[place] = _write_number(bounds[place], _DIGITS[digits[place]])
        names = [f"{lower}..{upper}" for lower, upper in pairwise(words)]
        if len(set(names)) < len(names):
            names = [f"{lower!r}..{upper!r}" for lower, upper in pairwise(bounds)]
        return [repr(self.alone[k]).removesuffix(".0") if k in self.alone else name for k, name in enumerate(names)]

    @property
    def is_blank(self) -> bool:
        """True if no number was seen that could have given the bucket its range."""
        return self.spec.edges is None and self.low == self.high == 0 and not self.alone

    def outside(self, values: Floats) -> int:
        """The number of values outside the range of the fitted data."""
        if not len(values) or (values.min() >= self.low and values.max() <= self.high):
            return 0
        return int(np.count_nonzero((values < self.low) | (values > self.high)))

    def candidates(self, fine: int) -> Iterator[float]:
        """Numbers of a fine bucket, from the most telling to the last resort."""
        lower, upper = self._bounds[fine], self._bounds[fine + 1]
        middle = lower / 2 + upper / 2
        if self.is_whole:
            yield from (float(whole) for whole in (np.rint(middle), np.ceil(lower)) if lower <= whole < upper)
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
        return {
            "edges": [edge.hex() for edge in self.edges.tolist()],
            "low": self.low.hex(),
            "high": self.high.hex(),
            "whole": self.is_whole,
            "alone": {str(bucket): value.hex() for bucket, value in self.alone.items()},
        }

    @classmethod
    def from_json(cls, spec: Numeric, data: dict[str, Any]) -> Scale:
        edges = np.array([float.fromhex(edge) for edge in data["edges"]], np.float64)
        alone = {int(bucket): float.fromhex(value) for bucket, value in data["alone"].items()}
        return cls(spec, edges, float.fromhex(data["low"]), float.fromhex(data["high"]), bool(data["whole"]), alone)


def _write_number(bound: float, digits: int) -> str:
    """A number in at most so many digits: `1640`, not `1.64e+03`, if people would write it out."""
    text = f"{bound:.{digits}g}"
    if digits >= 17:
        text = repr(bound).removesuffix(".0")  # the fewest digits that are this number
    return f"{float(text):.0f}" if "e+" in text and abs(bound) < _LONG else text


def _steps(lower: float, upper: float, steps: int, is_whole: bool) -> list[float]:
    """Inner ends of the steps of one bucket, as far as floats can tell them apart."""
    inner = []
    last = lower
    for k in range(1, steps):
        end = lower * (1 - k / steps) + upper * (k / steps)
        end = float(np.ceil(end)) if is_whole else end
        if last < end < upper:
            inner.append(end)
            last = end
    return inner
