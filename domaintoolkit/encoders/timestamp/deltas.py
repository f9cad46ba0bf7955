"""Log-spaced buckets for the time since an entity's previous event."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Context, Decimal
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.times.calendar import DAY, HOUR, MINUTE
from domaintoolkit.times.zones import LAST, MICROSECOND

__all__ = ["NONE", "DeltaBuckets", "delta_buckets"]

NONE = 0
"""The bucket of a first event. Bucket 1 is a delta of exactly zero, bucket 2 one of less than a second."""

_BLOCK = 1 << 14
"""Deltas per step, so that the temporary arrays stay in the cache."""

_UNITS = (("d", DAY), ("h", HOUR), ("m", MINUTE))
_STEPS = sorted(
    [
        *(digit * 10**power for power in range(6) for digit in (1, 2, 5)),
        *(count * MICROSECOND for count in (1, 2, 5, 10, 30)),
        *(count * MINUTE for count in (1, 2, 5, 10, 30)),
        *(count * HOUR for count in (1, 2, 6, 12)),
        *(count * DAY for count in (1, 2, 5, 10, 50, 100)),
    ]
)
"""Edges are rounded to multiples of these, so that their names are short."""


class DeltaBuckets:
    """Buckets of deltas in µs: none, zero, less than a second, then from each of `edges` to the next.

    The edges are whole numbers, so the leading bits of a delta's float64 pattern and at most one comparison
    find its bucket, which is faster than a binary search.
    """

    __slots__ = ("_bounds", "_cell_bucket", "_cell_edge", "_shift", "edges", "names")

    def __init__(self, edges: tuple[int, ...]) -> None:
        if not edges or edges[0] <= 1 or any(low >= high for low, high in pairwise(edges)):
            raise ValueError("not the edges of delta buckets")
        self.edges = edges
        self._bounds = [-LAST, 0, 1, *edges, LAST]
        spans = [f"{_readable(low)}..{_readable(high)}" for low, high in pairwise(edges)]
        self.names = ["none", "0", f"<{_readable(edges[0])}", *spans, f">={_readable(edges[-1])}"]
        self._index()

    def _index(self) -> None:
        """Cut float64's patterns into cells of at most one bound each."""
        bounds = np.array([0, 1, *self.edges], np.int64)
        patterns = bounds.astype(np.float64).view(np.int64)
        # The patterns of positive floats are in the order of the floats. Finer cells, until each has one bound.
        shift = 52 - 4
        while len(set((patterns >> shift).tolist())) < len(patterns):
            shift -= 1
        cells = np.arange((int(np.float64(LAST).view(np.int64)) >> shift) + 1)
        # A cell's first pattern may be that of the bound itself; then the bound lies at the cell's start.
        bucket = np.searchsorted(patterns, cells << shift, "left")
        self._shift = shift
        self._cell_bucket = bucket.astype(np.int16)
        self._cell_edge = np.append(bounds, LAST)[bucket]

    def of(self, deltas: NDArray[np.int64]) -> NDArray[np.int16]:
        """The bucket of each delta, from zero to less than LAST µs."""
        buckets = np.empty(len(deltas), np.int16)
        for start in range(0, len(deltas), _BLOCK):
            block = deltas[start : start + _BLOCK]
            cells = block.astype(np.float64).view(np.int64)
            cells >>= self._shift
            over = block >= self._cell_edge.take(cells)
            np.add(self._cell_bucket.take(cells), over, out=buckets[start : start + _BLOCK])
        return buckets

    def of_one(self, delta: int) -> int:
        """The bucket of one delta."""
        return bisect_right(self._bounds, delta) - 1

    def span(self, bucket: int) -> tuple[int, int]:
        """(start, stop) of the deltas of any bucket except `none`; `stop` is excluded."""
        return self._bounds[bucket], self._bounds[bucket + 1]


@lru_cache(maxsize=16)
def delta_buckets(bins: int, unit: int = MICROSECOND, reach: int = 0) -> DeltaBuckets:
    """At most `bins` buckets, log-spaced from one `unit` up; the last is open and begins at 365 days, or below `reach`.

    All times are whole numbers of `unit`, and `reach` is the longest delta seen; one of less than two units does
    not count. Decimal arithmetic is the same on every machine; `log` and `pow` of maths libraries are not.
    """
    last = 365 * DAY
    if 2 * unit <= reach < last:
        step = _step(unit, Decimal(reach) / 10)
        last = reach // step * step
    if bins == 1:
        return DeltaBuckets((unit,))
    context = Context(prec=50)
    ratio = context.exp(context.divide(context.ln(Decimal(last) / unit), Decimal(bins - 1)))
    exact = [Decimal(unit)]
    while len(exact) < bins:
        exact.append(context.multiply(exact[-1], ratio))
    edges = [unit]
    for before, edge in pairwise(exact):
        # A step of at most half the bucket before moves an edge by a quarter: edges stay in order, and apart.
        step = _step(unit, (edge - before) / 2)
        rounded = step * int((edge / step).to_integral_value())
        edges.append(max(rounded, edges[-1] + (1 if unit == MICROSECOND else unit)))
    return DeltaBuckets((*(edge for edge in edges[:-1] if edge < last), last))


def _step(unit: int, most: Decimal) -> int:
    """The longest step of at most `most` that is whole units, or one unit; below seconds, a microsecond."""
    least = 1 if unit == MICROSECOND else unit
    found: int = max(step for step in (least, *_STEPS) if step == least or (step % least == 0 and step <= most))
    return found


def _readable(microseconds: int) -> str:
    """A length of time, exactly: 1m30s, 1.7s, 2d12h."""
    text = ""
    for unit, size in _UNITS:
        count, microseconds = divmod(microseconds, size)
        text += f"{count}{unit}" if count else ""
    if microseconds:
        whole, fraction = divmod(microseconds, MICROSECOND)
        text += f"{whole}" + (f".{fraction:06d}".rstrip("0") if fraction else "") + "s"
    return text
