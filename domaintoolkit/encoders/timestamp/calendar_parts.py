"""The calendar parts of local times: year, month, day, weekday, hour and minute, as columns of slots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells, Slot
from domaintoolkit.encoders.timestamp.years import YearPart, part_values
from domaintoolkit.times.calendar import DAY, FIELDS, HOUR, MINUTE, WEEKDAYS, civil

__all__ = ["CalendarParts"]

Whole = NDArray[np.int64]

_DENSE = 1 << 16
"""A table of so many units always costs less than it saves."""

WITHIN_DAY = ("hour", "minute")


class CalendarParts:
    """`parts` in their order, with slots from `first` on; the years' own slots come last, from `years_first`.

    They are the parts of their field from number `first_part` on.
    """

    def __init__(
        self, parts: Sequence[str], years: tuple[int, ...], first: int, years_first: int, first_part: int
    ) -> None:
        self.parts = tuple(parts)
        self.firsts: dict[str, int] = {}
        self.year: YearPart | None = None
        self.fixed: list[Slot] = []
        for number, part in enumerate(self.parts, first_part):
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
        """The number of the unit (minute, hour or day) of a local time; times of one unit have the same parts."""
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
        """The cells of local times in µs, and the number of times with a spelled year."""
        if not self.parts:
            return [], 0
        if not len(local):
            return [self._no_cells(part) for part in self.parts], 0
        low, high = int(local.min()) // DAY, int(local.max()) // DAY
        # (rows,) units since midnight of the first day
        units = local - low * DAY
        units //= self._unit
        # a table of all units if it is no longer than the column: one look-up a part
        if (high - low + 1) * self._per_day <= max(_DENSE, len(local)):
            return self._by_unit(np.arange(low, high + 1), units)
        # (rows,) the day of each, from 0, and its unit within the day
        numbers = units // self._per_day
        within = units - numbers * self._per_day
        # few days: a table of each; else only of the days that occur
        if high - low < max(_DENSE, len(local)):
            return self._by_day(np.arange(low, high + 1), numbers, within)
        days, at_day = np.unique(numbers + low, return_inverse=True)
        return self._by_day(days, at_day, within)

    def _by_unit(self, days: Whole, units: Whole) -> tuple[list[Cells], int]:
        """Cells with a sequence for every unit of the `days`, with the unit of each row in `units`."""
        made, spelled = [], 0
        for part, values in self._part_values(days).items():
            # (days * units per day,)
            spread = np.tile(values, len(days)) if part in WITHIN_DAY else np.repeat(values, self._per_day)
            if part == "year":
                cells, spelled = self._year_cells(spread, units)
            else:
                cells = Cells(units, (spread + self.firsts[part]).astype(np.int32))
            made.append(cells)
        return made, spelled

    def _by_day(self, days: Whole, at_day: Whole, within: Whole) -> tuple[list[Cells], int]:
        """Cells with a sequence for every value of a part; `at_day` and `within` are the day and unit of each row."""
        made, spelled = [], 0
        for part, values in self._part_values(days).items():
            if part == "year":
                cells, spelled = self._year_cells(values, at_day)
            else:
                # all values but years fit into a byte
                codes = values.astype(np.uint8).take(within if part in WITHIN_DAY else at_day)
                cells = Cells(codes, self._slot_numbers(part))
            made.append(cells)
        return made, spelled

    def _part_values(self, days: Whole) -> dict[str, Whole]:
        """Parts of the days by day, and of the time of day by unit; all from 0 except years."""
        year, month, day = civil(days)
        # (units per day,) minutes since midnight at which each unit begins
        minutes = np.arange(self._per_day) * (self._unit // MINUTE)
        values = {
            "year": year, "month": month - 1, "day": day - 1, "weekday": (days + 3) % 7,
            "hour": minutes // 60, "minute": minutes % 60,
        }  # fmt: skip
        return {part: values[part] for part in self.parts}

    def _year_cells(self, years: Whole, rows: Whole) -> tuple[Cells, int]:
        """The cells of rows that have these of the `years`, and the number of spelled ones."""
        assert self.year is not None
        low, high = int(years.min()), int(years.max())
        table, unseen = self.year.sequences(low, high)
        # (rows,) how far each year is above the least: it fits into 16 bits
        codes = (years - low).astype(np.int16).take(rows)
        return Cells(codes, table.slots, table.offsets), int(np.count_nonzero(unseen[codes])) if unseen.any() else 0

    def _slot_numbers(self, part: str) -> NDArray[np.int32]:
        lowest, highest = FIELDS[part]
        return np.arange(highest - lowest + 1, dtype=np.int32) + np.int32(self.firsts[part])

    def _no_cells(self, part: str) -> Cells:
        """The cells of no rows."""
        nothing = np.empty(0, np.uint8)
        if part == "year" and self.year is not None:
            table, _ = self.year.sequences(0, -1)
            return Cells(nothing, table.slots, table.offsets)
        return Cells(nothing, self._slot_numbers(part))

    def values(self, part: str, cells: Cells) -> NDArray[np.int64]:
        """The value of a part in each row; -1 if the row is empty. Raises `DecodeError`."""
        if self.year is not None and part == "year":
            return self.year.values(cells)
        lowest, highest = FIELDS[part]
        values = part_values(cells, self.firsts[part], highest - lowest + 1, lowest)
        return np.maximum(values, -1)


def _slots(part: str, number: int) -> list[Slot]:
    lowest, highest = FIELDS[part]
    names = WEEKDAYS if part == "weekday" else [str(value) for value in range(lowest, highest + 1)]
    return [Slot(part, name, f" {part}={name}", number) for name in names]
