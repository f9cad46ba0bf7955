"""Rows parted once by ranges of the entity hash: in memory while they fit, else on disk.

Rows come together in pieces of about `PIECE` rows, small enough that sorting them by bucket stays in the cache
(a third of the time of sorting millions). Past the memory limit a few pieces at a time are merged into an Arrow IPC
file with record batches of few buckets, so that reading buckets back opens few files and touches nothing else.
The files are read, not mapped: mapped pages count as this process's memory, in the end all of them. Rows keep
their order within a bucket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.jobs.partition.dictionary_codes import Recoder
from domaintoolkit.jobs.partition.fitted_keys import fitted_keys
from domaintoolkit.jobs.partition.piece import Piece, read_piece, sorted_piece, write_merged
from domaintoolkit.streams.keys import hash_keys, shard_of
from domaintoolkit.util.artifacts import replacing
from domaintoolkit.util.threads import Threads

__all__ = ["Buckets", "Spill"]

PIECE = 1 << 16
MERGED = 8
"""Pieces a file."""
DICTIONARIES = "dictionaries.arrow"


class Spill:
    """Collects rows; once they take more than `limit` bytes, all go to files in `folder`.

    A row's bucket is that of its key in the `types` that keys were fitted in, in which shards hold it too.
    """

    def __init__(
        self,
        folder: Path,
        entity: Sequence[str],
        buckets: int,
        limit: int,
        threads: int = 1,
        types: Mapping[str, pa.DataType] | None = None,
    ) -> None:
        self._types = types or {}
        self.folder, self._entity, self._buckets, self._limit = folder, list(entity), buckets, limit
        self._waiting: list[pa.Table] = []
        self._sorting: deque[Future[Piece]] = deque()
        self._held: list[Piece] = []
        self._written: list[Future[Piece]] = []
        self._recoder = Recoder()
        self._pool = Threads(threads)
        self._threads = threads
        self._size = 0
        self.rows = 0

    def add(self, table: pa.Table) -> None:
        """Take rows; their columns have to be those of all others."""
        self._waiting.append(table)
        if sum(part.num_rows for part in self._waiting) >= PIECE:
            self._cut()

    def finish(self) -> Buckets:
        """All rows by bucket."""
        if self._waiting:
            self._cut()
        self._collect(0)
        pieces = tuple(written.result() for written in self._written) or tuple(self._held)
        self._pool.shutdown()
        if self._written:
            _save_dictionaries(self.folder / DICTIONARIES, self._recoder.dictionaries)
        return Buckets(self._buckets, pieces, self._recoder)

    def close(self) -> None:
        """Stop the threads, whatever they are at."""
        self._pool.shutdown(cancel_futures=True)

    def _cut(self) -> None:
        waiting, self._waiting = self._waiting, []
        coded = [self._recoder.encode(table) for table in waiting]
        self.rows += sum(table.num_rows for table in coded)
        self._size += sum(table.nbytes for table in coded)
        self._sorting.append(self._pool.submit(self._sort, coded))
        self._collect(self._threads)

    def _collect(self, leave: int) -> None:
        """Wait until at most `leave` pieces are being sorted; past the limit, write out those that are."""
        while len(self._sorting) > leave:
            self._held.append(self._sorting.popleft().result())
        if self._size > self._limit:
            while len(self._held) >= MERGED or (self._held and not leave):
                self._write(MERGED)

    def _write(self, count: int) -> None:
        """Merge the first `count` pieces that are held into a file, while others go on."""
        pieces, self._held = self._held[:count], self._held[count:]
        path = self.folder / f"{len(self._written):05d}.rows"
        self._written.append(self._pool.submit(write_merged, pieces, self._recoder, path))
        if len(self._written) > self._threads:
            self._written[-1 - self._threads].result()

    def _sort(self, tables: list[pa.Table]) -> Piece:
        table = self._recoder.alike(tables)
        keys = fitted_keys(self._recoder.decode_table(table.select(self._entity)), self._types)
        return sorted_piece(table, shard_of(hash_keys(keys), self._buckets), self._buckets)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Rows by bucket, in pieces on disk or in memory."""

    count: int
    pieces: tuple[Piece, ...]
    recoder: Recoder = field(repr=False)

    @property
    def rows(self) -> NDArray[np.int64]:
        """How many rows each bucket has."""
        return sum((np.diff(piece.starts) for piece in self.pieces), np.zeros(self.count, np.int64))

    def read(self, start: int, end: int) -> pa.Table | None:
        """The rows of the buckets from `start` up to `end`, in the order they came; None where there are none."""
        parts = [part for piece in self.pieces if (part := piece.read(start, end)).num_rows]
        if not parts:
            return None
        return self.recoder.decode_table(self.recoder.alike(parts))

    def part(self, start: int, end: int) -> Buckets:
        """The buckets from `start` up to `end` alone, in memory."""
        pieces = tuple(
            Piece(piece.starts[start : end + 1] - piece.starts[start], piece.read(start, end)) for piece in self.pieces
        )
        return Buckets(end - start, pieces, self.recoder)

    @property
    def row_bytes(self) -> float:
        """Bytes that a row takes on disk; 0 where the rows are in memory."""
        return sum(self.sizes) / max(int(sum(piece.starts[-1] for piece in self.pieces)), 1)

    def empty(self) -> pa.Table:
        """No rows, in the columns of all."""
        return self.recoder.decode_table(self.pieces[0].read(0, 0))

    @classmethod
    def open(cls, folder: Path, sizes: Sequence[int]) -> Buckets | None:
        """What `finish` left in `folder`, where every piece is there in its size; else None."""
        paths = [folder / f"{number:05d}.rows" for number in range(len(sizes))]
        whole = all(path.is_file() and path.stat().st_size == size for path, size in zip(paths, sizes, strict=True))
        if not whole or not paths or not (folder / DICTIONARIES).is_file():
            return None
        try:
            pieces = tuple(read_piece(path) for path in paths)
            return cls(len(pieces[0].starts) - 1, pieces, Recoder(_load_dictionaries(folder / DICTIONARIES)))
        except (pa.ArrowInvalid, KeyError, ValueError):
            return None

    @property
    def sizes(self) -> list[int]:
        """The size in bytes of each piece's file; empty where the rows are in memory."""
        return [piece.path.stat().st_size for piece in self.pieces if piece.path is not None]


def _save_dictionaries(path: Path, dictionaries: dict[str, pa.Array]) -> None:
    table = pa.table(
        {name: pa.array([values.to_pylist()], pa.list_(pa.string())) for name, values in dictionaries.items()}
    )
    with replacing(path) as file, pa.ipc.new_stream(pa.PythonFile(file, "w"), table.schema) as writer:
        writer.write_table(table)


def _load_dictionaries(path: Path) -> dict[str, pa.Array]:
    table = pa.ipc.open_stream(path.read_bytes()).read_all()
    return {name: table[name].combine_chunks().values for name in table.column_names}
