"""Learning the composites of a fitted tokenizer from the histories of a sample of entities."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.origin import drop_origins
from domaintoolkit.jobs.partition.row_refusals import RefusalList
from domaintoolkit.jobs.partition.row_source import RowSource, read_tables
from domaintoolkit.schema import Composite, Schema
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.arrow import to_plain

__all__ = ["LowestEntities", "learn_composites", "learn_from"]

_SLACK = 1 << 16
"""Rows that are collected before those of entities that cannot be among the lowest are dropped."""


class LowestEntities:
    """The rows of the `limit` entities whose keys have the lowest hashes, of all rows that are added.

    The choice depends on the keys alone, so the lowest of several parts are found among the lowest of each part.
    """

    def __init__(self, keys: EntityKeys, limit: int, training: Schema | None) -> None:
        """With `training`, only the rows that a tokenizer of this schema may be fitted on count."""
        self._keys, self._limit, self._training = keys, limit, training
        self._tables: list[pa.Table] = []
        self._loose = 0
        self._highest = np.uint64(0xFFFFFFFFFFFFFFFF)

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
        distinct = np.unique(hashes)
        if len(distinct) > self._limit:
            self._highest = distinct[self._limit - 1]
            whole = whole.filter(pa.array(hashes <= self._highest))
        self._tables, self._loose = [whole], 0

    def table(self) -> pa.Table | None:
        """The rows so far; None if there are none."""
        if not self._tables:
            return None
        self._shrink()
        return self._tables[0]


def learn_composites(
    tokenizer: DomainTokenizer, source: RowSource, spec: Composite | None, training_only: bool, threads: int
) -> int:
    """Learn composites in one pass over `source`; gives the number of entities that they were learned on."""
    schema = tokenizer.schema
    if spec is None or spec.vocabulary_size == 0:
        return 0
    lowest = LowestEntities(EntityKeys.of(tokenizer), spec.max_entities, schema if training_only else None)
    columns = [name for name in schema.columns if name not in schema.labels]
    for table in read_tables(source, columns, [], RefusalList(0), threads):
        lowest.add(_drop_dictionaries(drop_origins(table)))
    return learn_from(tokenizer, spec, [lowest.table()])


def learn_from(tokenizer: DomainTokenizer, spec: Composite, samples: Iterable[pa.Table | None]) -> int:
    """Learn from rows of sampled entities; rows that cannot be encoded are ignored."""
    rows = [table for table in samples if table is not None]
    if not rows:
        return 0
    streams = tokenizer.encode(pa.concat_tables(rows), on_bad_rows="quarantine")
    return tokenizer.fit_composites(streams, spec)


def _drop_dictionaries(table: pa.Table) -> pa.Table:
    """The rows as plain values: the codes of a dictionary differ from batch to batch."""
    return pa.table({name: to_plain(table[name]) for name in table.column_names})
