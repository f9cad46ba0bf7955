"""The corpus of a text model: distinct texts, the frequent ones more often, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.util.hashing import hash_text

__all__ = ["Corpus", "thin"]

BUDGET = 1 << 24
"""Bytes of text that repetition may bring a corpus to; past it, counts are scaled down, to no less than 1."""


LONGEST = 1_000
"""Characters of a text that are shown at once: learning takes time with the square of the longest word."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Distinct texts in their byte order, and how many times each is shown to the model, long ones in parts."""

    texts: list[str]
    weights: list[int]

    @classmethod
    def of(cls, counts: pa.Table) -> Corpus:
        """The corpus of a table of distinct values and counts, sorted by value."""
        texts = counts["value"]
        sizes = np.asarray(pc.binary_length(texts), np.int64)
        return cls(texts.to_pylist(), _weights(sizes, np.asarray(counts["count"], np.int64)).tolist())

    def __iter__(self) -> Iterator[str]:
        for text, weight in zip(self.texts, self.weights, strict=True):
            for start in range(0, len(text), LONGEST):
                yield from repeat(text[start : start + LONGEST], weight)


def _weights(sizes: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    # in Python's integers, which do not overflow
    total = sum(map(int.__mul__, sizes.tolist(), counts.tolist()))
    if total <= BUDGET:
        return counts
    return np.array([max(1, count * BUDGET // total) for count in counts.tolist()], np.int64)


def thin(counts: pa.Table, limit: int) -> pa.Table:
    """The `limit` rows whose values have the lowest hashes, in the order they had.

    A value left out of a part is left out of the whole, so thinning parts and merging them gives what
    thinning the whole gives.
    """
    if len(counts) <= limit:
        return counts
    hashes = hash_text(counts["value"].combine_chunks())
    lowest = np.argsort(hashes, kind="stable")[:limit]  # stable: equal hashes go by value
    return counts.take(pa.array(np.sort(lowest)))
