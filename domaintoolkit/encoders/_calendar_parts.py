"""The calendar parts of local times: year, month, day, weekday, hour and minute, as columns of slots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders._base import Cells, Ints, Slot
from domaintoolkit.encoders._calendar import DAY, FIELDS, HOUR, MINUTE, WEEKDAYS, civil
from domaintoolkit.encoders._years import YearPart, part_values

__all__ = ["CalendarParts"]

Whole = NDArray[np.int64]

_DENSE = 1 << 16
"""A table of so many units is always worth its making."""


class CalendarParts:
    """`parts` in their order, with slots from `first` on; the years' own slots come last, from `years_first`."""

    def __init__(self, parts: Sequence[str], years: tuple[int, ...], first: int, years_first: int) -> None:
        self.parts = tuple(parts)
        self.firsts: dict[str, int] = {}
        self.year: YearPart | None = None
        self.fixed: list[Slot] = []
        for number, part in enumerate(self.parts):
            self.firsts[part] = first + len(self.fixed)
            if part == "year":
                self.year = YearPart(years, self.firsts[part], years_first, number)
                self.fixed.append(self.year.spell_slot)
            else:
                self.fixed += _slots(part, number)
        unit = "minute" if "minute" in self.parts else "hour" if "hour" in self.parts else "day"
        self._unit = {"minute": MINUTE, "hour": HOUR, "day": DAY}[unit]
        self._per_day = DAY // self._unit

    def unit_of(self, local: int) -> int:
        """Times of one unit have the same parts."""
        return local // self._unit

    def slots_of(self, unit: int) -> list[tuple[int, ...]]:
        """The slots of each part of the times of a unit."""
        day, within = divmod(unit, self._per_day)
        year, month, number = civil(day)
        minute = within * (self._unit // MINUTE)
        values = {
            "month": month,
            "day": number,
            "weekday": (day + 3) % 7,
            "hour": minute // 60,
            "minute": minute % 60,
        }
        return [
            self.year.sequence(year)
            if part == "year" and self.year is not None
            else (self.firsts[part] + values[part] - FIELDS[part][0],)
            for part in self.parts
        ]

    def cells(self, local: NDArray[np.int64]) -> tuple[list[Cells], int]:
        """The cells of local times in µs, and how many of the times have a spelled year."""
        if not self.parts:
            return [], 0
        if not len(local):
            return [self._table(part, 0, -1)[0] for part in self.parts], 0
        low, high = int(local.min()) // DAY, int(local.max()) // DAY
        units = local - low * DAY
        units //= self._unit
        count = (high - low + 1) * self._per_day
        if count <= max(_DENSE, len(local)):
            whole = np.arange(count)
            days, within, at_day, at_within = whole // self._per_day, whole % self._per_day, units, units
            days += low
        else:
            numbers = units // self._per_day
            within, at_within = np.arange(self._per_day), units - numbers * self._per_day
            if high - low < max(_DENSE, len(local)):
                days, at_day = np.arange(low, high + 1), numbers
            else:
                days, at_day = np.unique(numbers + low, return_inverse=True)
        return self._gathered(days, within * (self._unit // MINUTE), at_day, at_within)

    def _gathered(self, days: Whole, minutes: Whole, at_day: Whole, at_minute: Whole) -> tuple[list[Cells], int]:
        """Cells from the parts of distinct days and minutes of the day, which rows point to."""
        made, spelled = [], 0
        date = dict(zip(("year", "month", "day"), civil(days), strict=True))
        for part in self.parts:
            if part in ("hour", "minute"):
                codes: Ints = (minutes // 60 if part == "hour" else minutes % 60).astype(np.uint8)[at_minute]
                made.append(self._table(part, 0, 0)[0])
            elif part == "year":
                low, high = int(date["year"].min()), int(date["year"].max())
                codes = (date["year"] - low).astype(np.int16)[at_day]
                table, unseen = self._table(part, low, high)
                made.append(table)
                spelled = int(np.count_nonzero(unseen[codes])) if unseen.any() else 0
            else:
                values = (days + 3) % 7 if part == "weekday" else date[part] - 1
                codes = values.astype(np.uint8)[at_day]
                made.append(self._table(part, 0, 0)[0])
            made[-1] = Cells(codes, made[-1].slots, made[-1].offsets)
        return made, spelled

    def _table(self, part: str, low: int, high: int) -> tuple[Cells, NDArray[np.bool_]]:
        """The sequences of a part, without rows; of the years those from `low` to `high`, and which are spelled."""
        if self.year is not None and part == "year":
            return self.year.sequences(low, high)
        lowest, highest = FIELDS[part]
        slots = np.arange(highest - lowest + 1, dtype=np.int32) + np.int32(self.firsts[part])
        return Cells(np.empty(0, np.uint8), slots), np.zeros(0, np.bool_)

    def values(self, part: str, cells: Cells) -> NDArray[np.int64]:
        """The value of a part in each row; -1 where the row holds nothing. Raises `DecodeError`."""
        if self.year is not None and part == "year":
            return self.year.values(cells)
        lowest, highest = FIELDS[part]
        values = part_values(cells, self.firsts[part], highest - lowest + 1, lowest)
        return np.maximum(values, -1)


def _slots(part: str, number: int) -> list[Slot]:
    lowest, highest = FIELDS[part]
    names = WEEKDAYS if part == "weekday" else [str(value) for value in range(lowest, highest + 1)]
    return [Slot(part, name, f" {part}={name}", number) for name in names]
