"""The times of events, some of which may have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.times.zones import NO_TIME, YEARS_BEGIN, YEARS_END

__all__ = ["anchor_times", "time_column"]


def time_column(times: NDArray[np.int64]) -> pa.Array:
    """Microseconds since the epoch as a column of timestamps; `NO_TIME` is null."""
    missing = times == NO_TIME
    return pa.array(times, pa.timestamp("us", "UTC"), mask=missing if missing.any() else None)


def anchor_times(times: NDArray[np.int64], starts: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The first time in each history, whose events are `starts[e]:starts[e + 1]`, at least one.

    A history without any time has the beginning of the year 1.
    """
    first: NDArray[np.int64] = times[starts[:-1]]
    if not (first == NO_TIME).any():
        return first
    # (histories,) no time becomes the latest one, so that the least is a real time if there is one
    timed = np.minimum.reduceat(np.where(times == NO_TIME, YEARS_END, times), starts[:-1])
    return np.where(timed == YEARS_END, YEARS_BEGIN, timed)
