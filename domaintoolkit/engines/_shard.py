"""One shard: its buckets are read, encoded part by part, and written."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from copy import copy
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from domaintoolkit.engines._budget import Budget, units
from domaintoolkit.engines._input import ORIGIN
from domaintoolkit.engines._refused import refused_rows, to_json
from domaintoolkit.engines._spill import Buckets
from domaintoolkit.engines._state import FinishedShard
from domaintoolkit.errors import OutputError
from domaintoolkit.streams._manifest import ShardEntry
from domaintoolkit.streams._read_refused import RefusedRow
from domaintoolkit.streams._shards import shard_name, shard_table, write_shard
from domaintoolkit.streams._streams import Counts
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer._workers import Inline

__all__ = ["ShardWork", "encode_part", "serial"]


class ShardWork:
    """Writes shards, each on its own, in any order and from any thread; their parts are encoded in `pool`."""

    def __init__(
        self,
        tokenizer: DomainTokenizer,
        buckets: Buckets,
        folder: Path,
        shards: int,
        budget: Budget,
        names: Sequence[str],
        pool: Executor,
    ) -> None:
        self._tokenizer, self._buckets, self._folder = serial(tokenizer), buckets, folder
        self._each = buckets.count // shards
        self._limit, self._names, self._pool = budget.unit_rows, names, pool
        self.check_only = False
        """Look for rows to refuse, but write nothing more."""

    def write(self, number: int) -> FinishedShard:
        """Encode and write shard `number`."""
        mine = self._buckets.part(number * self._each, (number + 1) * self._each)
        ranges = units(mine.rows, 0, mine.count, self._limit)
        work = [self._pool.submit(self._encode, mine, low, high) for low, high in ranges]
        parts = [each.result() for each in work]
        counts = sum((more for _, more, _ in parts), Counts())
        refused = [to_json(row) for _, _, rows in parts for row in rows]
        entry = self._entry(number, pa.concat_tables([part for part, _, _ in parts]).combine_chunks())
        return FinishedShard(number, entry, asdict(counts), tuple(refused))

    def _encode(self, buckets: Buckets, low: int, high: int) -> tuple[pa.Table, Counts, list[RefusedRow]]:
        table = buckets.read(low, high)
        return encode_part(self._tokenizer, buckets.empty() if table is None else table, self._names)

    def _entry(self, number: int, table: pa.Table) -> ShardEntry:
        if self.check_only:
            return ShardEntry(shard_name(number), 0, 0, 0, 0, "")
        try:
            return write_shard(self._folder, number, table)
        except pa.ArrowException as error:
            raise OutputError(str(self._folder / shard_name(number)), str(error)) from None


def serial(tokenizer: DomainTokenizer) -> DomainTokenizer:
    """The same tokenizer without threads of its own: here several tables are encoded at once instead."""
    copied = copy(tokenizer)
    vars(copied)["_pool"] = Inline()
    return copied


def encode_part(
    tokenizer: DomainTokenizer, table: pa.Table, names: Sequence[str]
) -> tuple[pa.Table, Counts, list[RefusedRow]]:
    """Whole histories as rows of a shard, what was counted, and the rows that were refused."""
    streams = tokenizer.encode(table.drop_columns(ORIGIN), on_bad_rows="quarantine")
    return shard_table(streams), streams.counts, refused_rows(table, streams.refused, names)
