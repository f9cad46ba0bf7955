"""The values that are known before each case, and those that simple rules learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.folder_histories import FieldValues, FolderHistories
from domaintoolkit.util.ragged import offsets_of, positions

__all__ = ["Sequences", "known_values", "training_sequences"]

Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """The values of n series of events, without those that are missing."""

    codes: Longs
    offsets: Longs
    size: int
    """V, the number of values in the catalogue."""
    steps: Longs | None = None
    """(values,) the session of each, counted up; None if each event is a step of its own."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def owners(self) -> Longs:
        """(values,) the series of each."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @property
    def ages(self) -> Longs:
        """(values,) how many steps of the series come after each."""
        # (values,) the place of the last value of each one's series
        ends = np.repeat(self.offsets[1:], np.diff(self.offsets)) - 1
        return ends - np.arange(len(self.codes)) if self.steps is None else self.steps[ends] - self.steps

    def pick(self, places: Longs, lengths: Longs) -> Sequences:
        """Series of `lengths` that hold the values at these places."""
        steps = None if self.steps is None else self.steps[places]
        return Sequences(self.codes[places], offsets_of(lengths), self.size, steps)

    @property
    def last(self) -> Longs:
        """(n,) the last value of each; -1 if it has none."""
        there = np.diff(self.offsets) > 0
        return np.where(there, self.codes[np.maximum(self.offsets[1:] - 1, 0)] if len(self.codes) else -1, -1)


def _series(
    histories: FolderHistories, values: FieldValues, starts: Longs, lengths: Longs, by_session: bool
) -> Sequences:
    places = positions(starts, lengths)
    # (events,), and then (values,) of those that have one
    there = values.codes[places] >= 0
    owners = np.repeat(np.arange(len(starts)), lengths)[there]
    offsets = offsets_of(np.bincount(owners, minlength=len(starts)))
    steps: Longs | None = np.cumsum(histories.opens, dtype=np.int64)[places][there] if by_session else None
    return Sequences(values.codes[places][there], offsets, len(values), steps)


def known_values(histories: FolderHistories, values: FieldValues, cases: Cases) -> Sequences:
    """The values before each case."""
    return _series(histories, values, histories.events[:-1][cases.rows], cases.cuts, bool(cases.session))


def training_sequences(
    histories: FolderHistories, values: FieldValues, cases: Cases, chosen: NDArray[np.bool_] | None
) -> Sequences:
    """The values that rules learn from: of the `chosen` histories (n,), or of all before their first case."""
    if chosen is not None:
        rows = np.flatnonzero(chosen)
        return _series(histories, values, histories.events[:-1][rows], histories.counts[rows], bool(cases.session))
    lengths = histories.counts.copy()
    # a history with several cases is cut at the first of them
    np.minimum.at(lengths, cases.rows, cases.cuts)
    return _series(histories, values, histories.events[:-1], lengths, bool(cases.session))
