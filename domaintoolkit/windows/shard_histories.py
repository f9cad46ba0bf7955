"""The source of histories for training: the memory-mapped shards of an encoded folder, or streams in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.storage.encoded_folder import open_encoded
from domaintoolkit.windows.packing import StoredHistories, cut_events

__all__ = ["HistorySource", "open_shards"]

CHUNK = 1 << 20
"""Tokens that are planned together. Two million pack no tighter, and half a million takes a tenth more time."""

LEAST_EVENTS = 3
"""Of a history with so many events, the last one and the one before it can be held out, and one is left to train on."""


class HistorySource:
    """The histories of one split, in chunks of about a million tokens.

    `batches` have the columns of a shard: `split`, `ids`, `event_starts` and, with a time column, `times`.
    Large batches are viewed in slices, and small ones are copied into one. The last `without_last` events of histories
    of `LEAST_EVENTS` events or more are cut off. With `long_only`, shorter histories are left out.
    """

    def __init__(
        self,
        batches: Sequence[pa.RecordBatch],
        split: str | None = None,
        chunk: int = CHUNK,
        without_last: int = 0,
        long_only: bool = False,
    ) -> None:
        self.split, self.without_last, self.long_only = split, without_last, long_only
        self._chunks: list[list[pa.RecordBatch]] = []
        self._numbers: list[int] = []
        # as if a chunk were full, so that the first piece begins one
        tokens, number = chunk, 0
        for piece in (piece for batch in batches for piece in _slices(batch, chunk)):
            size = _size(piece)
            if tokens + size > chunk or not self._chunks:
                self._chunks.append([])
                self._numbers.append(number)
                tokens = 0
            self._chunks[-1].append(piece)
            tokens += size
            # rows are counted over all splits, as `StoredHistories.number` is
            number += len(piece)
        self.rows = number

    def __len__(self) -> int:
        return len(self._chunks)

    def histories(self, chunk: int) -> StoredHistories:
        """The histories of one chunk; views of the shard if the chunk is one piece of it."""
        pieces = self._chunks[chunk]
        batch = pieces[0] if len(pieces) == 1 else pa.concat_batches(pieces)
        ids, offsets = _lists(batch.column("ids"))
        starts, event_offsets = _lists(batch.column("event_starts"))
        times = _lists(batch.column("times"))[0] if "times" in batch.schema.names else None
        selected = self._select(batch)
        if self.long_only:
            selected = selected[np.diff(event_offsets)[selected] >= LEAST_EVENTS]
        # all rows of the chunk, of which `selected` are read: nothing is copied
        found = StoredHistories(ids, offsets, starts, event_offsets, times, selected, self._numbers[chunk])
        return cut_events(found, self.without_last, LEAST_EVENTS) if self.without_last else found

    def _select(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        if self.split is None:
            return np.arange(len(batch), dtype=np.int64)
        return np.flatnonzero(pc.equal(batch.column("split"), self.split).to_numpy(zero_copy_only=False))


def open_shards(folder: str | Path, verify: bool = True) -> list[pa.RecordBatch]:
    """Every record batch of an encoded folder, memory-mapped, in the order of the shards."""
    encoded = open_encoded(folder, verify)
    return [batch for number in range(len(encoded.shards)) for batch in encoded.table(number).to_batches()]


def _size(batch: pa.RecordBatch) -> int:
    offsets = _lists(batch.column("ids"))[1]
    return int(offsets[-1] - offsets[0])


def _slices(batch: pa.RecordBatch, chunk: int) -> Iterator[pa.RecordBatch]:
    """Rows of about `chunk` tokens together."""
    offsets = _lists(batch.column("ids"))[1]
    # a slice begins with the first row at or after a mark; rows longer than a chunk give equal bounds, which go
    marks = np.arange(offsets[0], offsets[-1], chunk)
    bounds = np.unique([0, *np.searchsorted(offsets[:-1], marks), len(batch)])
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        yield batch.slice(low, high - low)


def _lists(array: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The flat values of a list column and the offsets of its rows into them, as views."""
    return array.values.to_numpy(), array.offsets.to_numpy()
