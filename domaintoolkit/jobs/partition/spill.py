"""Partitioning: rows split once by ranges of the entity hash, in memory while they fit, else on disk.

Rows come together in pieces of about `PIECE` rows, small enough that sorting them by bucket stays in the cache
(a third of the time of sorting millions). Past the memory limit a few pieces at a time are merged into an Arrow IPC
file with record batches of few buckets, so that reading buckets back opens few files and touches nothing else.
The files are read, not mapped: mapped pages count as this process's memory, in the end all of them. Rows keep
their order within a bucket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.jobs.partition.budget import Budget
from domaintoolkit.jobs.partition.dictionary_codes import DictionaryCodes
from domaintoolkit.jobs.partition.row_buckets import DICTIONARIES, RowBuckets, save_dictionaries
from domaintoolkit.jobs.partition.row_piece import RowPiece, sort_piece, write_merged
from domaintoolkit.jobs.partition.row_source import RowSource, columns_to_read, read_tables
from domaintoolkit.jobs.progress import Progress
from domaintoolkit.reading.refused_rows import RefusedRows
from domaintoolkit.schema import Schema
from domaintoolkit.util.threads import Threads

__all__ = ["Partition", "Spill", "partition"]

PIECE = 1 << 16
MERGED = 8
"""Pieces a file."""


class Numbering(Protocol):
    """Says which bucket a row belongs to."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns that decide it."""

    def number(self, table: pa.Table, buckets: int) -> NDArray[np.integer]:
        """The bucket of each row, of so many."""


class Spill:
    """Collects rows; once they take more than the budget holds, all go to files in `folder`.

    `keys` give the bucket of each row: that of its key in its fitted types, in which shards hold the key too.
    """

    def __init__(self, folder: Path, keys: Numbering, buckets: int, budget: Budget) -> None:
        self.folder, self.budget, self._keys, self._buckets = folder, budget, keys, buckets
        self._waiting: list[pa.Table] = []
        self._sorting: deque[Future[RowPiece]] = deque()
        self._held: list[RowPiece] = []
        self._written: list[Future[RowPiece]] = []
        self._codes = DictionaryCodes()
        self._workers = Threads(budget.threads)
        self._size = 0
        self.rows = 0

    def add(self, table: pa.Table) -> None:
        """Take rows; their columns have to be those of all others."""
        self._waiting.append(table)
        if sum(part.num_rows for part in self._waiting) >= PIECE:
            self._cut()

    def finish(self) -> RowBuckets:
        """All rows by bucket."""
        if self._waiting:
            self._cut()
        self._collect(0)
        pieces = tuple(written.result() for written in self._written) or tuple(self._held)
        self._workers.shutdown()
        if self._written:
            save_dictionaries(self.folder / DICTIONARIES, self._codes.dictionaries)
        return RowBuckets(self._buckets, pieces, self._codes)

    def close(self) -> None:
        """Stop the threads, and drop the work that they have not begun."""
        self._workers.shutdown(cancel_futures=True)

    def _cut(self) -> None:
        """Encode the rows that wait, and have them sorted as one piece."""
        waiting, self._waiting = self._waiting, []
        coded = [self._codes.encode(table) for table in waiting]
        self.rows += sum(table.num_rows for table in coded)
        self._size += sum(table.nbytes for table in coded)
        self._sorting.append(self._workers.submit(self._sort, coded))
        self._collect(self.budget.threads)

    def _collect(self, leave: int) -> None:
        """Wait until at most `leave` pieces are being sorted; past the limit, write the sorted ones to files."""
        while len(self._sorting) > leave:
            self._held.append(self._sorting.popleft().result())
        if self._size > self.budget.held_bytes:
            while len(self._held) >= MERGED or (self._held and not leave):
                self._write(MERGED)

    def _write(self, count: int) -> None:
        """Merge the first `count` pieces that are held into a file, in another thread."""
        pieces, self._held = self._held[:count], self._held[count:]
        path = self.folder / f"{len(self._written):05d}.rows"
        self._written.append(self._workers.submit(write_merged, pieces, self._codes, path))
        if len(self._written) > self.budget.threads:
            # as many files at once as there are threads: pieces that wait for one still take memory
            self._written[-1 - self.budget.threads].result()

    def _sort(self, tables: list[pa.Table]) -> RowPiece:
        table = self._codes.concat(tables)
        numbers = self._keys.number(self._codes.decode(table.select(list(self._keys.columns))), self._buckets)
        return sort_piece(table, numbers, self._buckets)


class Partition(NamedTuple):
    """The rows of a source by bucket."""

    buckets: RowBuckets
    rows: int
    sources: list[str]
    """The names of the sources that origins number."""
    folder: Path
    """The folder of the rows that are on disk."""


def partition(
    source: RowSource,
    schema: Schema,
    spill: Spill,
    progress: Progress,
    *,
    refused: RefusedRows | None = None,
    watch: Callable[[pa.Table], None] | None = None,
) -> Partition:
    """Read all rows of `source` once, in the schema's columns, and split them into the buckets of `spill`.

    Rows that cannot be read go to `refused`; without it, all of them are raised together. `watch` is called with
    every table of rows that is read.
    """
    sources: list[str] = []
    with closing(spill):
        for table in read_tables(source, columns_to_read(schema, source), sources, refused, spill.budget.threads):
            spill.add(table)
            if watch is not None:
                watch(table)
            progress("reading", spill.rows, None)
        return Partition(spill.finish(), spill.rows, sources, spill.folder)
