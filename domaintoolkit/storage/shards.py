"""Shard files: streams as Arrow files, rows by (hash, key), the same bytes for the same streams."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import ArtifactError, OutputError, Problem, SchemaError
from domaintoolkit.storage.manifest import COUNTED, ShardEntry
from domaintoolkit.streams.keys import SPLITS, hash_keys, split_of
from domaintoolkit.streams.streams import Streams
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.artifacts import file_checksum
from domaintoolkit.util.partials import replacing
from domaintoolkit.util.ragged import cut_ranges, offsets_of

__all__ = [
    "CARRIED",
    "LEFT_OUT",
    "MOST_VALUES",
    "OWN_COLUMNS",
    "SHARDS",
    "read_shard",
    "shard_name",
    "shard_table",
    "write_shard",
]

OWN_COLUMNS = (
    "split", "split_value", "ids", "event_starts", "times", "labels", "order_by", "statics", "last_session", "sessions",
)  # fmt: skip
CARRIED = ("labels", "order_by")
"""Those that are structs of lists, with values of every event that are not tokens."""
BATCH_TOKENS = 1 << 30
"""List offsets are 32 bits wide, so a record batch holds at most this many tokens (or one row)."""
MOST_VALUES = 1 << 31
"""A column of lists holds fewer values than this."""

Ints = NDArray[np.integer[Any]]


SHARDS, LEFT_OUT = "shards", "left_out"
"""The folders of the streams, and of the histories that are too short so far."""


def shard_name(number: int, generation: int = 0, within: str = SHARDS) -> str:
    """`shards/00000.arrow`: the file of shard `number`, below the folder; `shards/00000-1.arrow` once appended to."""
    return f"{within}/{number:05d}{f'-{generation}' if generation else ''}.arrow"


def shard_table(streams: Streams) -> pa.Table:
    """Streams in a shard's columns, by (hash, key). Raises `SchemaError` if a key column has one of their names."""
    clash = [name for name in streams.entities.column_names if name in OWN_COLUMNS]
    if clash:
        problem = Problem("entity", f"column {clash[0]!r} has the name of a shard's own column; rename it")
        raise SchemaError([problem])
    hashes = hash_keys(streams.entities)
    if (hashes[1:] < hashes[:-1]).any():
        order = np.argsort(hashes, kind="stable")
        streams, hashes = streams.select(order), hashes[order]
    events = streams.event_offsets
    # (events,): where its stream begins; narrow, since a column has fewer values than 32 bits count
    first = np.repeat(streams.offsets[:-1].astype(np.int32), np.diff(events))
    starts = np.subtract(streams.event_starts, first, out=first, casting="unsafe", dtype=np.int64)
    columns = {name: to_plain(streams.entities[name]) for name in streams.entities.column_names}
    splits = split_of(hashes) if streams.splits is None else streams.splits
    columns["split"] = pa.array(SPLITS).take(pa.array(splits))
    if streams.split_values is not None:
        columns["split_value"] = to_plain(streams.split_values)
    columns["ids"] = _to_lists(streams.offsets, pa.array(streams.ids))
    columns["event_starts"] = _to_lists(events, pa.array(starts))
    if streams.times is not None:
        columns["times"] = _to_lists(events, pa.array(streams.times))
    for name, carried in zip(CARRIED, (streams.labels, streams.order_by), strict=True):
        if carried is not None and carried.num_columns:
            lists = [_to_lists(events, to_plain(column)) for column in carried.columns]
            columns[name] = pa.StructArray.from_arrays(lists, carried.column_names)
    if streams.statics is not None:
        hashes_of = [to_plain(column) for column in streams.statics.columns]
        columns["statics"] = pa.StructArray.from_arrays(hashes_of, streams.statics.column_names)
    if streams.last_session is not None:
        columns["last_session"] = to_plain(streams.last_session)
    if streams.sessions is not None:
        columns["sessions"] = _to_lists(streams.sessions.offsets, pa.array(streams.sessions.keys))
    return pa.table(columns)


def _to_lists(offsets: Ints, values: pa.Array) -> pa.Array:
    if len(values) >= MOST_VALUES:
        raise OutputError("a shard", f"cannot hold {len(values):,} tokens; use more shards")
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)


def write_shard(
    folder: Path, number: int, table: pa.Table, generation: int = 0, within: str = SHARDS
) -> ShardEntry:  # fmt: skip
    """Write a shard under another name and rename it; gives its entry for the manifest."""
    name = shard_name(number, generation, within)
    with replacing(folder / name) as file:
        hashing = _Hashing(file)
        with pa.ipc.new_file(pa.PythonFile(hashing, "w"), table.schema) as writer:
            tokens = offsets_of(pc.list_value_length(table["ids"]).to_numpy())
            for start, end in cut_ranges(tokens, BATCH_TOKENS):
                writer.write_table(table.slice(start, end - start))
        size = file.tell()
    splits = _counts(table)
    totals = {word: sum(counts[word] for counts in splits.values()) for word in COUNTED}
    return ShardEntry(name, **totals, bytes=size, sha256=hashing.checksum.hexdigest(), splits=splits)


def _counts(table: pa.Table) -> dict[str, dict[str, int]]:
    """Entities, events and tokens of each split."""
    splits = pc.index_in(table["split"], value_set=pa.array(SPLITS)).to_numpy()
    lengths = [
        np.ones(table.num_rows),
        *(pc.list_value_length(table[name]).to_numpy() for name in ("event_starts", "ids")),
    ]
    sums = [np.bincount(splits, weights, len(SPLITS)).astype(np.int64).tolist() for weights in lengths]
    return {split: dict(zip(COUNTED, each, strict=True)) for split, *each in zip(SPLITS, *sums, strict=True)}


class _Hashing:
    """A file that computes the checksum of its bytes as they are written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.checksum = hashlib.sha256()
        self.closed = False

    def write(self, data: bytes) -> int:
        self.checksum.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.closed = True


def read_shard(folder: Path, entry: ShardEntry, verify: bool = True) -> pa.Table:
    """A shard as a table over its memory-mapped file.

    Raises `ArtifactError` if the file is missing or is not, byte for byte, the one in the manifest; `verify=False`
    compares only its size.
    """
    path = folder / entry.file
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            word = "cut short" if size < entry.bytes else "altered"
            raise ArtifactError(str(path), f"is {word}: it has {size:,} bytes, the manifest says {entry.bytes:,}")
        if verify and file_checksum(path) != entry.sha256:
            raise ArtifactError(str(path), "was altered: its checksum is not that of the manifest")
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        if isinstance(error, OSError) and error.strerror:
            raise ArtifactError(str(path), error.strerror) from None
        raise ArtifactError(str(path), f"is not a shard: {error}") from None
