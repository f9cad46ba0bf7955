"""`ZoneTable`: the UTC offsets of a time zone as integers, computed once and saved with the fitted tokenizer.

Arrow, ICU and Java carry different time zone data, so that nothing but the table is used once it exists. It holds
every transition of the years 1800 to 2100; the offset in force at either end goes on beyond it.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAST", "MICROSECOND", "NO_TIME", "YEARS_BEGIN", "YEARS_END", "ZoneTable", "zone_table"]

MICROSECOND = 1_000_000
"""Microseconds in a second."""

YEARS_BEGIN = -62_135_596_800 * MICROSECOND
YEARS_END = 253_402_300_800 * MICROSECOND
"""The years 1 to 9999 in UTC: from YEARS_BEGIN up to, and without, YEARS_END."""
NO_TIME = YEARS_BEGIN - 86_400 * MICROSECOND
"""Stands for the time of an event that has none; it is before all times."""

LAST = 1 << 62
"""Beyond every instant, and far enough from overflow to add to."""

_EPOCH, _BEGIN, _END = datetime(1970, 1, 1), datetime(1800, 1, 1), datetime(2100, 1, 1)
_SECOND = timedelta(seconds=1)
_STEP = timedelta(days=5)
"""Between samples. No two transitions of any zone (tzdata 2026) are closer than 6.9 days."""

_FEW = 16
"""Up to so many transitions, comparing with each is faster than a binary search."""


class ZoneTable:
    """Offsets of a zone: `offsets[i]` holds up to `instants[i]`, the next one from there on; all in µs."""

    __slots__ = ("_gap_edges", "_gaps", "_instants", "_offsets", "_walls", "instants", "name", "offsets", "walls")

    def __init__(self, name: str, instants: NDArray[np.int64], offsets: NDArray[np.int64]) -> None:
        if len(offsets) != len(instants) + 1 or (np.diff(instants) <= 0).any():
            raise ValueError(f"not a table of transitions: zone {name!r}")
        self.name, self.instants, self.offsets = name, instants, offsets
        # A wall time that occurs twice is its first occurrence; one that is skipped is read with the offset
        # before the gap, and so lands after it. Python calls both fold=0.
        self.walls = instants + np.maximum(offsets[:-1], offsets[1:])
        self._instants, self._offsets, self._walls = instants.tolist(), offsets.tolist(), self.walls.tolist()
        forward = offsets[1:] > offsets[:-1]
        # (2 * gaps,) where each run of skipped wall times begins and ends, in turn
        self._gaps = np.stack([(instants + offsets[:-1])[forward], self.walls[forward]], axis=1).reshape(-1)
        self._gap_edges: list[int] = self._gaps.tolist()

    def local(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Instants as local wall time, both in µs; the same array in a zone that is always UTC."""
        if self._is_utc:
            return times
        return times + _stepwise(times, self.instants, self.offsets)

    def instant(self, walls: NDArray[np.int64]) -> NDArray[np.int64]:
        """Local wall times as instants: the earlier of two, and after the gap for a skipped one.

        The same array in a zone that is always UTC.
        """
        if self._is_utc:
            return walls
        return walls - _stepwise(walls, self.walls, self.offsets)

    def find_skipped(self, walls: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Return which wall times do not exist, since the clocks are put forward over them; None if all exist."""
        # begins and ends of gaps take turns: after an odd number of them a time lies within a gap
        inside = _stepwise(walls, self._gaps, np.arange(len(self._gaps) + 1) % 2)
        if isinstance(inside, np.int64) and not inside:
            return None
        return np.array(np.broadcast_to(np.equal(inside, 1), walls.shape))

    @property
    def _is_utc(self) -> bool:
        return not len(self.instants) and not self.offsets[0]

    def segment(self, time: int) -> tuple[int, int, int]:
        """The offset at an instant, and the instants from and up to which it holds."""
        at = bisect_right(self._instants, time)
        start = self._instants[at - 1] if at else -LAST
        return self._offsets[at], start, self._instants[at] if at < len(self._instants) else LAST

    def instant_of(self, wall: int) -> int:
        """One local wall time as an instant, as `instant` does."""
        return int(wall - self._offsets[bisect_right(self._walls, wall)])

    def skips(self, wall: int) -> bool:
        """Return True if one local wall time does not exist."""
        return bisect_right(self._gap_edges, wall) % 2 == 1

    def to_json(self) -> dict[str, Any]:
        """The table as plain data, in seconds."""
        return {
            "name": self.name,
            "transitions": (self.instants // MICROSECOND).tolist(),
            "offsets": (self.offsets // MICROSECOND).tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ZoneTable:
        """The table that `to_json` wrote."""
        try:
            instants, offsets = (np.array(data[key], np.int64) * MICROSECOND for key in ("transitions", "offsets"))
            return cls(str(data["name"]), instants, offsets)
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not a table of transitions: {error!r}") from None


def _stepwise(
    times: NDArray[np.int64], steps: NDArray[np.int64], values: NDArray[np.int64]
) -> NDArray[np.int64] | np.int64:
    """The value that holds at each time; a single one if no step lies within the times."""
    low, high = np.searchsorted(steps, [times.min(), times.max()], "right") if len(times) and len(steps) else (0, 0)
    if low == high:
        constant: np.int64 = values[low]
        return constant
    if high - low > _FEW:
        found: NDArray[np.int64] = values[np.searchsorted(steps, times, "right")]
        return found
    # a running sum over the few steps within the times
    held = np.full(len(times), values[low])  # (times,)
    for i in range(low, high):
        held += (times >= steps[i]) * (values[i + 1] - values[i])
    return held


# 22,000 samples take up to a tenth of a second
@lru_cache(maxsize=64)
def zone_table(name: str) -> ZoneTable:
    """The table of an IANA zone, from this machine's time zone data."""
    zone = ZoneInfo(name)
    instants, offsets = [], [_offset(zone, _BEGIN)]
    moment = _BEGIN
    # samples find every transition, since two samples never enclose two; bisection then finds its second
    while name != "UTC" and moment < _END:
        before, moment = moment, moment + _STEP
        if (offset := _offset(zone, moment)) != offsets[-1]:
            instants.append(_change(zone, before, moment))
            offsets.append(offset)
    return ZoneTable(name, _microseconds([instant - _EPOCH for instant in instants]), _microseconds(offsets))


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    """The offset of a zone at a naive moment of UTC."""
    return zone.fromutc(moment.replace(tzinfo=zone)).utcoffset() or timedelta()


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second in (low, high] that has the offset of `high`."""
    after = _offset(zone, high)
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        low, high = (low, middle) if _offset(zone, middle) == after else (middle, high)
    return high


def _microseconds(lengths: list[timedelta]) -> NDArray[np.int64]:
    return np.array([length // _SECOND * MICROSECOND for length in lengths], np.int64)
