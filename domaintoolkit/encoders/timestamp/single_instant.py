"""An instant for calendar parts that are decoded alone, without their history."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import DecodeError
from domaintoolkit.times.calendar import DAY
from domaintoolkit.times.intervals import ANY, Interval, Moment, TimeTokens, matching, moments
from domaintoolkit.times.zones import YEARS_BEGIN, YEARS_END, ZoneTable

__all__ = ["any_instants", "near_instants"]

_NANOSECONDS = ((-(2**63)) // 1000 + 1, (2**63 - 1) // 1000)
"""The µs that timestamps in nanoseconds can hold."""

_REACHES = (8 * DAY, 367 * DAY, 41 * 366 * DAY)
"""Most parts agree within a week or a year; a weekday has each date again within 40 years, also around 1900."""


def any_instants(tokens: TimeTokens, zone: ZoneTable, type: pa.DataType) -> NDArray[np.int64]:
    """For each row an instant in µs, in whole seconds, that agrees with its parts; 0 for null.

    The first one since 1970, or the first of all, that a value of `type` can hold. Raises
    `DecodeError` if there is none, as for the 30th of February.
    """
    find = _day_of if pa.types.is_date(type) else _instant_of
    within = _held(type)
    # (parts + 1, rows); equal columns share one search
    rows = np.stack([*tokens.parts.values(), tokens.null.astype(np.int64)])
    distinct, first, inverse = np.unique(rows, axis=1, return_index=True, return_inverse=True)
    kinds = moments(TimeTokens(dict(zip(tokens.parts, distinct, strict=False)), None, distinct[-1] > 0))
    found = [
        0 if null else find(zone, moment, within, row)
        for moment, null, row in zip(kinds, distinct[-1].tolist(), first.tolist(), strict=True)
    ]
    return np.array(found, np.int64)[inverse.reshape(-1)]


def near_instants(tokens: TimeTokens, zone: ZoneTable, type: pa.DataType, near: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row an instant in µs, in whole seconds, that agrees with its parts; 0 for null.

    Of all that agree, one that is nearest to the day of `near` (rows,), which is in µs. Raises as `any_instants`.
    """
    within = _held(type)
    midday = near // DAY * DAY + DAY // 2  # (rows,) one instant for each day, so that rows of one day share a search
    # (parts + 2, rows); rows of one day with equal parts share one search
    rows = np.stack([*tokens.parts.values(), tokens.null.astype(np.int64), np.where(tokens.null, 0, midday)])
    distinct, first, inverse = np.unique(rows, axis=1, return_index=True, return_inverse=True)
    kinds = moments(TimeTokens(dict(zip(tokens.parts, distinct, strict=False)), None, distinct[-2] > 0))
    is_date = pa.types.is_date(type)
    found = [
        0 if null else _nearest(zone, moment, within, (at, row), is_date)
        for moment, null, at, row in zip(
            kinds, distinct[-2].tolist(), distinct[-1].tolist(), first.tolist(), strict=True
        )
    ]
    return np.array(found, np.int64)[inverse.reshape(-1)]


def _held(type: pa.DataType) -> Interval:
    """The µs that a value of this type can hold."""
    return _NANOSECONDS if pa.types.is_timestamp(type) and type.unit == "ns" else (YEARS_BEGIN, YEARS_END)


def _nearest(zone: ZoneTable, moment: Moment, within: Interval, place: tuple[int, int], is_date: bool) -> int:
    """An instant near the first of `place`, the middle of a day; its second is the row, for errors."""
    near, row = place
    if is_date and (moment.hour > 0 or moment.minute > 0):  # a day that begins late, which is rare
        return _day_of(zone, moment, within, row)
    day = near // DAY * DAY
    for reach in _REACHES:
        best = None
        for low, high in matching(zone, moment, max(day - reach, within[0]), min(day + reach, within[1])):
            # of an interval of days, the midnight that is nearest; else its beginning
            begin = max(low, min(day, (high - 1) // DAY * DAY)) if high - low >= DAY else low
            if is_date:
                begin = zone.instant_of((begin + zone.segment(begin)[0]) // DAY * DAY)
            second = -(-begin // 1_000_000) * 1_000_000
            if second < high and within[0] <= second and (best is None or abs(second - near) < abs(best - near)):
                best = second
            elif best is not None and low > near:
                break
        if best is not None:
            return best
    return (_day_of if is_date else _instant_of)(zone, moment, within, row)


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
