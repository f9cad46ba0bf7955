"""The compiled loops of aggregates: statistics of ranges of events, each range one label row's known events.

Importing this module imports numba; the first call of a loop compiles it, and the result is kept on disk.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.util.loops import compile_loop

__all__ = ["MOMENTS", "NUMBERS", "count_codes", "count_runs", "describe_by_code", "describe_numbers", "find_last"]

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Table = NDArray[np.float32]

NUMBERS = ("count", "sum", "mean", "std", "min", "max", "first", "last", "mean of last 5", "slope")
"""The columns of `describe_numbers`."""
MOMENTS = ("mean", "std", "min", "max", "first", "last")
"""The statistics of `describe_by_code`."""


@compile_loop
def describe_numbers(values: Floats, low: Longs, high: Longs, out: Table) -> None:
    """Write `NUMBERS` of the values that are not NaN in each range `low[i]` to `high[i]` into `out` (n, 10).

    The slope is that of a line through the values over their numbers, in units of a value for the whole range. Counts
    and sums of nothing are 0, all else is NaN.
    """
    for i in range(len(low)):
        count, total, square, least, most = 0, 0.0, 0.0, np.inf, -np.inf
        first, last, cross = np.nan, np.nan, 0.0
        shift = 0.0
        for event in range(low[i], high[i]):
            value = values[event]
            if np.isnan(value):
                continue
            if count == 0:
                first = value
                # sums of squares are taken around the first value, which keeps them exact enough
                shift = value
            total += value - shift
            square += (value - shift) * (value - shift)
            # the sum of number times value, for the slope
            cross += count * (value - shift)
            least, most, last = min(least, value), max(most, value), value
            count += 1
        out[i, :] = np.nan
        # the columns are those of `NUMBERS`
        out[i, 0], out[i, 1] = count, total + shift * count
        if count == 0:
            continue
        mean = total / count
        variance = max(square / count - mean * mean, 0.0)
        out[i, 2], out[i, 3] = mean + shift, np.sqrt(variance)
        out[i, 4], out[i, 5], out[i, 6], out[i, 7] = least, most, first, last
        # from the end back, over at most five values
        recent, taken, event = 0.0, 0, high[i] - 1
        while taken < 5 and event >= low[i]:
            if not np.isnan(values[event]):
                recent += values[event]
                taken += 1
            event -= 1
        out[i, 8] = recent / taken
        if count > 1:
            # the numbers 0 to count - 1 have the mean (count - 1) / 2 and the variance (count^2 - 1) / 12
            out[i, 9] = (cross / count - mean * (count - 1) / 2) * 12 / (count * count - 1.0) * (count - 1)


@compile_loop
def count_codes(codes: Longs, distinct: int, low: Longs, high: Longs, top: int, out: Table) -> None:
    """Write counts of the codes 0 to `top - 1` in each range into `out` (n, top + 3), and after them: the number of
    distinct codes, the share of the most frequent one, and the last code (NaN without any). -1 is not counted."""
    # a count is of range i only if its stamp is i: clearing all counts for each range would take longer
    stamps, counts = np.full(distinct, -1, np.int64), np.zeros(distinct, np.int64)
    for i in range(len(low)):
        # different codes, the count of the most frequent one, and of all
        found, most, total = 0, 0, 0
        last = np.nan
        out[i, :] = 0
        for event in range(low[i], high[i]):
            code = codes[event]
            if code < 0:
                continue
            if stamps[code] != i:
                stamps[code], counts[code] = i, 0
                found += 1
            counts[code] += 1
            most = max(most, counts[code])
            total += 1
            last = code
            if code < top:
                out[i, code] += 1
        out[i, top] = found
        out[i, top + 1] = most / total if total else np.nan
        out[i, top + 2] = last


@compile_loop
def describe_by_code(values: Floats, codes: Longs, low: Longs, high: Longs, top: int, out: NDArray[np.float32]) -> None:
    """Write `MOMENTS` of the values of each code 0 to `top - 1` in each range into `out` (n, top, 6)."""
    # (top,) each: one pass over a range serves all codes
    count, total, square = np.zeros(top, np.int64), np.zeros(top), np.zeros(top)
    shift = np.zeros(top)
    for i in range(len(low)):
        count[:] = 0
        total[:] = 0
        square[:] = 0
        out[i] = np.nan
        for event in range(low[i], high[i]):
            code, value = codes[event], values[event]
            if code < 0 or code >= top or np.isnan(value):
                continue
            # the first value of the code: columns 2 to 4 are its least, greatest and first, 5 its last
            if count[code] == 0:
                shift[code] = value
                out[i, code, 2] = value
                out[i, code, 3] = value
                out[i, code, 4] = value
            count[code] += 1
            total[code] += value - shift[code]
            square[code] += (value - shift[code]) * (value - shift[code])
            out[i, code, 2] = min(out[i, code, 2], value)
            out[i, code, 3] = max(out[i, code, 3], value)
            out[i, code, 5] = value
        # the variance is that around the first value, less the square of the mean around it
        for code in range(top):
            if count[code] == 0:
                continue
            mean = total[code] / count[code]
            out[i, code, 0] = mean + shift[code]
            out[i, code, 1] = np.sqrt(max(square[code] / count[code] - mean * mean, 0.0))


@compile_loop
def find_last(codes: Longs, seconds: Floats, low: Longs, high: Longs, top: int, out: Floats) -> None:
    """Write the time of the last event with each code 0 to `top - 1` in each range into `out` (n, top), NaN without."""
    for i in range(len(low)):
        out[i, :] = np.nan
        for event in range(low[i], high[i]):
            if 0 <= codes[event] < top:
                out[i, codes[event]] = seconds[event]


@compile_loop
def count_runs(codes: Longs, low: Longs, high: Longs, out: Table) -> None:
    """Write into `out` (n, 2) the share of each range's codes that are its last one, and how many at its end are.

    -1 is not counted; both are NaN without any code.
    """
    for i in range(len(low)):
        last, same, run, total = -1, 0, 0, 0
        is_unbroken = True
        for event in range(high[i] - 1, low[i] - 1, -1):
            code = codes[event]
            if code < 0:
                continue
            if total == 0:
                last = code
            total += 1
            is_unbroken = is_unbroken and code == last
            same += code == last
            run += is_unbroken
        out[i, 0] = same / total if total else np.nan
        out[i, 1] = run if total else np.nan
