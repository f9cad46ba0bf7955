"""The events that are held out: what is known before each, and the targets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Problem, Refusal, SchemaError
from domaintoolkit.next_events.folder_histories import FieldValues, FolderHistories
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.values import to_microseconds

__all__ = ["Cases", "find_cases"]

Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """n cases: after the first `cuts[i]` events of history `rows[i]`, which values come next?"""

    rows: Longs
    """Rising."""
    cuts: Longs
    """At least 1."""
    targets: Longs
    """The values to predict, one after another, each once a case; -1 if the next event has none."""
    offsets: Longs
    """(n + 1,)"""
    session: bool | None
    """True if every case is about the next session; None if the next event may begin one or not."""

    def __len__(self) -> int:
        return len(self.rows)

    def pick(self, chosen: Longs) -> Cases:
        """Some of the cases, in that order."""
        lengths = np.diff(self.offsets)[chosen]
        targets = self.targets[positions(self.offsets[:-1][chosen], lengths)]
        return replace(
            self, rows=self.rows[chosen], cuts=self.cuts[chosen], targets=targets, offsets=offsets_of(lengths)
        )


def find_cases(
    histories: FolderHistories, values: FieldValues, held_out: str, chosen: NDArray[np.bool_], zone: str = "UTC"
) -> Cases:
    """The cases of the `chosen` histories (n,): their `last` event or `session`, `every` event, or those from a
    date, which is in `zone` if it names none.

    Raises `DataError` if there are none, and `SchemaError` for a date without a time column.
    """
    counts, first = histories.counts, histories.events[:-1]  # (histories,)
    if held_out == "session":
        return _last_sessions(histories, values, chosen)
    if held_out == "last":
        rows = np.flatnonzero(chosen & (counts > 1))
        cuts = counts[rows] - 1
    else:
        # (events,) every event that another comes before
        row = np.repeat(np.arange(len(histories)), counts)
        # the number of each in its history, which is how many events come before it
        number = np.arange(len(row)) - first[row]
        wanted = chosen[row] & (number > 0)
        if held_out != "every":
            wanted &= _since(histories, held_out, zone)
        rows, cuts = row[wanted], number[wanted]
    if not len(rows):
        raise DataError([Refusal(None, None, f"no history has an event to hold out (held out: {held_out})")])
    targets = values.codes[first[rows] + cuts]  # (cases,)
    return Cases(rows, cuts, targets, np.arange(len(rows) + 1), None)


def _since(histories: FolderHistories, held_out: str, zone: str) -> NDArray[np.bool_]:
    """(events,) True from a date on."""
    start = to_microseconds(pa.array([held_out]), zone)
    if start.refused:
        reason = f"expected last, session, every, or a date such as 2024-03-01, got {held_out!r}"
        raise SchemaError([Problem("held-out", reason)], "options")
    if histories.times is None:
        raise SchemaError([Problem("held-out", "is a date, but the schema has no time column")], "options")
    return np.asarray(histories.times >= start.values.cast(pa.int64())[0].as_py())


def _last_sessions(histories: FolderHistories, values: FieldValues, chosen: NDArray[np.bool_]) -> Cases:
    """The last session of every chosen history that has two."""
    rows, cuts, targets, sizes = [], [], list[NDArray[np.int64]](), []
    for row in np.flatnonzero(chosen).tolist():
        low, high = histories.events[row], histories.events[row + 1]
        # places in the history; the first session opens without a token
        opening = np.flatnonzero(histories.opens[low:high])
        if len(opening):
            # the session begins with the last event that opens one; its values are the targets, each once
            cut = int(opening[-1])
            found = np.unique(values.codes[low + cut : high])
            found = found[found >= 0]
            rows.append(row)
            cuts.append(cut)
            targets.append(found)
            sizes.append(len(found))
    if not rows:
        reason = "no history has two sessions; declare `session` or `session_gap` in the schema, or hold out `last`"
        raise DataError([Refusal(None, None, reason)])
    return Cases(np.array(rows), np.array(cuts), np.concatenate(targets), offsets_of(np.array(sizes)), True)
