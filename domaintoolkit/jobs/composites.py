"""Composites for a fitted tokenizer: learned on the histories of a sample of entities, the same on every engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.jobs.partition.fitted_keys import fitted_keys
from domaintoolkit.jobs.partition.input import ORIGIN, Input, tables
from domaintoolkit.jobs.partition.row_refusals import Kept
from domaintoolkit.schema import Composite
from domaintoolkit.storage.shards import plain
from domaintoolkit.streams.keys import hash_keys, split_of
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["LowestEntities", "learn_composites", "learn_from"]

_SLACK = 1 << 16
"""Rows that may come in before those of entities that are out of the running are dropped."""


class LowestEntities:
    """Rows of the `limit` entities whose keys have the lowest hashes, of all the rows that come in.

    Which they are hangs on the keys alone, and samples of parts of the rows make up a sample of all of them.
    """

    def __init__(
        self, entity: Sequence[str], limit: int, training_only: bool, types: Mapping[str, pa.DataType] | None = None
    ) -> None:
        self._entity, self._limit, self._training_only, self._types = list(entity), limit, training_only, types or {}
        self._tables: list[pa.Table] = []
        self._loose = 0
        self._highest = np.uint64(0xFFFFFFFFFFFFFFFF)

    def add(self, table: pa.Table) -> None:
        """Take rows."""
        hashes = self._hashes(table)
        kept = hashes <= self._highest
        if self._training_only:
            kept &= split_of(hashes) == 0
        if kept.any():
            self._tables.append(table.filter(pa.array(kept)))
            self._loose += int(kept.sum())
        if self._loose > _SLACK:
            self._shrink()

    def _shrink(self) -> None:
        whole = pa.concat_tables(self._tables, promote_options="permissive")
        hashes = self._hashes(whole)
        distinct = np.unique(hashes)
        if len(distinct) > self._limit:
            self._highest = distinct[self._limit - 1]
            whole = whole.filter(pa.array(hashes <= self._highest))
        self._tables, self._loose = [whole], 0

    def _hashes(self, table: pa.Table) -> NDArray[np.uint64]:
        return hash_keys(fitted_keys(table.select(self._entity), self._types))

    def table(self) -> pa.Table | None:
        """The rows so far; None where there are none."""
        if not self._tables:
            return None
        self._shrink()
        return self._tables[0]


def learn_composites(
    tokenizer: DomainTokenizer, source: Input, spec: Composite | None, training_only: bool, threads: int
) -> int:
    """Learn composites in one pass over `source`; how many entities they were learned on."""
    schema = tokenizer.schema
    if spec is None or spec.vocabulary_size == 0:
        return 0
    lowest = LowestEntities(schema.entity, spec.max_entities, training_only, tokenizer.types)
    columns = [name for name in schema.columns if name not in schema.labels]
    for table in tables(source, columns, Kept(0), threads, []):
        lowest.add(_decoded(table.drop_columns(ORIGIN)))
    return learn_from(tokenizer, spec, [lowest.table()])


def learn_from(tokenizer: DomainTokenizer, spec: Composite, samples: Iterable[pa.Table | None]) -> int:
    """Learn from rows of sampled entities; rows that cannot be encoded play no part."""
    rows = [table for table in samples if table is not None]
    if not rows:
        return 0
    streams = tokenizer.encode(pa.concat_tables(rows), on_bad_rows="quarantine")
    return tokenizer.fit_composites(streams, spec)


def _decoded(table: pa.Table) -> pa.Table:
    """Columns without dictionaries, whose codes differ from batch to batch."""
    return pa.table({name: plain(table[name]) for name in table.column_names})
