"""The grain and the reach of a column's times: no time between two of them is finer or longer."""

from __future__ import annotations

from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.times.calendar import DAY, HOUR, MINUTE
from domaintoolkit.times.zones import MICROSECOND, ZoneTable

__all__ = ["TimeGrain"]

_UNITS = (DAY, HOUR, MINUTE, MICROSECOND)
_FEW = 256


class TimeGrain:
    """The longest of day, hour, minute and second that all local times are whole units of, and the extremes of all.

    Times that are finer than a second count as seconds. Merges exactly.
    """

    def __init__(self) -> None:
        self._unit = DAY
        self.first: int | None = None
        self.last: int | None = None

    def add(self, times: NDArray[np.int64], zone: ZoneTable) -> None:
        """Take in instants in µs."""
        if not len(times):
            return
        self._widen(int(times.min()), int(times.max()))
        # a few times tell nearly always, and finer ones need no look at the others
        for some in (times[:_FEW], times):
            if self._unit > MICROSECOND:
                local = zone.local(some)
                self._unit = next(u for u in _UNITS if u <= self._unit and (u == MICROSECOND or not (local % u).any()))

    def _widen(self, first: int, last: int) -> None:
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def merge(self, other: Self) -> None:
        """Take in what another has."""
        self._unit = min(self._unit, other._unit)
        if other.first is not None and other.last is not None:
            self._widen(other.first, other.last)

    @property
    def unit(self) -> int:
        """The unit in µs; a second if there are no two times."""
        return self._unit if self.reach else MICROSECOND

    @property
    def reach(self) -> int:
        """The time from the first to the last instant; none is 0."""
        return 0 if self.first is None or self.last is None else self.last - self.first

    def dump(self) -> dict[bytes, bytes]:
        """The grain as the metadata of a table."""
        found = {"unit": self._unit, "first": self.first, "last": self.last}
        return {name.encode(): str(value).encode() for name, value in found.items() if value is not None}

    @classmethod
    def restore(cls, table: pa.Table) -> Self:
        """The grain in the metadata of a table."""
        made, found = cls(), table.schema.metadata
        made._unit = int(found[b"unit"])
        if b"first" in found:
            made._widen(int(found[b"first"]), int(found[b"last"]))
        return made
