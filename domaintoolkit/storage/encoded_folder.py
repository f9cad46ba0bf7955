"""`open_encoded`: an encoded folder, its shards read through a memory map and checked as they are opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import ArtifactError, LookupFailedError
from domaintoolkit.storage.manifest import MANIFEST, STATE, Manifest, ShardEntry
from domaintoolkit.storage.shards import read_shard
from domaintoolkit.storage.soundness import find_fault
from domaintoolkit.streams.keys import SPLITS

__all__ = ["EncodedFolder", "ShardRows", "open_encoded"]

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class ShardRows:
    """Some rows of a shard; every array is a view of the file."""

    table: pa.RecordBatch
    ids: Ints
    """uint16 or uint32, the ids of all rows one after another."""
    offsets: NDArray[np.int32]
    """(n + 1,): row i is `ids[offsets[i]:offsets[i + 1]]`."""
    event_starts: NDArray[np.int32]
    """First token of each event, counted from its row's first."""
    event_offsets: NDArray[np.int32]
    """(n + 1,): row i has the events `event_offsets[i]` to `event_offsets[i + 1]`."""
    times: NDArray[np.int64] | None
    """Microseconds since the epoch, one an event; None without a time column."""
    selected: NDArray[np.int64]
    """The rows of the split that was asked for."""
    number: int
    """Number of row 0 among all rows of the folder."""


class EncodedFolder:
    """An encoded folder on disk. Each shard's checksum is compared when it is first read."""

    def __init__(self, folder: Path, verify: bool = True) -> None:
        self.folder = folder
        if not (folder / MANIFEST).exists():
            raise ArtifactError(str(folder), _no_manifest(folder))
        self.manifest = Manifest.load(folder)
        listed = (*self.manifest.shards, *self.manifest.left_out)
        self._unchecked = {shard.file for shard in listed} if verify else set[str]()

    def __repr__(self) -> str:
        totals = self.manifest.totals
        return f"<EncodedFolder {str(self.folder)!r}: {totals['entities']:,} entities, {totals['events']:,} events>"

    @property
    def tokenizer_folder(self) -> Path:
        """The folder of the tokenizer that made the streams, for `DomainTokenizer.load`."""
        return self.folder / "tokenizer"

    @property
    def shards(self) -> tuple[Path, ...]:
        """The shard files in order."""
        return tuple(self.folder / shard.file for shard in self.manifest.shards)

    def table(self, number: int) -> pa.Table:
        """Shard `number` as a table over its memory-mapped file; raises `ArtifactError` if it is damaged."""
        return self._table(self.manifest.shards[number])

    def left_out(self, number: int) -> pa.Table | None:
        """The histories of shard `number` that have fewer than `min_events` so far; None without such a limit.

        The same columns and errors as `table`.
        """
        return self._table(self.manifest.left_out[number]) if self.manifest.left_out else None

    def _table(self, entry: ShardEntry) -> pa.Table:
        is_new = entry.file in self._unchecked
        table = read_shard(self.folder, entry, verify=is_new)
        found = {field.name: str(field.type) for field in table.schema}
        fault = None
        if found != self.manifest.columns:
            fault = f"has the columns {found}, not those of the manifest"
        elif table.num_rows != entry.entities:
            fault = f"has {table.num_rows:,} rows, and the manifest says {entry.entities:,}"
        elif is_new:
            fault = find_fault(table, self.manifest.vocabulary["size"])
        if fault is not None:
            raise ArtifactError(str(self.folder / entry.file), fault)
        self._unchecked.discard(entry.file)
        return table

    def streams(self, split: str | None = None) -> Iterator[ShardRows]:
        """The rows of every shard in order, those of `split` (or all) selected; nothing is copied."""
        if split is not None and split not in SPLITS:
            raise LookupFailedError("split", split, SPLITS)
        number = 0
        for shard in range(len(self.manifest.shards)):
            for batch in self.table(shard).to_batches():
                yield _views(batch, split, number)
                number += batch.num_rows


def open_encoded(folder: str | Path, verify: bool = True) -> EncodedFolder:
    """Open an encoded folder; raises `ArtifactError` if it is not a whole one.

    `verify=False` skips the shards' checksums, for folders that were verified before; sizes are always compared.
    """
    return EncodedFolder(Path(folder), verify)


def _no_manifest(folder: Path) -> str:
    if (folder / STATE).exists():
        return "holds an unfinished encoding; run the command that began it again to finish it"
    return f"is not an encoded folder: it has no {MANIFEST}" if folder.exists() else "does not exist"


def _views(batch: pa.RecordBatch, split: str | None, number: int) -> ShardRows:
    ids, starts = batch["ids"], batch["event_starts"]
    times = batch["times"].values.to_numpy() if "times" in batch.schema.names else None
    selected = np.arange(batch.num_rows)
    if split is not None:
        selected = selected[pc.equal(batch["split"], split).to_numpy(zero_copy_only=False)]
    return ShardRows(
        table=batch,
        ids=ids.values.to_numpy(),
        offsets=ids.offsets.to_numpy(),
        event_starts=starts.values.to_numpy(),
        event_offsets=starts.offsets.to_numpy(),
        times=times,
        selected=selected,
        number=number,
    )
