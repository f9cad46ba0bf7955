"""Buckets with more rows than the memory limit holds: split once more, encoded in slices and put together.

Ranges of whole entities are encoded as other buckets are. An entity with too many rows is cut in time, so that events
of one time stay together, and each slice is encoded behind the last event of the slice before, as an append does it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import OutputError
from domaintoolkit.jobs.histories.event_limits import drop_oldest_events
from domaintoolkit.jobs.partition.budget import Budget
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.origin import ORIGIN, drop_origins
from domaintoolkit.jobs.partition.row_buckets import RowBuckets
from domaintoolkit.jobs.partition.row_refusals import describe_refusals
from domaintoolkit.jobs.partition.spill import PIECE, Spill
from domaintoolkit.reading.refused_rows import RefusedRow
from domaintoolkit.storage.shards import MOST_VALUES, shard_table
from domaintoolkit.streams.streams import Counts, Sessions, Streams
from domaintoolkit.times.zones import NO_TIME
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.ragged import cut_ranges, offsets_of
from domaintoolkit.values import to_microseconds
from domaintoolkit.values.columns import plain

__all__ = ["GrowingHistory", "HistorySlices", "SliceNumbers", "split_bucket"]

SAMPLED = 64
"""One row in so many of a long history is looked at to cut it into slices of about the same size."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SliceNumbers:
    """The slice of each row of a bucket; slices are numbered by (hash of the entity, place in the history)."""

    tokenizer: DomainTokenizer
    hashes: NDArray[np.uint64]
    """(entities,) the hashes of all keys, which rise."""
    firsts: Ints
    """(entities,) the first slice of each; entities with few rows share one."""
    cuts: dict[int, Ints]
    """For each entity with several slices, by its place in `hashes`, the places in its history at which they begin."""
    count: int

    @classmethod
    def plan(cls, tokenizer: DomainTokenizer, buckets: RowBuckets, bucket: int, limit: int) -> SliceNumbers:
        """Slices of about `limit` rows of a bucket, or of all rows of an entity that cannot be cut."""
        keys = EntityKeys.of(tokenizer)
        hashes, counts = np.empty(0, np.uint64), np.empty(0, np.int64)
        for part in buckets.parts(bucket):
            # merged part by part: only distinct hashes are held
            more, each = np.unique(keys.hash(part), return_counts=True)
            hashes, places = np.unique(np.concatenate([hashes, more]), return_inverse=True)
            counts = np.bincount(places, np.concatenate([counts, each])).astype(np.int64)
        # without times, `order_by` alone orders events, and its values are compared all together
        can_cut = tokenizer.schema.time is not None or not tokenizer.schema.has_order
        long = np.flatnonzero(counts > limit) if can_cut else np.empty(0, np.int64)
        self = cls(tokenizer, hashes, np.zeros(len(hashes), np.int64), {}, 0)
        cuts = self._find_cuts(buckets, bucket, {int(place): -(-int(counts[place]) // limit) for place in long})
        firsts, count = self.firsts, 0
        for low, high in cut_ranges(offsets_of(counts), limit):
            # a range has either one long entity, with a slice more than cuts, or others, which share a slice
            firsts[low:high] = count
            count += len(cuts[high - 1]) + 1 if high - 1 in cuts else 1
        return cls(tokenizer, hashes, firsts, cuts, count)

    def _find_cuts(self, buckets: RowBuckets, bucket: int, wanted: dict[int, int]) -> dict[int, Ints]:
        """The places that cut each entity of `wanted` into about so many slices."""
        sampled: dict[int, list[Ints]] = {place: [] for place in wanted}
        first = dict.fromkeys(wanted, np.iinfo(np.int64).max)
        for part in buckets.parts(bucket) if wanted else ():
            owners, places = self._owners(part), self._places(part)
            for owner, found in sampled.items():
                own = np.sort(places[owners == owner])
                found.append(own[::SAMPLED])
                # `NO_TIME` is below all times
                timed = own[np.searchsorted(own, NO_TIME, "right") :]
                first[owner] = min(first[owner], int(timed[0])) if len(timed) else first[owner]
        cuts = {}
        for owner, found in sampled.items():
            values, parts = np.sort(np.concatenate(found)), wanted[owner]
            # quantiles of the sample; equal ones, of events at one time, are one cut
            chosen = np.unique(values[np.arange(1, parts) * len(values) // parts])
            # the first time of a history, which its anchor shows, stays in the first slice
            cuts[owner] = chosen[chosen > first[owner]]
        return {owner: each for owner, each in cuts.items() if len(each)}

    @cached_property
    def columns(self) -> Sequence[str]:
        """The columns that decide the slice of a row."""
        time = self.tokenizer.schema.time
        return list(dict.fromkeys([*self.tokenizer.schema.entity, ORIGIN if time is None else time]))

    @cached_property
    def ranges(self) -> list[tuple[int, int]]:
        """The slices of each entity with several of them, and every other slice on its own."""
        several = {int(self.firsts[place]): len(cuts) + 1 for place, cuts in self.cuts.items()}
        firsts = np.unique(self.firsts).tolist()
        return [(first, first + several.get(first, 1)) for first in firsts]

    def number(self, table: pa.Table, _: int) -> NDArray[np.integer]:
        """The slice of each row."""
        owners = self._owners(table)
        numbers = self.firsts[owners]
        places = self._places(table) if self.cuts else numbers
        for owner, cuts in self.cuts.items():
            own = owners == owner
            # equal times are never parted: all of them are in the slice that begins with them
            numbers[own] += np.searchsorted(cuts, places[own], "right")
        return numbers

    def _owners(self, table: pa.Table) -> Ints:
        return np.searchsorted(self.hashes, EntityKeys.of(self.tokenizer).hash(table))

    def _places(self, table: pa.Table) -> Ints:
        """The time of each row, `NO_TIME` without a valid one; for a schema without times, its place in the files."""
        schema = self.tokenizer.schema
        if schema.time is None:
            return np.asarray(table[ORIGIN].to_numpy(), np.int64)
        zone = self.tokenizer.layout.zones.get(schema.time) or schema.zone
        times = to_microseconds(plain(table[schema.time]), zone, schema.time_form(schema.time)).values
        return np.asarray(pc.fill_null(times.cast(pa.int64()), NO_TIME))


@dataclass(frozen=True, slots=True)
class HistorySlices:
    """Rows of a bucket that are encoded together: whole histories, or the slices of one."""

    rows: RowBuckets
    low: int
    high: int

    @property
    def is_whole(self) -> bool:
        """True if these are whole histories, and not the slices of one."""
        return self.high - self.low == 1

    def read(self) -> pa.Table:
        """All rows."""
        table = self.rows.read(self.low, self.high)
        assert table is not None
        return table

    def __iter__(self) -> Iterator[pa.Table]:
        parts = (self.rows.read(number, number + 1) for number in range(self.low, self.high))
        return (part for part in parts if part is not None)


def split_bucket(
    tokenizer: DomainTokenizer, buckets: RowBuckets, bucket: int, budget: Budget, folder: Path
) -> Iterator[HistorySlices]:
    """The rows of a bucket in slices of about `budget.history_rows`, with files in `folder` while they are taken."""
    numbers = SliceNumbers.plan(tokenizer, buckets, bucket, budget.history_rows)
    shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
    try:
        spill = Spill(folder, numbers, numbers.count, Budget(budget.memory // budget.threads, 1))
        with closing(spill):
            for part in buckets.parts(bucket):
                for start in range(0, len(part), PIECE):
                    spill.add(part.slice(start, PIECE))
            rows = spill.finish()
        for low, high in numbers.ranges:
            yield HistorySlices(rows, low, high)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class _Numbers:
    """Numbers of one type that grow in place: a copy at the end would double the memory that they take."""

    type: np.dtype[Any]
    data: bytearray = field(default_factory=bytearray)

    def add(self, values: NDArray[Any]) -> None:
        self.data += np.ascontiguousarray(values, self.type).data.cast("B")

    def __len__(self) -> int:
        return len(self.data) // self.type.itemsize

    @property
    def values(self) -> NDArray[Any]:
        return np.frombuffer(self.data, self.type)


class _Facts(NamedTuple):
    """The facts of a history that are not lists, as one of its slices has them."""

    entities: pa.Table
    statics: pa.Table | None
    splits: NDArray[np.uint8] | None
    split_values: pa.Array | None
    last_session: pa.Array | None


class GrowingHistory:
    """The history of one entity, encoded slice by slice."""

    def __init__(self, tokenizer: DomainTokenizer, sources: Sequence[str]) -> None:
        self._tokenizer, self._sources = tokenizer.without_limits(), sources
        self._limit = tokenizer.schema.max_events
        self._ids = _Numbers(tokenizer.layout.id_type)
        self._starts, self._times = _Numbers(np.dtype(np.int32)), _Numbers(np.dtype(np.int64))
        self._carried: dict[str, list[pa.Table]] = {"labels": [], "order_by": []}
        self._sessions: list[Ints] = []
        self._first: _Facts | None = None
        self._newest: _Facts | None = None
        self._last: pa.Table | None = None
        """The row of the last event so far."""
        self.counts = Counts()
        self.refused: list[RefusedRow] = []

    @property
    def events(self) -> int:
        """The number of events so far."""
        return len(self._starts)

    def add(self, rows: pa.Table) -> bool:
        """Add the rows of a slice; False, and nothing is right any more, if they depend on those of other slices.

        That is so if static values differ, since the most frequent ones of the whole history are kept, and if the rows
        are of several entities whose keys have one hash.
        """
        old = 0 if self._last is None else 1
        table = rows if self._last is None else _concat(self._last, rows)
        streams = self._tokenizer.encode_by_hash(drop_origins(table), on_bad_rows="quarantine")
        if len(streams) > 1 or any(refusal.other is not None for refusal in streams.refused):
            return False
        self.counts += streams.counts
        if self._last is not None:
            self.counts -= self._tokenizer.encode(drop_origins(self._last)).counts
        self.refused += describe_refusals(table, streams.refused, self._sources)
        if streams.events > old:
            self._append(streams, old)
            assert streams.rows is not None
            last = table.slice(int(streams.rows[-1]), 1)
            self._last = pa.table({name: to_plain(last[name]) for name in last.column_names})
        return True

    def _append(self, streams: Streams, old: int) -> None:
        """Append all events but the first `old` ones."""
        begin = int(streams.event_starts[old]) if old else 0
        shift = len(self._ids) - begin
        if shift + len(streams.ids) >= MOST_VALUES:
            raise OutputError("a shard", f"cannot hold a history of {MOST_VALUES:,} tokens; set max_events")
        self._starts.add(streams.event_starts[old:] + shift)
        self._ids.add(streams.ids[begin:])
        if streams.times is not None:
            self._times.add(streams.times[old:])
        for name, table in (("labels", streams.labels), ("order_by", streams.order_by)):
            if table is not None:
                plain_columns = {column: to_plain(table[column].slice(old)) for column in table.column_names}
                self._carried[name].append(pa.table(plain_columns))
        if streams.sessions is not None:
            # the first session is that of the last event so far
            self._sessions.append(streams.sessions.keys[old:])
        facts = _Facts(streams.entities, streams.statics, streams.splits, streams.split_values, streams.last_session)
        self._first, self._newest = self._first or facts, facts

    def table(self) -> pa.Table | None:
        """The history as a row of a shard, within the schema's `max_events`; None if it has no events."""
        if self._first is None or self._newest is None:
            return None
        labels, order_by = (pa.concat_tables(parts) if parts else None for parts in self._carried.values())
        keys = np.concatenate(self._sessions) if self._sessions else None
        made = shard_table(
            Streams(
                entities=self._first.entities,
                ids=self._ids.values,
                offsets=np.array([0, len(self._ids)]),
                event_starts=self._starts.values,
                event_offsets=np.array([0, self.events]),
                source=self._tokenizer.layout,
                times=self._times.values if len(self._times) else None,
                labels=labels,
                order_by=order_by,
                statics=self._first.statics,
                splits=self._newest.splits,
                split_values=self._newest.split_values,
                last_session=self._newest.last_session,
                sessions=None if keys is None else Sessions(keys, np.array([0, len(keys)])),
            )
        )
        if self._limit is not None and self.events > self._limit:
            self.counts += Counts(rows_left_out=self.events - self._limit)
            made = drop_oldest_events(self._tokenizer, made, self._limit)
        return made


def _concat(last: pa.Table, rows: pa.Table) -> pa.Table:
    """One row, without dictionaries, and then others in their own types."""
    columns = {}
    for name in rows.column_names:
        column = last[name].combine_chunks()
        if pa.types.is_dictionary(rows[name].type):
            column = column.dictionary_encode()
        columns[name] = column.cast(rows[name].type)
    return pa.concat_tables([pa.table(columns), rows]).unify_dictionaries()
