"""One shard: its buckets are read, encoded part by part, and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from domaintoolkit.engines._budget import units
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

__all__ = ["ShardWork", "encode_part"]


class ShardWork:
    """Writes shards, each on its own, in any order and from any thread."""

    def __init__(
        self, tokenizer: DomainTokenizer, buckets: Buckets, folder: Path, shards: int, limit: int, names: Sequence[str]
    ) -> None:
        self._tokenizer, self._buckets, self._folder = tokenizer, buckets, folder
        self._each = buckets.count // shards
        self._rows = buckets.rows
        self._limit, self._names = limit, names
        self.check_only = False
        """Look for rows to refuse, but write nothing more."""

    def write(self, number: int) -> FinishedShard:
        """Encode and write shard `number`."""
        parts, counts, refused = [], Counts(), list[RefusedRow]()
        for table in self._tables(number):
            part, more, wrong = encode_part(self._tokenizer, table, self._names)
            parts.append(part)
            counts += more
            refused += wrong
        whole = pa.concat_tables(parts).combine_chunks()
        entry = self._entry(number, whole)
        return FinishedShard(number, entry, asdict(counts), tuple(to_json(row) for row in refused))

    def _entry(self, number: int, table: pa.Table) -> ShardEntry:
        if self.check_only:
            return ShardEntry(shard_name(number), 0, 0, 0, 0, "")
        try:
            return write_shard(self._folder, number, table)
        except pa.ArrowException as error:
            raise OutputError(str(self._folder / shard_name(number)), str(error)) from None

    def _tables(self, number: int) -> Iterator[pa.Table]:
        start, end = number * self._each, (number + 1) * self._each
        empty = True
        for low, high in units(self._rows, start, end, self._limit):
            table = self._buckets.read(low, high)
            if table is not None:
                empty = False
                yield table
        if empty:
            yield self._buckets.empty()


def encode_part(
    tokenizer: DomainTokenizer, table: pa.Table, names: Sequence[str]
) -> tuple[pa.Table, Counts, list[RefusedRow]]:
    """Whole histories as rows of a shard, what was counted, and the rows that were refused."""
    streams = tokenizer.encode(table.drop_columns(ORIGIN), on_bad_rows="quarantine")
    return shard_table(streams), streams.counts, refused_rows(table, streams.refused, names)
