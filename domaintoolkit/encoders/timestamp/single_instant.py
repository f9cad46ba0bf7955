"""An instant for calendar parts that are decoded alone, without their history."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import DecodeError
from domaintoolkit.times.calendar import DAY
from domaintoolkit.times.intervals import ANY, Interval, Moment, TimeTokens, matching, moments
from domaintoolkit.times.zones import YEARS_BEGIN, YEARS_END, ZoneTable

__all__ = ["any_instants"]

_NANOSECONDS = ((-(2**63)) // 1000 + 1, (2**63 - 1) // 1000)
"""The µs that timestamps in nanoseconds can hold."""


def any_instants(tokens: TimeTokens, zone: ZoneTable, type: pa.DataType) -> NDArray[np.int64]:
    """For each row an instant in µs, in whole seconds, that agrees with its parts; 0 for null.

    The first one since 1970, or the first of all, that a value of `type` can hold. Raises
    `DecodeError` if there is none, as for the 30th of February.
    """
    find = _day_of if pa.types.is_date(type) else _instant_of
    within = _NANOSECONDS if pa.types.is_timestamp(type) and type.unit == "ns" else (YEARS_BEGIN, YEARS_END)
    # (parts + 1, rows); equal columns share one search
    rows = np.stack([*tokens.parts.values(), tokens.null.astype(np.int64)])
    distinct, first, inverse = np.unique(rows, axis=1, return_index=True, return_inverse=True)
    kinds = moments(TimeTokens(dict(zip(tokens.parts, distinct, strict=False)), None, distinct[-1] > 0))
    found = [
        0 if null else find(zone, moment, within, row)
        for moment, null, row in zip(kinds, distinct[-1].tolist(), first.tolist(), strict=True)
    ]
    return np.array(found, np.int64)[inverse.reshape(-1)]


def _instant_of(zone: ZoneTable, moment: Moment, within: Interval, row: int) -> int:
    for start in (0, within[0]):
        for low, high in matching(zone, moment, start, within[1]):
            second = -(-low // 1_000_000) * 1_000_000
            if second < high:
                return second
    raise _none(moment, row)


def _day_of(zone: ZoneTable, moment: Moment, within: Interval, row: int) -> int:
    """The beginning of a day: midnight, except on days whose midnight the clocks skip."""
    begins_at_midnight = moment.hour <= 0 and moment.minute <= 0
    days = (low for start in (0, within[0]) for low, _ in matching(zone, moment, start, within[1]))
    # a day can begin at another time only after a transition
    for time in days if begins_at_midnight else zone.instants.tolist():
        begin = zone.instant_of((time + zone.segment(time)[0]) // DAY * DAY)
        if within[0] <= begin < within[1] and next(matching(zone, moment, begin, begin + 1), None):
            return begin
    raise _none(moment, row)


def _none(moment: Moment, row: int) -> DecodeError:
    said = ", ".join(f"{part} {value}" for part, value in moment._asdict().items() if value != ANY)
    return DecodeError(f"row {row}: no time has {said}")
