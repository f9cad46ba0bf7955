"""The part of a time that names its year: years seen in fitting are tokens, others are spelled in digits."""

from __future__ import annotations

from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells, Slot, byte_slots
from domaintoolkit.errors import DecodeError
from domaintoolkit.times.calendar import DAY, civil
from domaintoolkit.util.ragged import offsets_of

__all__ = ["YearPart", "YearSet", "part_values", "years_of"]


class YearSet:
    """The years that fitting has seen. Merges exactly."""

    def __init__(self, years: set[int] | None = None) -> None:
        self.years = years or set()

    def merge(self, other: Self) -> None:
        """Add the years of another set."""
        self.years |= other.years

    def dump(self) -> pa.Table:
        """The years as a table, in order."""
        return pa.table({"year": pa.array(sorted(self.years), pa.int64())})

    @classmethod
    def restore(cls, table: pa.Table) -> Self:
        """The set that `dump` wrote."""
        return cls(set(table["year"].to_pylist()))

    def add_to(self, years: tuple[int, ...]) -> tuple[int, ...]:
        """Years that have tokens, and after them those of this set that have none, in order."""
        return (*years, *sorted(self.years - set(years)))


def years_of(times: NDArray[np.int64]) -> set[int]:
    """The years of local times in µs."""
    if not len(times):
        return set()
    low, high = int(times.min()) // DAY, int(times.max()) // DAY
    first, last = civil(low)[0], civil(high)[0]
    if first == last:
        return {first}
    days = times // DAY
    # a flag per day is cheaper than `civil` of every row, unless the days are far apart
    if high - low > 4 * len(times):
        return set(civil(days)[0].tolist())
    seen = np.zeros(high - low + 1, np.bool_)
    seen[days - low] = True
    return set(civil(np.flatnonzero(seen) + low)[0].tolist())


class YearPart:
    """Tokens of years: `slots[spell]` begins a spelled year, `slots[first + i]` is `years[i]`."""

    def __init__(self, years: tuple[int, ...], spell: int, first: int, part: int) -> None:
        if len(set(years)) != len(years):
            raise ValueError("a year is listed twice")
        self.years, self.spell, self.first, self.part = years, spell, first, part
        self._place = {year: first + place for place, year in enumerate(years)}

    @property
    def spell_slot(self) -> Slot:
        return Slot("spell", "year", " year spell", self.part, fusible=False)

    @property
    def slots(self) -> list[Slot]:
        return [Slot("year", str(year), f" year={year}", self.part) for year in self.years]

    def sequence(self, year: int) -> tuple[int, ...]:
        """The slots of one year."""
        if year in self._place:
            return (self._place[year],)
        return (self.spell, *byte_slots(str(year).encode()).tolist())

    def sequences(self, low: int, high: int) -> tuple[Cells, NDArray[np.bool_]]:
        """The sequences of the years from `low` to `high`, and True for the spelled ones. There are no rows yet."""
        found = [self.sequence(year) for year in range(low, high + 1)]
        lengths = np.array([len(slots) for slots in found], np.int64)
        slots = np.array([slot for sequence in found for slot in sequence], np.int32)
        # a spelled year has a marker and digits
        return Cells(np.empty(0, np.int16), slots, offsets_of(lengths)), lengths > 1

    def values(self, cells: Cells) -> NDArray[np.int64]:
        """The year of each row; -1 for an empty sequence. Raises `DecodeError` for an invalid year."""
        used = np.unique(cells.codes).tolist()  # a sequence that no row uses may be anything
        years = np.full(max(used, default=-1) + 1, -1, np.int64)
        years[used] = [self._year(cells.sequence(number)) for number in used]
        return years[cells.codes]

    def _year(self, slots: NDArray[np.int32]) -> int:
        head: list[int] = slots[:1].tolist()
        rest: list[int] = slots[1:].tolist()
        if not head:
            return -1
        if head == [self.spell]:
            # Digits are valid also for a year with a token: an older stream may be from before it got one.
            text = bytes(-1 - slot for slot in rest if slot < 0).decode("ascii", "replace")
            if len(text) == len(rest) and 0 < len(text) <= 5 and text.isdecimal() and text == str(int(text)):
                return int(text)
            raise DecodeError(f"a spelled year must be digits, got {text!r}")
        if rest or not self.first <= head[0] < self.first + len(self.years):
            raise DecodeError("not a token of the year")
        return self.years[head[0] - self.first]


def part_values(cells: Cells, first: int, count: int, lowest: int) -> NDArray[np.int64]:
    """The value of each row of a part with one token per value, `slots[first]` being `lowest`; -1 for none.

    Raises `DecodeError` for other tokens.
    """
    if cells.offsets is None:
        slots = cells.slots.astype(np.int64)
    else:
        lengths = np.diff(cells.offsets)
        if (lengths > 1).any():
            raise DecodeError("more than one token in a part of a time")
        slots = np.full(len(lengths), first - lowest - 1, np.int64)  # the value -1
        slots[lengths > 0] = cells.slots[cells.offsets[:-1][lengths > 0]]
    values = slots - first + lowest
    known = (slots >= first) & (slots < first + count)
    if cells.offsets is not None:
        known |= lengths == 0
    used = np.unique(cells.codes)
    if not known[used].all():
        raise DecodeError("a token of another part of the time")
    return values[cells.codes]
