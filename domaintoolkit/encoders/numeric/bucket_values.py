"""The values that buckets decode to: values that were seen, such that the sum and the mean of a column survive."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.util.ragged import run_offsets

__all__ = ["BucketValues"]

_KEPT, _ALL = 16, 1 << 12
"""Values that are kept of a bucket, and of all buckets together (but one of each)."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class BucketValues:
    """Some values of each bucket, which stand for its distribution, and of these the one nearest to its mean.

    `values[k]`, seen in the bucket with the number `codes[k]`, stands for `counts[k]` numbers, as the nearest value to
    the mean of so many neighbours. `nearest[code]` is the value of a bucket as a whole; NaN if none was seen in it.
    """

    def __init__(self, codes: Counts, values: Floats, counts: Counts, nearest: Floats) -> None:
        self.codes, self.values, self.counts, self.nearest = codes, values, counts, nearest
        self._ends = np.cumsum(counts)
        # (buckets + 1,) the numbers that the values before each bucket stand for
        self._starts = np.append(0, self._ends)[np.searchsorted(codes, np.arange(len(nearest) + 1))]

    @classmethod
    def of(cls, buckets: int, codes: Counts, values: Floats, counts: Counts, means: Floats) -> Self:
        """The values of `buckets` from points: a value seen, the bucket it is in, and of how many numbers what mean."""
        if (codes[1:] < codes[:-1]).any() or (values[1:] < values[:-1]).any():
            order = np.lexsort((values, codes))
            codes, values, counts, means = codes[order], values[order], counts[order], means[order]
        nearest = np.full(buckets, np.nan)
        own, chosen, _ = _nearest(codes, values, counts, means)
        nearest[own] = chosen
        kept = max(1, min(_KEPT, _ALL // max(buckets, 1)))
        # a group's number is its bucket's, times `kept`, and its own
        groups, chosen, totals = _nearest(_cut(codes, counts, kept), values, counts, means)
        return cls(groups // kept, chosen, totals, nearest)

    def extend(self, codes: Counts, values: Floats, counts: Counts, means: Floats) -> BucketValues:
        """These, with more points."""
        if not len(codes):
            return self
        return BucketValues.of(
            len(self.nearest),
            np.concatenate([self.codes, codes]),
            np.concatenate([self.values, values]),
            np.concatenate([self.counts, counts]),
            np.concatenate([self.values, means]),
        )

    def draw(self, codes: Counts, chances: Floats) -> Counts:
        """(rows,) the place in `values` of one that is drawn by `chances` in [0, 1); -1 in a bucket without values."""
        starts, ends = self._starts[codes], self._starts[codes + 1]
        # (rows,) the number to be drawn, counted over all numbers in the order of their buckets
        wanted = starts + np.minimum(((ends - starts) * chances).astype(np.int64), np.maximum(ends - starts - 1, 0))
        return np.where(ends > starts, np.searchsorted(self._ends, wanted, side="right"), -1)

    def to_json(self) -> dict[str, Any]:
        nearest = ["" if value != value else value.hex() for value in self.nearest.tolist()]
        values = [value.hex() for value in self.values.tolist()]
        return {"nearest": nearest, "codes": self.codes.tolist(), "values": values, "counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, buckets: int, data: dict[str, Any]) -> Self:
        """The values that `to_json` wrote; raises `ValueError` if they are not those of so many buckets."""
        nearest = np.array([float.fromhex(value) if value else np.nan for value in data["nearest"]])
        codes, counts = (np.array(data[name], np.int64) for name in ("codes", "counts"))
        values = np.array([float.fromhex(value) for value in data["values"]])
        ordered = (np.diff(codes) >= 0).all() and (not len(codes) or 0 <= codes[0] <= codes[-1] < buckets)
        lengths = {len(codes), len(values), len(counts)}
        if not ordered or len(nearest) != buckets or len(lengths) > 1 or (counts <= 0).any():
            raise ValueError("not the values of buckets")
        return cls(codes, values, counts, nearest)


def _cut(codes: Counts, counts: Counts, kept: int) -> Counts:
    """A group for each point: at most `kept` in each bucket, of equally many numbers if there are more points."""
    if not len(codes):
        return codes
    # (buckets with points,) the first point of each, and how many it has
    runs = run_offsets(codes)
    starts, lengths = runs[:-1], np.diff(runs)
    ends = np.cumsum(counts)
    before = ends[starts] - counts[starts]
    totals = np.repeat(ends[starts + lengths - 1] - before, lengths)
    middles = ends - np.repeat(before, lengths) - (counts + 1) // 2  # below the total
    places = np.arange(len(codes)) - np.repeat(starts, lengths)
    # (points,) True in a bucket of more points than groups: there, a point belongs to the group of its middle number
    several = np.repeat(lengths > kept, lengths)
    return codes * kept + np.where(several, (middles / totals * kept).astype(np.int64), places)


def _nearest(groups: Counts, values: Floats, counts: Counts, means: Floats) -> tuple[Counts, Floats, Counts]:
    """(groups, the value of each that is nearest to its mean, numbers in each), for points sorted by group."""
    if not len(groups):
        return groups, values, counts
    runs = run_offsets(groups)
    first, lengths = runs[:-1], np.diff(runs)  # (groups,)
    totals = np.add.reduceat(counts, first)
    shares = counts / np.repeat(totals, lengths)
    # halves, since a difference of two numbers can be beyond float64
    off = np.abs(values / 2 - np.repeat(np.add.reduceat(means / 2 * shares, first), lengths))
    # the first of the nearest in each group
    least = np.flatnonzero(off == np.repeat(np.minimum.reduceat(off, first), lengths))
    return groups[first], values[least[np.searchsorted(least, first)]], totals
