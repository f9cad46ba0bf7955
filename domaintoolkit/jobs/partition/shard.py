"""One shard: its buckets are read, encoded part by part, and written."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from domaintoolkit.errors import OutputError
from domaintoolkit.jobs.histories.event_limits import left_out_part
from domaintoolkit.jobs.partition.budget import Budget, units
from domaintoolkit.jobs.partition.input import ORIGIN
from domaintoolkit.jobs.partition.row_refusals import Logged, refused_rows
from domaintoolkit.jobs.partition.spill import Buckets
from domaintoolkit.reading.refused_rows import RefusedRow
from domaintoolkit.storage.manifest import ShardEntry
from domaintoolkit.storage.resume_state import FinishedShard
from domaintoolkit.storage.shards import LEFT_OUT, SHARDS, shard_name, shard_table, write_shard
from domaintoolkit.streams.streams import Counts
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["EncodedPart", "ShardWork", "encode_part", "shard_stem", "whole_histories"]


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
        self._tokenizer, self._buckets, self._folder = tokenizer.without_threads(), buckets, folder
        self._whole = whole_histories(self._tokenizer)
        self._each = buckets.count // shards
        self._limit, self._loaded = budget.unit_rows, budget.loaded_rows(buckets.row_bytes)
        self._names, self._pool = names, pool
        self.check_only = False
        """Look for rows to refuse, but write nothing more."""

    def write(self, number: int) -> tuple[FinishedShard, list[RefusedRow]]:
        """Encode and write shard `number`; gives the rows that were refused in it too, which are written beside."""
        rows = self._buckets.rows
        ranges = units(rows, number * self._each, (number + 1) * self._each, self._loaded)
        parts = [part for low, high in ranges for part in self._parts(self._buckets.part(low, high))]
        counts = sum((part.counts for part in parts), Counts())
        refused = [row for part in parts for row in part.refused]
        entry = self._entry(number, [part.table for part in parts], SHARDS)
        left = [part.left_out for part in parts if part.left_out is not None]
        left_out = self._entry(number, left, LEFT_OUT) if left else None
        if not self.check_only:
            with Logged(self._folder, shard_stem(number)) as log:
                log.add(refused)
        return FinishedShard(number, entry, asdict(counts), left_out=left_out), refused

    def _parts(self, buckets: Buckets) -> list[EncodedPart]:
        ranges = units(buckets.rows, 0, buckets.count, self._limit)
        work = [self._pool.submit(self._encode, buckets, low, high) for low, high in ranges]
        return [each.result() for each in work]

    def _encode(self, buckets: Buckets, low: int, high: int) -> EncodedPart:
        table = buckets.read(low, high)
        rows = buckets.empty() if table is None else table
        return encode_part(self._tokenizer, rows, self._names, self._whole)

    def _entry(self, number: int, parts: list[pa.Table], within: str) -> ShardEntry:
        name = shard_name(number, within=within)
        if self.check_only:
            return ShardEntry(name, 0, 0, 0, 0, "")
        try:
            return write_shard(self._folder, number, pa.concat_tables(parts).combine_chunks(), within=within)
        except pa.ArrowException as error:
            raise OutputError(str(self._folder / name), str(error)) from None


def shard_stem(number: int) -> str:
    """What the file of a shard's refused rows is called."""
    return f"{number:05d}"


@dataclass(frozen=True, slots=True)
class EncodedPart:
    """Whole histories as rows of a shard."""

    table: pa.Table
    left_out: pa.Table | None
    """Those that are too short, where that was asked for."""
    counts: Counts
    refused: list[RefusedRow]


def whole_histories(tokenizer: DomainTokenizer) -> DomainTokenizer | None:
    """What encodes the histories that `min_events` leaves out; None where it asks for no more than one event."""
    return tokenizer.unbounded() if tokenizer.schema.min_events > 1 else None


def encode_part(
    tokenizer: DomainTokenizer, table: pa.Table, names: Sequence[str], whole: DomainTokenizer | None = None
) -> EncodedPart:
    """Encode the rows of whole histories; `whole` encodes those that are left out as too short."""
    rows = table.drop_columns(ORIGIN)
    streams = tokenizer.encode_by_hash(rows, on_bad_rows="quarantine")
    made, left_out = shard_table(streams), None
    if whole is not None:
        keys = made.select(list(tokenizer.schema.entity))
        left_out = left_out_part(whole, rows, keys).cast(made.schema)
    return EncodedPart(made, left_out, streams.counts, refused_rows(table, streams.refused, names))
