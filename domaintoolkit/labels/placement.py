"""`place_labels`: for each label row its history in a folder, and the number of its events that are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.labels.label_table import LabelTable
from domaintoolkit.storage import EncodedFolder, ShardRows
from domaintoolkit.streams.keys import SPLITS, hash_keys, split_of
from domaintoolkit.util.ragged import cut_ranges, offsets_of, run_offsets

__all__ = ["Placement", "count_events_before", "place_labels"]


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """The place of each label row in the streams of a folder."""

    histories: NDArray[np.int64]
    """(rows,) the number of its history among all rows of the folder; -1 if the entity is unknown."""
    events: NDArray[np.int64]
    """(rows,) the number of events that are known as of its date, from the first on; 0 for an unknown entity."""
    splits: NDArray[np.uint8]
    """(rows,) 0, 1 or 2 for training, validation or test: that of the label table, or else of the entity."""
    order: NDArray[np.int64]
    """(rows,) the label rows by history and number of events; unknown entities come first."""

    def of(self, rows: ShardRows) -> NDArray[np.int64]:
        """The label rows whose histories are among some rows of a shard, by history and number of events."""
        ordered = self.histories[self.order]  # (rows,) rising
        low, high = np.searchsorted(ordered, [rows.number, rows.number + rows.table.num_rows])
        return self.order[low:high]

    def parts(
        self, folder: EncodedFolder, tokens: int
    ) -> Iterator[tuple[ShardRows, NDArray[np.int64], NDArray[np.int64]]]:
        """(rows of a shard, label rows, the row of each one's history), for about `tokens` tokens of different
        histories at a time; a history is never cut."""
        for rows in folder.streams():
            wanted = self.of(rows)
            local = self.histories[wanted] - rows.number  # (labels,) rising
            runs = run_offsets(local)
            lengths = np.diff(rows.offsets).astype(np.int64)[local[runs[:-1]]]  # (histories with labels,)
            for low, high in cut_ranges(offsets_of(lengths), tokens):
                chosen = slice(runs[low], runs[high])
                yield rows, wanted[chosen], local[chosen]

    @property
    def unknown(self) -> NDArray[np.int64]:
        """The label rows of entities that the folder does not have."""
        return np.flatnonzero(self.histories < 0)

    @property
    def counts(self) -> dict[str, int]:
        """Rows in all, rows of unknown entities, rows of known entities without an event before the date, and rows of
        each split."""
        known = self.histories >= 0
        splits = np.bincount(self.splits, minlength=len(SPLITS)).tolist()
        return {
            "rows": len(self.events),
            "unknown": int(np.count_nonzero(~known)),
            "without_events": int(np.count_nonzero(known & (self.events == 0))),
            **dict(zip(SPLITS, splits, strict=True)),
        }


def place_labels(folder: EncodedFolder, labels: LabelTable) -> Placement:
    """Find the history of each label row, and count its events before the row's date (up to and with it, if the table
    is `including`). Only keys, splits and times of the shards are read."""
    count = len(labels)
    histories, events = np.full(count, -1, np.int64), np.zeros(count, np.int64)
    hashes = hash_keys(labels.keys)
    splits = np.where(labels.splits >= 0, labels.splits, split_of(hashes)).astype(np.uint8)
    order = np.argsort(hashes, kind="stable")  # (label rows,) by hash
    names = labels.keys.column_names
    for rows in folder.streams():
        own = rows.table.select(names)
        theirs = hash_keys(own)
        if not len(theirs):
            continue
        # rows of a shard are sorted by hash, and a shard holds a range of hashes
        low = int(np.searchsorted(hashes[order], theirs[0], "left"))
        high = int(np.searchsorted(hashes[order], theirs[-1], "right"))
        wanted = order[low:high]
        # (wanted,) the first row of the shard with this hash, or where it would be
        at = np.searchsorted(theirs, hashes[wanted])
        found = _match(own, theirs, labels.keys, wanted, at)
        wanted, at = wanted[found >= 0], found[found >= 0]
        histories[wanted] = rows.number + at
        events[wanted] = count_events_before(rows, at, labels.times[wanted], labels.including)
        codes = np.asarray(rows.table["split"].dictionary_encode().indices)
        # (distinct splits,) their numbers
        named = [SPLITS.index(name) for name in rows.table["split"].dictionary_encode().dictionary.to_pylist()]
        own_splits = np.array(named, np.uint8)[codes][at]
        splits[wanted] = np.where(labels.splits[wanted] >= 0, labels.splits[wanted], own_splits)
    # by history, then by number of events; -1 of unknown entities comes first
    return Placement(histories, events, splits, np.lexsort((events, histories)))


def _match(
    own: pa.RecordBatch,
    theirs: NDArray[np.uint64],
    keys: pa.Table,
    wanted: NDArray[np.int64],
    at: NDArray[np.int64],
) -> NDArray[np.int64]:
    """(wanted,) the row of `own` that has the key of each label row, -1 without one; `at` is the first of its hash."""
    if not len(wanted):
        return np.empty(0, np.int64)
    inside = np.minimum(at, len(theirs) - 1)
    found = np.where(_equal(own, keys, inside, wanted), inside, -1)
    # two keys of one hash are neighbours
    missed = np.flatnonzero((found < 0) & (at + 1 < len(theirs)))
    if len(missed):
        later = at[missed] + 1
        found[missed] = np.where(_equal(own, keys, later, wanted[missed]), later, -1)
    return found


def _equal(own: pa.RecordBatch, keys: pa.Table, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) True if row `left[i]` of `own` has the key of row `right[i]` of `keys`."""
    same = np.ones(len(left), np.bool_)
    for name in keys.column_names:
        # both sides hash alike whatever their layout; one dictionary for both compares them
        mine = own[name].take(pa.array(left))
        theirs = keys[name].take(pa.array(right))
        theirs = theirs.combine_chunks() if isinstance(theirs, pa.ChunkedArray) else theirs
        both = pa.concat_arrays([mine, theirs.cast(mine.type)]).dictionary_encode(null_encoding="encode").indices
        codes = np.asarray(both)
        same &= codes[: len(left)] == codes[len(left) :]
    return same


def count_events_before(
    rows: ShardRows, histories: NDArray[np.int64], times: NDArray[np.int64], including: bool
) -> NDArray[np.int64]:
    """(n,) the events of each history before a time, or up to and with it; all events without a time column.

    Events without a time are facts of their entity, and come before all others.
    """
    begin = rows.event_offsets[histories].astype(np.int64)
    low, high = begin.copy(), rows.event_offsets[histories + 1].astype(np.int64)  # (n,) each
    if rows.times is None:
        return high - low
    # a binary search in every history at once: times rise within each
    while (low < high).any():
        middle = (low + high) // 2
        seen = rows.times[np.minimum(middle, len(rows.times) - 1)]
        before = (seen <= times if including else seen < times) & (low < high)
        low = np.where(before, middle + 1, low)
        high = np.where(before | (low >= high), high, middle)
    return low - begin
