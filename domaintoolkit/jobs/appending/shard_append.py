"""Append new rows to one shard: begin histories, splice events onto others, set late rows aside or rewrite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import Refusal
from domaintoolkit.jobs.appending.overlap import Overlap, find_events, source_numbers
from domaintoolkit.jobs.appending.rewriting import rewrite_histories
from domaintoolkit.jobs.appending.set_aside_rows import NO_HASHES, Hashes, hash_rows
from domaintoolkit.jobs.appending.splicing import splice_events
from domaintoolkit.jobs.appending.static_fields import StaticConflicts, find_conflicts
from domaintoolkit.jobs.appending.time_ties import sorts_before_last
from domaintoolkit.jobs.histories.event_limits import drop_oldest_events
from domaintoolkit.jobs.histories.histories import Histories, find_keys
from domaintoolkit.jobs.partition.origin import drop_origins, origins_of
from domaintoolkit.jobs.partition.row_refusals import describe_refusals
from domaintoolkit.reading.refused_rows import RefusedRow
from domaintoolkit.schema import Categorical, Custom, Schema
from domaintoolkit.storage.shards import shard_table
from domaintoolkit.streams.keys import hash_keys
from domaintoolkit.streams.streams import Counts
from domaintoolkit.times.zones import NO_TIME
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.rows.preparation import PreparedRows
from domaintoolkit.tokenizer.rows.row_times import time_column
from domaintoolkit.util.arrow import to_plain

__all__ = ["ShardAppend", "ShardInput", "append_rows", "find_overlaps"]

OLDER = "older than the last encoded event of its entity"
BEFORE = "before the last encoded event of its entity, by `order_by`"
KNOWN = "an encoded event already"

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class ShardInput(NamedTuple):
    """The rows of a shard, and the new rows that belong to it."""

    stored: pa.Table
    left_out: pa.Table | None
    """Histories with fewer than `min_events`; None if the schema asks for only one event."""
    new: pa.Table

    def histories(self, tokenizer: DomainTokenizer) -> Histories:
        """All histories, those that are left out too, in hash order; `tokenizer` is the folder's."""
        table = self.stored
        if self.left_out is not None:
            table = _sort_by_hash(pa.concat_tables([table, self.left_out]), tokenizer.schema.entity)
        # limits are applied after the new rows are in
        return Histories(tokenizer.without_limits(), table)


@dataclass(slots=True)
class ShardAppend:
    """A shard after an append, and what became of the new rows."""

    table: pa.Table
    left_out: pa.Table | None = None
    """Histories with fewer than `min_events`; None if the schema asks for only one event."""
    counts: Counts = field(default_factory=Counts)
    refused: list[RefusedRow] = field(default_factory=list)
    set_aside: list[RefusedRow] = field(default_factory=list)
    """Rows that are older than their histories, or are events already; they are never an error."""
    hashes: Hashes = field(default_factory=lambda: NO_HASHES)
    """Hashes of the rows that are not in the folder, though `verify` would expect them there."""
    newer_sources: frozenset[int] = frozenset()
    """Sources with a row of a new entity, or one after the last event of its entity."""
    older_sources: frozenset[int] = frozenset()
    """Sources with a row before the last event of its entity."""


def append_rows(
    tokenizer: DomainTokenizer, shard: ShardInput, names: Sequence[str], rewrite: bool, overlapping: frozenset[int]
) -> ShardAppend:
    """Append the new rows to the histories of a shard. `names` are those of the sources.

    Rows that are older than their histories are set aside; with `rewrite`, their histories are encoded again. Rows
    of the sources `overlapping` are also set aside if they are events already.
    """
    result = _NewRows(shard.histories(tokenizer), shard.new, names).append(rewrite, overlapping)
    return _apply_limits(tokenizer, result, shard)


def find_overlaps(
    tokenizer: DomainTokenizer, shard: ShardInput, sources: frozenset[int], set_aside: Hashes
) -> dict[int, Overlap]:
    """For each of some sources, how many of its new rows are events of a shard already.

    Rows whose hashes are in `set_aside` do not count.
    """
    rows = _NewRows(shard.histories(tokenizer), shard.new, ())
    return rows.find_overlaps(sources, set_aside, tokenizer.schema.max_events)


def _apply_limits(tokenizer: DomainTokenizer, result: ShardAppend, shard: ShardInput) -> ShardAppend:
    """The histories within the schema's limits. One that was long enough before stays in, however short it is now."""
    schema, table = tokenizer.schema, result.table
    if shard.left_out is not None:
        keys = list(schema.entity)
        stays = find_keys(table.select(keys), shard.stored.select(keys)) >= 0
        stays |= np.asarray(pc.list_value_length(table["event_starts"])) >= schema.min_events
        result.left_out = table.filter(pa.array(~stays)).combine_chunks()
        table = table.filter(pa.array(stays)).combine_chunks()
        result.counts += Counts(entities_left_out=len(result.left_out) - len(shard.left_out))
    result.table = drop_oldest_events(tokenizer, table, schema.max_events)
    added = result.counts.rows_in - result.counts.rows_refused
    result.counts += Counts(rows_left_out=_count_events(shard.stored) + added - _count_events(result.table))
    return result


def _count_events(table: pa.Table) -> int:
    return pc.sum(pc.list_value_length(table["event_starts"])).as_py() or 0


class _NewRows:
    """New rows of a shard, each with the history that it belongs to."""

    def __init__(self, histories: Histories, rows: pa.Table, names: Sequence[str]) -> None:
        self.histories, self.tokenizer, self.schema = histories, histories.tokenizer, histories.schema
        self.names, self.all_rows = names, rows
        self.prepared = self.tokenizer.prepare_rows(drop_origins(rows), "quarantine", self.tokenizer.types)
        numbers = self.prepared.numbers
        self.rows = rows if numbers is None else rows.take(pa.array(numbers))
        """The rows that can be encoded, as they came. All arrays below have one value for each of these."""
        self.encodable = _to_encodable(drop_origins(self.rows), self.prepared, self.schema)
        self.history = find_keys(self.rows.select(list(self.schema.entity)), histories.keys)
        """The number of the history of each row, or -1."""

    @cached_property
    def time_order(self) -> Ints:
        """-1, 0 or 1: each row is before, at or after the time of the last event of its history; 1 without one.

        Without times, all events that `order_by` orders are at one time, and others come one after another.
        """
        if self.schema.time is None:
            return np.where((self.history < 0) | (not self.schema.has_order), 1, 0)
        if not len(self.histories):
            return np.ones(len(self.rows), np.int64)
        last, times = self.histories.last_times[self.history], self.prepared.times
        assert times is not None
        # for a new entity, `last` is the time of some other history: the next line ignores it
        order = (times > last).astype(np.int64) - (times < last)
        return np.where(self.history < 0, 1, order)

    @cached_property
    def conflicts(self) -> StaticConflicts:
        """The rows with other static values than their histories."""
        return find_conflicts(self.schema, self.histories, self.prepared, self.history)

    def find_overlaps(self, sources: frozenset[int], set_aside: Hashes, limit: int | None) -> dict[int, Overlap]:
        """The overlap of each source, counted over its rows that are not after the last event of their history."""
        numbers, candidates = source_numbers(self.rows), self.time_order <= 0
        known, others = find_events(self.histories, self.rows, candidates, sources, set_aside, limit)
        flags = (known, others, known & (self.time_order < 0))
        return {source: Overlap(*(int(each[numbers == source].sum()) for each in flags)) for source in sources}

    def append(self, rewrite: bool, overlapping: frozenset[int]) -> ShardAppend:
        """The shard with the rows. `overlapping` are the sources whose rows may be events already."""
        result = ShardAppend(self.histories.table)
        unencodable = len(self.all_rows) - len(self.rows)
        result.refused = describe_refusals(self.all_rows, self.prepared.refused, self.names)
        result.counts = Counts(rows_in=unencodable, rows_refused=unencodable)
        known, _ = find_events(self.histories, self.rows, self.time_order <= 0, overlapping)
        late = self._find_late() & ~known
        set_aside = known if rewrite else known | late
        conflicting = self.conflicts.any & ~set_aside
        self._set_aside(result, known, KNOWN)
        self._set_aside(result, set_aside & ~known, BEFORE if self.schema.time is None else OLDER)
        self._refuse_conflicts(result, conflicting)
        # encoded all at once, conflicting rows may be most rows of their history, which would then lose the others
        result.hashes = hash_rows(self.tokenizer, self.rows.filter(pa.array(set_aside | conflicting)))
        added = (self.history >= 0) & ~set_aside & ~conflicting
        # the first time of a history without times changes its anchor
        begun = added & (self.time_order > 0) & self._follows_untimed
        rewritten = np.unique(self.history[begun | (late & ~conflicting & rewrite)])
        result.table = self._add_rows(result, added, rewritten)
        result.newer_sources = self._newer_sources(result)
        result.older_sources = frozenset(np.unique(source_numbers(self.rows)[self.time_order < 0]).tolist())
        return result

    @property
    def _follows_untimed(self) -> Flags:
        """True for each row whose history has no time yet."""
        if self.schema.untimed == "refuse" or not len(self.histories):
            return np.zeros(len(self.rows), bool)
        follows: Flags = (self.history >= 0) & (self.histories.last_times[self.history] == NO_TIME)
        return follows

    def _find_late(self) -> Flags:
        """True for each row that comes before the last event of its history."""
        late: Flags = self.time_order < 0
        tied = np.flatnonzero(self.time_order == 0)
        if len(tied):
            late[tied] = sorts_before_last(self.histories, self.encodable.take(pa.array(tied)), self.history[tied])
        return late

    def _set_aside(self, result: ShardAppend, rows: Flags, reason: str) -> None:
        numbers = np.flatnonzero(rows).tolist()
        result.counts += Counts(rows_in=len(numbers), rows_refused=len(numbers))
        refusals = [Refusal(row, None, reason) for row in numbers]
        result.set_aside += describe_refusals(self.rows, refusals, self.names)

    def _refuse_conflicts(self, result: ShardAppend, rows: Flags) -> None:
        numbers = np.flatnonzero(rows).tolist()
        result.counts += Counts(rows_in=len(numbers), rows_refused=len(numbers))
        refusals = [refusal for row in numbers for refusal in self.conflicts.refusals(row, self.rows)]
        result.refused += describe_refusals(self.rows, refusals, self.names)

    def _add_rows(self, result: ShardAppend, added: Flags, rewritten: Ints) -> pa.Table:
        """The histories with the rows `added`, those of `rewritten` encoded again, and the new histories."""
        of_rewritten = np.isin(self.history, rewritten)  # (rows,)
        table = self._splice(result, added & ~of_rewritten)
        unchanged = np.setdiff1d(np.arange(len(self.histories)), rewritten)
        parts = [table.take(pa.array(unchanged)), self._begin_histories(result)]
        if len(rewritten):
            parts.append(self._rewrite(result, added & of_rewritten, rewritten))
        return _sort_by_hash(pa.concat_tables([part.cast(table.schema) for part in parts]), self.schema.entity)

    def _splice(self, result: ShardAppend, rows: Flags) -> pa.Table:
        numbers = np.flatnonzero(rows)
        encodable, tied = self.encodable.take(pa.array(numbers)), self.time_order[numbers] == 0
        table, counts = splice_events(self.histories, encodable, self.history[numbers], tied)
        result.counts += counts
        return table

    def _rewrite(self, result: ShardAppend, rows: Flags, rewritten: Ints) -> pa.Table:
        numbers = np.flatnonzero(rows)
        encodable = self.encodable.take(pa.array(numbers))
        table, counts = rewrite_histories(self.histories, rewritten, encodable, self.history[numbers])
        result.counts += counts
        return table

    def _begin_histories(self, result: ShardAppend) -> pa.Table:
        """The histories of new entities."""
        rows = self.rows.filter(pa.array(self.history < 0))
        streams = self.tokenizer.encode_by_hash(drop_origins(rows), on_bad_rows="quarantine")
        result.counts += streams.counts
        result.refused += describe_refusals(rows, streams.refused, self.names)
        return shard_table(streams)

    def _newer_sources(self, result: ShardAppend) -> frozenset[int]:
        newer = self.time_order > 0
        if result.refused:
            # a row that was refused when its file was first read does not make the file a new one
            refused = {(row.source, row.row) for row in result.refused}
            rows = np.flatnonzero(newer)
            found = origins_of(self.rows.take(pa.array(rows))).with_names(self.names)
            newer[rows] = [place not in refused for place in found]
        return frozenset(np.unique(source_numbers(self.rows)[newer]).tolist())


def _to_encodable(rows: pa.Table, prepared: PreparedRows, schema: Schema) -> pa.Table:
    """Rows with the values that encoders take, in types that the values of decoded events fit too."""
    taken: dict[str, pa.Array] = {}
    for spec in (*schema.static, *schema.fields):
        if spec.name != schema.time and not isinstance(spec, Custom):
            # the encoder of a category takes its text; its value is kept in the type that it was fitted in
            is_text = isinstance(spec, Categorical)
            taken[spec.name] = prepared.columns[spec.name] if is_text else prepared.plain_values(spec.name)
    if schema.time is not None and prepared.times is not None:
        taken[schema.time] = time_column(prepared.times)
    for name, values in taken.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, to_plain(values))
    return rows


def _sort_by_hash(table: pa.Table, entity: Sequence[str]) -> pa.Table:
    """The rows by (hash, key)."""
    keys = table.select(list(entity))
    numbered = keys.append_column("", pa.array(hash_keys(keys)))
    order = [("", "ascending"), *((name, "ascending") for name in entity)]
    return table.take(pc.sort_indices(numbered, sort_keys=order)).combine_chunks()
