"""Rows by bucket, a range of the entity hash, read back from memory or from the files of a spill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.jobs.partition.dictionary_codes import DictionaryCodes
from domaintoolkit.jobs.partition.row_piece import RowPiece, read_piece
from domaintoolkit.util.partials import replacing
from domaintoolkit.util.ragged import cut_ranges, offsets_of

__all__ = ["DICTIONARIES", "RowBuckets", "save_dictionaries"]

DICTIONARIES = "dictionaries.arrow"
"""The file of the dictionaries that the codes in a spill's files refer to."""


@dataclass(frozen=True, slots=True)
class RowBuckets:
    """Rows by bucket, in pieces on disk or in memory; `read` gives them back."""

    count: int
    pieces: tuple[RowPiece, ...]
    codes: DictionaryCodes = field(repr=False)

    @property
    def rows(self) -> NDArray[np.int64]:
        """(buckets,) the number of rows in each."""
        return sum((np.diff(piece.starts) for piece in self.pieces), np.zeros(self.count, np.int64))

    def read(self, start: int, end: int) -> pa.Table | None:
        """The rows of the buckets from `start` up to `end`, in the order they came; None if there are none."""
        parts = [part for piece in self.pieces if (part := piece.read(start, end)).num_rows]
        if not parts:
            return None
        return self.codes.decode(self.codes.concat(parts))

    def parts(self, bucket: int) -> Iterator[pa.Table]:
        """The rows of one bucket, in the order they came, as many at a time as a piece has."""
        for piece in self.pieces:
            if (part := piece.read(bucket, bucket + 1)).num_rows:
                yield self.codes.decode(part)

    def ranges(self, start: int, end: int, limit: int) -> list[tuple[int, int]]:
        """The buckets from `start` up to `end` in ranges of at most `limit` rows each, or of one bucket."""
        found = cut_ranges(offsets_of(self.rows[start:end]), limit)
        return [(start + low, start + high) for low, high in found] or [(start, end)]

    def load(self, start: int, end: int) -> RowBuckets:
        """The buckets from `start` up to `end` alone, in memory."""
        pieces = tuple(
            RowPiece(piece.starts[start : end + 1] - piece.starts[start], piece.read(start, end))
            for piece in self.pieces
        )
        return RowBuckets(end - start, pieces, self.codes)

    @property
    def row_bytes(self) -> float:
        """Bytes that a row takes on disk; 0 if the rows are in memory."""
        return sum(self.sizes) / max(int(sum(piece.starts[-1] for piece in self.pieces)), 1)

    def empty(self) -> pa.Table:
        """No rows, in the columns of all."""
        return self.codes.decode(self.pieces[0].read(0, 0))

    @classmethod
    def open(cls, folder: Path, sizes: Sequence[int]) -> RowBuckets | None:
        """The buckets that a spill left in `folder`; None unless every file is there in its size."""
        paths = [folder / f"{number:05d}.rows" for number in range(len(sizes))]
        whole = all(path.is_file() and path.stat().st_size == size for path, size in zip(paths, sizes, strict=True))
        if not whole or not paths or not (folder / DICTIONARIES).is_file():
            return None
        try:
            pieces = tuple(read_piece(path) for path in paths)
            return cls(len(pieces[0].starts) - 1, pieces, DictionaryCodes(_load_dictionaries(folder / DICTIONARIES)))
        except (pa.ArrowInvalid, KeyError, ValueError):
            return None

    @property
    def sizes(self) -> list[int]:
        """The size in bytes of each piece's file; empty if the rows are in memory."""
        return [piece.path.stat().st_size for piece in self.pieces if piece.path is not None]


def save_dictionaries(path: Path, dictionaries: dict[str, pa.Array]) -> None:
    table = pa.table(
        {name: pa.array([values.to_pylist()], pa.list_(pa.string())) for name, values in dictionaries.items()}
    )
    with replacing(path) as file, pa.ipc.new_stream(pa.PythonFile(file, "w"), table.schema) as writer:
        writer.write_table(table)


def _load_dictionaries(path: Path) -> dict[str, pa.Array]:
    table = pa.ipc.open_stream(path.read_bytes()).read_all()
    return {name: table[name].combine_chunks().values for name in table.column_names}
