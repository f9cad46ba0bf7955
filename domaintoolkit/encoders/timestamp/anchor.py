"""The anchor of a history: the UTC date of its first event, as year, month and day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells, Slot
from domaintoolkit.encoders.timestamp.years import YearPart, YearSet, part_values, years_of
from domaintoolkit.errors import DecodeError
from domaintoolkit.times.calendar import DAY, civil, day_number, days_of_month

__all__ = ["Anchor", "AnchorState"]

_SPELL, _MONTH, _DAY, _YEARS = 0, 1, 13, 44
"""The slots: the spell marker of years, the months, the days of a month, the years."""


class AnchorState(YearSet):
    """The years of the events seen, in UTC."""

    def update(self, times: NDArray[np.int64]) -> None:
        """Add the years of instants in µs."""
        self.years |= years_of(times)

    def finalize(self) -> Anchor:
        """The fitted anchor. The state stays usable."""
        return Anchor(self.add_to(()))


class Anchor:
    """Encodes first events. Immutable; like an encoder, but of instants, and without a field."""

    parts: Sequence[str] = ("year", "month", "day")

    def __init__(self, years: tuple[int, ...]) -> None:
        self._years = YearPart(years, _SPELL, _YEARS, 0)
        self.slots: Sequence[Slot] = (
            self._years.spell_slot,
            *(Slot("month", str(month), f" month={month}", 1) for month in range(1, 13)),
            *(Slot("day", str(day), f" day={day}", 2) for day in range(1, 32)),
            *self._years.slots,
        )

    def encode(self, times: NDArray[np.int64]) -> list[Cells]:
        """The three parts of instants in µs, one row each."""
        year, month, day = civil(times // DAY)
        low, high = (int(year.min()), int(year.max())) if len(year) else (0, -1)
        table, _ = self._years.sequences(low, high)
        return [
            Cells((year - low).astype(np.int16), table.slots, table.offsets),
            Cells((month - 1).astype(np.uint8), np.arange(_MONTH, _DAY, dtype=np.int32)),
            Cells((day - 1).astype(np.uint8), np.arange(_DAY, _YEARS, dtype=np.int32)),
        ]

    def decode(self, parts: Sequence[Cells]) -> NDArray[np.int64]:
        """The day number (0 is 1970-01-01) of each row. Raises `DecodeError` for an invalid date."""
        year = self._years.values(parts[0])
        month = part_values(parts[1], _MONTH, 12, 1)
        day = part_values(parts[2], _DAY, 31, 1)
        wrong = (year < 1) | (year > 9999) | (month < 1) | (day < 1)
        wrong |= day > days_of_month(year, np.maximum(month, 1))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DecodeError(f"the anchor is not a date: year {year[row]}, month {month[row]}, day {day[row]}", row)
        return day_number(year, month, day)

    def lookup(self, ids: NDArray[np.int64]) -> Callable[[Sequence[int]], list[tuple[int, ...]]]:
        """A function from instants in µs to the ids of the anchor of each."""
        table = ids.tolist()

        def find(time: int) -> tuple[int, ...]:
            year, month, day = civil(time // DAY)
            head = (table[slot] for slot in self._years.sequence(year))
            return (*head, table[_MONTH + month - 1], table[_DAY + day - 1])

        return lambda times: [find(time) for time in times]

    def extend(self, state: AnchorState) -> Anchor:
        """An anchor that also has tokens for the years of `state`, appended."""
        return Anchor(state.add_to(self._years.years))

    def to_json(self) -> dict[str, Any]:
        """The anchor as plain JSON data for `from_json`."""
        return {"years": list(self._years.years)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Anchor:
        """The anchor that `to_json` wrote; raises `ValueError` if the data is not an anchor."""
        try:
            return cls(tuple(int(year) for year in data["years"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an anchor: {error!r}") from None
