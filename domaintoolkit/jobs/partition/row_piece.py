"""Rows in the order of their buckets, in memory or in a file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import ArtifactError, OutputError
from domaintoolkit.jobs.partition.dictionary_codes import DictionaryCodes
from domaintoolkit.util.arrow import take_rows
from domaintoolkit.util.ragged import offsets_of, positions

__all__ = ["RowPiece", "read_piece", "sort_piece", "write_merged"]

BATCHES = 1 << 9
"""Record batches of a file at most. More take longer to write and read than they save."""
STARTS = b"starts"

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowPiece:
    """Some rows by bucket: bucket b has `starts[b]` to `starts[b + 1]`."""

    starts: Numbers
    table: pa.Table | None
    path: Path | None = None

    def __len__(self) -> int:
        return int(self.starts[-1])

    def read(self, start: int, end: int) -> pa.Table:
        """The rows of the buckets from `start` up to `end`."""
        low, high = int(self.starts[start]), int(self.starts[end])
        if self.table is not None:
            return self.table.slice(low, high - low)
        each = _buckets_a_batch(len(self.starts) - 1)
        try:
            with pa.OSFile(str(self.path)) as file:
                reader = pa.ipc.open_file(file)
                batches = [reader.get_batch(number) for number in range(start // each, -(-end // each))]
                table = pa.Table.from_batches(batches, reader.schema)
        except (OSError, pa.ArrowInvalid) as error:
            raise ArtifactError(str(self.path), f"cannot be read back: {error}") from None
        return table.slice(low - int(self.starts[start // each * each]), high - low)


def _buckets_a_batch(buckets: int) -> int:
    return -(-buckets // BATCHES)


def sort_piece(table: pa.Table, numbers: NDArray[np.integer], buckets: int) -> RowPiece:
    """The rows, whose buckets are `numbers`, by bucket."""
    starts = offsets_of(np.bincount(numbers, minlength=buckets))
    # numpy sorts 16-bit integers by radix, 10 times faster than wider ones
    order = np.argsort(numbers.astype(np.uint16 if buckets <= 1 << 16 else np.int64), kind="stable")
    return RowPiece(starts, take_rows(table, order))


def write_merged(pieces: Sequence[RowPiece], codes: DictionaryCodes, path: Path) -> RowPiece:
    """Pieces in memory as one in a file, with a record batch for every few buckets."""
    # (pieces, buckets): the rows of each bucket in each piece
    counts = np.stack([np.diff(piece.starts) for piece in pieces])
    starts = offsets_of(counts.sum(axis=0))
    # (pieces, buckets): where they begin, once the pieces are put one after another
    firsts = np.stack([piece.starts[:-1] for piece in pieces])
    firsts += np.cumsum([0, *(len(piece) for piece in pieces[:-1])])[:, None]
    # transposed, bucket by bucket: (rows,)
    rows = positions(firsts.T.ravel(), counts.T.ravel())
    whole = codes.concat([piece.table for piece in pieces if piece.table is not None])
    table = take_rows(whole, rows).replace_schema_metadata({STARTS: json.dumps(starts.tolist())})
    bounds = [*starts[: -1 : _buckets_a_batch(counts.shape[1])].tolist(), int(starts[-1])]
    nothing = pa.RecordBatch.from_pylist([], schema=table.schema)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            for low, high in pairwise(bounds):
                for batch in table.slice(low, high - low).to_batches() or [nothing]:
                    writer.write_batch(batch)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise OutputError(str(path), str(error)) from None
    return RowPiece(starts, None, path)


def read_piece(path: Path) -> RowPiece:
    """The piece that `write_merged` left in a file. Raises `pyarrow.ArrowInvalid`, `KeyError` or `ValueError`."""
    with pa.OSFile(str(path)) as file:
        starts = np.array(json.loads(pa.ipc.open_file(file).schema.metadata[STARTS]), np.int64)
    return RowPiece(starts, None, path)
