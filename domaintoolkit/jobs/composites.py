"""Learning the composites of a fitted tokenizer from the histories of a sample of entities."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from domaintoolkit.composite import Arrays, MemoryLimitError
from domaintoolkit.jobs.partition.budget import Budget
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.origin import drop_origins
from domaintoolkit.jobs.partition.row_refusals import RefusalList
from domaintoolkit.jobs.partition.row_source import RowSource, read_tables
from domaintoolkit.schema import Composite, Schema
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.ragged import cut_ranges, offsets_of

__all__ = ["LowestEntities", "learn_composites", "learn_from"]

_SLACK = 1 << 16
"""Rows that are collected before those of entities that cannot be among the lowest are dropped."""


FITTING = 0.9
"""Of the events whose pairs fit, those that are tried next: counting needs room to grow."""


class LowestEntities:
    """The rows of the `limit` entities whose keys have the lowest hashes, of all rows that are added.

    The choice depends on the keys alone, so the lowest of several parts are found among the lowest of each part.
    """

    def __init__(self, keys: EntityKeys, limit: int, training: Schema | None, most_rows: int | None = None) -> None:
        """With `training`, only the rows that a tokenizer of this schema may be fitted on count.

        Entities with more than `most_rows` rows together are fewer: at least one stays.
        """
        self._keys, self._limit, self._training, self._most_rows = keys, limit, training, most_rows
        self._tables: list[pa.Table] = []
        self._loose = 0
        # entities with hashes above it have gone: none yet
        self._highest = np.uint64(0xFFFFFFFFFFFFFFFF)
        self.is_cut = False
        """Entities among the `limit` lowest have gone since all of them have more than `most_rows` rows."""

    def add(self, table: pa.Table) -> None:
        """Take rows."""
        hashes = self._keys.hash(table)
        kept = hashes <= self._highest
        if self._training is not None:
            kept &= self._keys.is_training(table, self._training)
        if kept.any():
            self._tables.append(table.filter(pa.array(kept)))
            self._loose += int(kept.sum())
        if self._loose > _SLACK:
            self._shrink()

    def _shrink(self) -> None:
        whole = pa.concat_tables(self._tables, promote_options="permissive")
        hashes = self._keys.hash(whole)
        # (entities,): more rows come later, so an entity that goes now would go in the end too
        distinct, counts = np.unique(hashes, return_counts=True)
        most = len(whole) if self._most_rows is None else self._most_rows
        # so many entities, the lowest first, have at most `most` rows together
        fitting = max(int(np.searchsorted(np.cumsum(counts), most, "right")), 1)
        limit = min(self._limit, fitting)
        if len(distinct) > limit:
            self.is_cut |= fitting < self._limit
            self._highest = distinct[limit - 1]
            whole = whole.filter(pa.array(hashes <= self._highest))
        self._tables, self._loose = [whole], 0

    def table(self) -> pa.Table | None:
        """The rows so far; None if there are none."""
        if not self._tables:
            return None
        self._shrink()
        return self._tables[0]


def learn_composites(
    tokenizer: DomainTokenizer, source: RowSource, spec: Composite | None, training_only: bool, budget: Budget
) -> tuple[int, bool]:
    """Learn composites in one pass over `source`: (entities that they were learned on, whether memory cut them).

    These are fewer than the declared number if more of them do not fit into the memory.
    """
    schema = tokenizer.schema
    if spec is None or spec.vocabulary_size == 0:
        return 0, False
    training = schema if training_only else None
    lowest = LowestEntities(EntityKeys.of(tokenizer), spec.max_entities, training, budget.sample_rows)
    # composites are made of fields: labels need not be read
    columns = [name for name in schema.columns if name not in schema.labels]
    for table in read_tables(source, columns, [], RefusalList(0), budget.threads):
        lowest.add(_drop_dictionaries(drop_origins(table)))
    rows = lowest.table()
    if rows is None:
        return 0, False
    is_cut = lowest.is_cut
    streams = _encode_by_hash(tokenizer, rows, budget)
    # learning takes the memory of the rows, and of all that was read before
    del lowest, rows
    pa.default_memory_pool().release_unused()
    entities, is_cut_further = _learn_from_first(tokenizer, spec, streams, budget.pair_bytes)
    return entities, is_cut or is_cut_further


def learn_from(tokenizer: DomainTokenizer, spec: Composite, rows: pa.Table | None) -> int:
    """Learn from rows of sampled entities; rows that cannot be encoded are ignored."""
    if rows is None:
        return 0
    return tokenizer.fit_composites(tokenizer.encode(rows, on_bad_rows="quarantine"), spec)


def _learn_from_first(tokenizer: DomainTokenizer, spec: Composite, streams: Arrays, memory: int) -> tuple[int, bool]:
    """Learn from the first streams whose pairs fit into memory: (their number, whether these are not all)."""
    is_cut = False
    while True:
        try:
            tokenizer.learn_composites(streams, spec, memory)
            return len(streams.offsets) - 1, is_cut
        except MemoryLimitError as error:
            events = int(error.events * FITTING)
            if events == 0:
                raise
            streams, is_cut = _first(streams, events), True


def _encode_by_hash(tokenizer: DomainTokenizer, rows: pa.Table, budget: Budget) -> Arrays:
    """The streams of the rows in the order of their entities' hashes, encoded some at a time."""
    # (rows,), and (entities,) the hash of each in rising order with its rows
    hashes = EntityKeys.of(tokenizer).hash(rows)
    distinct, counts = np.unique(hashes, return_counts=True)
    parts = []
    for low, high in cut_ranges(offsets_of(counts), budget.unit_rows):
        some = rows.filter(pa.array((hashes >= distinct[low]) & (hashes <= distinct[high - 1])))
        made = tokenizer.encode_by_hash(some, on_bad_rows="quarantine")
        parts.append(Arrays(made.ids, made.offsets, made.event_starts, made.event_offsets))
    # the ids and events of each part come after those of the parts before
    tokens, events = (
        offsets_of(np.array([len(part.ids) for part in parts])),
        offsets_of(np.array([len(part.event_starts) for part in parts])),
    )
    return Arrays(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([[0], *(part.offsets[1:] + at for part, at in zip(parts, tokens, strict=False))]),
        np.concatenate([part.event_starts + at for part, at in zip(parts, tokens, strict=False)]),
        np.concatenate([[0], *(part.event_offsets[1:] + at for part, at in zip(parts, events, strict=False))]),
    )


def _first(streams: Arrays, events: int) -> Arrays:
    """The first streams with so many events at most; of a first stream with more, its first events."""
    # the streams that end within so many events
    count = int(np.searchsorted(streams.event_offsets, events, "right")) - 1
    if count == 0:
        end = streams.event_starts[events]
        return Arrays(streams.ids[:end], np.array([0, end]), streams.event_starts[:events], np.array([0, events]))
    return Arrays(
        streams.ids[: streams.offsets[count]],
        streams.offsets[: count + 1],
        streams.event_starts[: streams.event_offsets[count]],
        streams.event_offsets[: count + 1],
    )


def _drop_dictionaries(table: pa.Table) -> pa.Table:
    """The rows as plain values: the codes of a dictionary differ from batch to batch."""
    return pa.table({name: to_plain(table[name]) for name in table.column_names})
