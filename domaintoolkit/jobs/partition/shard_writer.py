"""One shard: its buckets are read, encoded part by part, and written."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from domaintoolkit.errors import OutputError
from domaintoolkit.jobs.histories.event_limits import encode_left_out
from domaintoolkit.jobs.partition.budget import Budget
from domaintoolkit.jobs.partition.long_histories import GrowingHistory, HistorySlices, split_bucket
from domaintoolkit.jobs.partition.origin import drop_origins
from domaintoolkit.jobs.partition.row_buckets import RowBuckets
from domaintoolkit.jobs.partition.row_refusals import RefusalLog, describe_refusals
from domaintoolkit.jobs.partition.spill import Partition
from domaintoolkit.reading.refused_rows import RefusedRow
from domaintoolkit.storage.manifest import ShardEntry
from domaintoolkit.storage.resume_state import FinishedShard
from domaintoolkit.storage.shards import LEFT_OUT, SHARDS, shard_name, shard_table, write_shard
from domaintoolkit.streams.streams import Counts
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["EncodedPart", "PartEncoder", "ShardWriter", "shard_stem"]


@dataclass(frozen=True, slots=True)
class EncodedPart:
    """Whole histories as rows of a shard."""

    table: pa.Table
    left_out: pa.Table | None
    """The histories that are too short, if they are asked for."""
    counts: Counts
    refused: list[RefusedRow]


class PartEncoder:
    """Encodes rows that carry their origins, entity by entity all of them, as rows of a shard.

    With `left_out`, histories with fewer than the schema's `min_events` are encoded too.
    """

    def __init__(self, tokenizer: DomainTokenizer, sources: Sequence[str], left_out: bool = True) -> None:
        self._tokenizer, self._sources = tokenizer, sources
        self._entity = list(tokenizer.schema.entity)
        self._whole = tokenizer.without_limits() if left_out and tokenizer.schema.min_events > 1 else None

    def encode(self, table: pa.Table) -> EncodedPart:
        """The rows as part of a shard; those that cannot be encoded are refused."""
        rows = drop_origins(table)
        streams = self._tokenizer.encode_by_hash(rows, on_bad_rows="quarantine")
        made, left_out = shard_table(streams), None
        if self._whole is not None:
            left_out = encode_left_out(self._whole, rows, made.select(self._entity)).cast(made.schema)
        return EncodedPart(made, left_out, streams.counts, describe_refusals(table, streams.refused, self._sources))

    def encode_slices(self, slices: HistorySlices) -> EncodedPart:
        """The rows of a bucket, those of a long history slice by slice if they do not depend on one another."""
        history = GrowingHistory(self._tokenizer, self._sources)
        if slices.is_whole or not all(history.add(rows) for rows in slices):
            return self.encode(slices.read())
        made = history.table()
        if made is None or history.events < self._tokenizer.schema.min_events:  # almost all rows were refused
            return self.encode(slices.read())
        left_out = None if self._whole is None else made.slice(0, 0)
        return EncodedPart(made, left_out, history.counts, history.refused)


class ShardWriter:
    """Writes shards, each on its own, in any order and from any thread; their parts are encoded in `workers`."""

    def __init__(
        self,
        tokenizer: DomainTokenizer,
        rows: Partition,
        folder: Path,
        shards: int,
        budget: Budget,
        workers: Executor,
    ) -> None:
        self._tokenizer = tokenizer.without_threads()
        self._encoder = PartEncoder(self._tokenizer, rows.sources)
        self._buckets, self._folder, self._workers = rows.buckets, folder, workers
        self._each, self._spilled, self._budget = rows.buckets.count // shards, rows.folder, budget
        self._loaded_rows = budget.loaded_rows(rows.buckets.row_bytes)
        self.check_only = False
        """Look for rows to refuse, but write nothing more."""

    def write(self, number: int) -> tuple[FinishedShard, list[RefusedRow]]:
        """Encode and write shard `number`; gives the rows that were refused in it too, which go to a log file."""
        parts = self._encode_all(number * self._each, (number + 1) * self._each)
        counts = sum((part.counts for part in parts), Counts())
        refused = [row for part in parts for row in part.refused]
        entry = self._write(number, [part.table for part in parts], SHARDS)
        left = [part.left_out for part in parts if part.left_out is not None]
        left_out = self._write(number, left, LEFT_OUT) if left else None
        if not self.check_only:
            with RefusalLog(self._folder, shard_stem(number)) as log:
                log.add(refused)
        return FinishedShard(number, entry, asdict(counts), left_out=left_out), refused

    def _encode_all(self, first: int, end: int) -> list[EncodedPart]:
        """The rows of the buckets from `first` up to `end`; those with very many rows go slice by slice."""
        long = first + np.flatnonzero(self._buckets.rows[first:end] > self._budget.history_rows)
        parts: list[EncodedPart] = []
        for bucket in [*long.tolist(), end]:
            if first < bucket:
                for low, high in self._buckets.ranges(first, bucket, self._loaded_rows):
                    parts += self._encode(self._buckets.load(low, high))
            if bucket < end:
                parts += self._encode_long(bucket)
            first = bucket + 1
        return parts

    def _encode_long(self, bucket: int) -> list[EncodedPart]:
        """The rows of a bucket that are too many to be encoded at once."""
        folder = self._spilled / f"bucket-{bucket}"
        slices = split_bucket(self._tokenizer, self._buckets, bucket, self._budget, folder)
        return [self._workers.submit(self._encoder.encode_slices, each).result() for each in slices]

    def _encode(self, loaded: RowBuckets) -> list[EncodedPart]:
        """The rows of some buckets, part by part in several threads."""

        def encode(low: int, high: int) -> EncodedPart:
            table = loaded.read(low, high)
            return self._encoder.encode(loaded.empty() if table is None else table)

        ranges = loaded.ranges(0, loaded.count, self._budget.unit_rows)
        return [job.result() for job in [self._workers.submit(encode, low, high) for low, high in ranges]]

    def _write(self, number: int, parts: list[pa.Table], within: str) -> ShardEntry:
        name = shard_name(number, within=within)
        if self.check_only:
            return ShardEntry(name, 0, 0, 0, 0, "")
        some = [part for part in parts if part.num_rows] or parts[:1]
        try:
            # one part is not copied: it may be a history that takes much memory
            return write_shard(self._folder, number, pa.concat_tables(some).combine_chunks(), within=within)
        except pa.ArrowException as error:
            raise OutputError(str(self._folder / name), str(error)) from None


def shard_stem(number: int) -> str:
    """The name of a shard's log file of refused rows."""
    return f"{number:05d}"
