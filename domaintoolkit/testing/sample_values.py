"""Strategies of values that a table itself has: the ones to test a domain with that nobody has to write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from domaintoolkit.values.columns import plain

__all__ = ["sample_values"]

KEPT = 200
"""Distinct values of a column that are drawn from."""


def sample_values(table: pa.Table, names: Iterable[str]) -> dict[str, st.SearchStrategy[Any]]:
    """For each column of these names, a strategy of its own values; null is left to the caller."""
    found = {}
    for name in names:
        distinct = plain(table[name]).drop_null().unique()
        if len(distinct):
            # spread over all of them: neighbours in a sample are often alike
            places = np.unique(np.linspace(0, len(distinct) - 1, KEPT).astype(np.int64))
            found[name] = st.sampled_from(distinct.take(pa.array(places)).to_pylist())
    return found
