"""Rows parted once by ranges of the entity hash: in memory while they fit, else on disk.

Rows come together in pieces of about `PIECE` rows, small enough that sorting them by bucket stays in the cache
(a third of the time of sorting millions). A piece on disk is an Arrow IPC file that is memory-mapped when its
rows are read back, so that only the buckets wanted are touched. Rows keep their order within a bucket.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit._files import replacing
from domaintoolkit.engines._keys import fitted_keys
from domaintoolkit.engines._recode import Recoder
from domaintoolkit.errors import ArtifactError, OutputError
from domaintoolkit.streams._keys import hash_keys, shard_of

__all__ = ["Buckets", "Spill"]

PIECE = 1 << 18
STARTS = b"starts"
DICTIONARIES = "dictionaries.arrow"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows by bucket: bucket b has `starts[b]` to `starts[b + 1]`."""

    starts: NDArray[np.int64]
    table: pa.Table | None
    path: Path | None = None

    def read(self, start: int, end: int) -> pa.Table:
        """The rows of the buckets from `start` up to `end`, in memory of their own if they are on disk."""
        low, high = int(self.starts[start]), int(self.starts[end])
        if self.table is not None:
            return self.table.slice(low, high - low)
        try:
            with pa.memory_map(str(self.path)) as file:
                return pa.ipc.open_file(file).read_all().slice(low, high - low)
        except (OSError, pa.ArrowInvalid) as error:
            raise ArtifactError(str(self.path), f"cannot be read back: {error}") from None


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
        self._pieces: list[Piece] = []
        self._pending: list[Future[Piece]] = []
        self._recoder = Recoder()
        self._pool = ThreadPoolExecutor(threads)
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
        self._pool.shutdown()
        if any(piece.path for piece in self._pieces):
            _save_dictionaries(self.folder / DICTIONARIES, self._recoder.dictionaries)
        return Buckets(self._buckets, tuple(self._pieces), self._recoder)

    def close(self) -> None:
        """Stop the threads, whatever they are at."""
        self._pool.shutdown(cancel_futures=True)

    def _cut(self) -> None:
        waiting, self._waiting = self._waiting, []
        coded = [self._recoder.encode(table) for table in waiting]
        number = len(self._pieces) + len(self._pending)
        self.rows += sum(table.num_rows for table in coded)
        self._size += sum(table.nbytes for table in coded)
        spill = self.folder / f"{number:05d}.rows" if self._size > self._limit else None
        self._pending.append(self._pool.submit(self._sort, coded, spill))
        self._collect(self._threads)

    def _collect(self, leave: int) -> None:
        """Wait until at most `leave` pieces are in work; past the limit, write out those that are in memory."""
        while len(self._pending) > leave:
            self._pieces.append(self._pending.pop(0).result())
        if self._size > self._limit:
            for number, piece in enumerate(self._pieces):
                if piece.table is not None:
                    self._pieces[number] = _written(piece, self.folder / f"{number:05d}.rows")

    def _sort(self, tables: list[pa.Table], path: Path | None) -> Piece:
        table = self._recoder.alike(tables)
        keys = fitted_keys(self._recoder.decode_table(table.select(self._entity)), self._types)
        piece = _sorted(table, shard_of(hash_keys(keys), self._buckets), self._buckets)
        return piece if path is None else _written(piece, path)


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
        """The buckets from `start` up to `end` alone, their files open; nothing is read before `read` asks for it."""
        pieces = tuple(
            Piece(piece.starts[start : end + 1] - piece.starts[start], piece.read(start, end)) for piece in self.pieces
        )
        return Buckets(end - start, pieces, self.recoder)

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
            pieces = tuple(Piece(_read_starts(path), None, path) for path in paths)
            return cls(len(pieces[0].starts) - 1, pieces, Recoder(_load_dictionaries(folder / DICTIONARIES)))
        except (pa.ArrowInvalid, KeyError, ValueError):
            return None

    @property
    def sizes(self) -> list[int]:
        """The size in bytes of each piece's file; empty where the rows are in memory."""
        return [piece.path.stat().st_size for piece in self.pieces if piece.path is not None]


def _sorted(table: pa.Table, numbers: NDArray[np.int64], buckets: int) -> Piece:
    starts = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=buckets))])
    # numpy sorts 16-bit integers by radix, 10 times faster than wider ones
    order = np.argsort(numbers.astype(np.uint16 if buckets <= 1 << 16 else np.int64), kind="stable")
    return Piece(starts, table.take(pa.array(order)))


def _written(piece: Piece, path: Path) -> Piece:
    assert piece.table is not None
    table = piece.table.combine_chunks().replace_schema_metadata({STARTS: json.dumps(piece.starts.tolist())})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise OutputError(str(path), str(error)) from None
    return Piece(piece.starts, None, path)


def _read_starts(path: Path) -> NDArray[np.int64]:
    with pa.memory_map(str(path)) as file:
        return np.array(json.loads(pa.ipc.open_file(file).schema.metadata[STARTS]), np.int64)


def _save_dictionaries(path: Path, dictionaries: dict[str, pa.Array]) -> None:
    table = pa.table(
        {name: pa.array([values.to_pylist()], pa.list_(pa.string())) for name, values in dictionaries.items()}
    )
    with replacing(path) as file, pa.ipc.new_stream(pa.PythonFile(file, "w"), table.schema) as writer:
        writer.write_table(table)


def _load_dictionaries(path: Path) -> dict[str, pa.Array]:
    table = pa.ipc.open_stream(path.read_bytes()).read_all()
    return {name: table[name].combine_chunks().values for name in table.column_names}
