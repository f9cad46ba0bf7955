"""One entity's stream from an encoded folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import LookupFailedError, pluralize
from domaintoolkit.report.history import History, history_of
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.streams.keys import hash_keys, shard_of
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.values.value_names import parse_names

__all__ = ["StoredStream", "find_stream", "first_stream"]

NEAR = 5
"""Keys that are shown if one is not found."""
COMPARED = 2_000
"""Keys of a shard that are compared with it."""


@dataclass(frozen=True, slots=True)
class StoredStream:
    """One row of a shard."""

    entity: pa.Table
    """The entity's key, as a table of one row."""
    ids: NDArray[np.integer[Any]]
    event_starts: NDArray[np.int32]
    times: NDArray[np.int64] | None
    labels: Mapping[str, pa.Array]
    """The values of each label column, one an event."""
    split: str

    @property
    def events(self) -> int:
        """The number of events."""
        return len(self.event_starts)

    def history(self, tokenizer: DomainTokenizer, events: int | None = None) -> History:
        """Parse the stream for display, at most `events` events of it."""
        ids, starts, times, labels = self.ids, self.event_starts, self.times, self.labels
        if events is not None and events < len(starts):
            ids, starts = ids[: int(starts[events])], starts[:events]
            times = None if times is None else times[:events]
            labels = {name: values.slice(0, events) for name, values in labels.items()}
        shown = {name: values.to_pylist() for name, values in labels.items()}
        history = history_of(tokenizer, ids, starts, times, self.entity, self.split, shown)
        return replace(history, left_out=self.events - len(starts))


def first_stream(folder: EncodedFolder, entity: Sequence[str]) -> StoredStream | None:
    """The first stream of a folder; None if the folder has no streams."""
    for number in range(len(folder.manifest.shards)):
        table = folder.table(number)
        if table.num_rows:
            return _stream(table, 0, entity)
    return None


def find_stream(folder: EncodedFolder, entity: Sequence[str], key: Sequence[str]) -> StoredStream:
    """The stream of an entity; `key` has one text per key column. Raises `LookupFailedError` for an unknown key."""
    some = folder.table(0).select(list(entity))
    shown = ", ".join(key)
    if len(key) != len(entity):
        raise LookupFailedError("entity", shown, _keys(some), note=f"a key has the columns: {', '.join(entity)}")
    try:
        columns = [
            parse_names(pa.array([text]), some.schema.field(name).type) for name, text in zip(entity, key, strict=True)
        ]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        types = ", ".join(f"{field.name} {field.type}" for field in some.schema)
        raise LookupFailedError("entity", shown, _keys(some), note=f"the types of a key are: {types}") from None
    wanted = pa.table(columns, names=list(entity))
    hashed = hash_keys(wanted)
    # the hash of a key says which shard its stream is in, so only one is read
    table = folder.table(int(shard_of(hashed, len(folder.manifest.shards))[0]))
    keys = table.select(list(entity))
    for row in np.flatnonzero(hash_keys(keys) == hashed[0]).tolist():
        if keys.slice(row, 1).to_pylist() == wanted.to_pylist():
            return _stream(table, row, entity)
    note = f"the folder holds {pluralize(folder.manifest.totals['entities'], 'entity', 'entities')}"
    raise LookupFailedError("entity", shown, _near_keys(folder, entity, shown) or _keys(some), note)


def _near_keys(folder: EncodedFolder, entity: Sequence[str], key: str) -> list[str]:
    """The keys of the folder that are most like `key`, out of those that share some of its beginning or end."""
    near: set[str] = set()
    for number in range(len(folder.manifest.shards)):
        columns = [column.cast(pa.string()) for column in folder.table(number).select(list(entity)).columns]
        texts = pc.binary_join_element_wise(*columns, ", ") if len(columns) > 1 else columns[0]
        lower = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
        # comparing every key letter by letter would take minutes in a large folder
        alike = pc.or_(
            pc.starts_with(lower, key.strip().lower()[: max(len(key) // 2, 1)]),
            pc.ends_with(lower, key.strip().lower()[-max(len(key) // 2, 1) :]),
        )
        near.update(texts.filter(alike).slice(0, COMPARED).to_pylist())
    return get_close_matches(key, near, n=NEAR, cutoff=0.5)


def _keys(table: pa.Table, shown: int = 20) -> list[str]:
    return [", ".join(str(value) for value in row.values()) for row in table.slice(0, shown).to_pylist()]


def _stream(table: pa.Table, row: int, entity: Sequence[str]) -> StoredStream:
    one = table.slice(row, 1)
    names = one.column_names
    return StoredStream(
        one.select(list(entity)),
        _numbers(one, "ids"),
        _numbers(one, "event_starts"),
        _numbers(one, "times") if "times" in names else None,
        {name: values.values for name, values in one["labels"][0].items()} if "labels" in names else {},
        one["split"][0].as_py(),
    )


def _numbers(table: pa.Table, name: str) -> Any:
    return table[name][0].values.to_numpy()
