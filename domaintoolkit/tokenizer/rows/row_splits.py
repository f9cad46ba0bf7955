"""The split of each row: training, validation or test, by its time or by a column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.schema import Split
from domaintoolkit.util.arrow import to_plain

__all__ = ["split_codes", "split_times"]


def split_codes(column: pa.Array | pa.ChunkedArray, split: Split) -> NDArray[np.int8]:
    """(rows,) 0, 1 or 2 for values that the split lists for training, validation or test; -1 for others."""
    known = pa.array([value for values in split.values for value in values], pa.string())
    # (values + 1,) the last is for null and for values that are not listed
    codes = np.array([code for code, values in enumerate(split.values) for _ in values] + [-1], np.int8)
    places = pc.fill_null(pc.index_in(to_plain(column).cast(pa.string()), value_set=known), len(known))
    found: NDArray[np.int8] = codes[np.asarray(places)]
    return found


def split_times(times: NDArray[np.int64], cuts: tuple[int, int]) -> NDArray[np.uint8]:
    """(rows,) 0, 1 or 2 for times before the first cut, before the second, or after it."""
    return np.searchsorted(np.array(cuts), times, side="right").astype(np.uint8)
