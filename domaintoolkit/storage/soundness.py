"""The columns of a shard fit together, or not: a checksum shows only that a file is as it was written."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.storage.shards import CARRIED
from domaintoolkit.streams.keys import SPLITS
from domaintoolkit.util.ragged import offsets_of

__all__ = ["find_fault"]


def find_fault(table: pa.Table, vocabulary_size: int) -> str | None:
    """The first fault of a shard's rows, or None: then its arrays can be indexed as they say."""
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        return str(error)
    if table.schema.field("split").type != pa.string() or not _are_all(pc.is_in(table["split"], pa.array(SPLITS))):
        return "a row is of no split"
    for batch in table.to_batches():
        fault = _find_in_batch(batch, vocabulary_size)
        if fault is not None:
            return fault
    return None


def _find_in_batch(batch: pa.RecordBatch, vocabulary_size: int) -> str | None:
    ids, starts = batch["ids"], batch["event_starts"]
    if not (_is_whole(ids, pa.types.is_unsigned_integer) and _is_whole(starts, pa.types.is_signed_integer)):
        return "ids or event starts are null, or not whole numbers"
    if len(ids) and (pc.max(ids.flatten()).as_py() or 0) >= vocabulary_size:
        return f"an id is not one of the {vocabulary_size:,} tokens of the vocabulary"
    # (streams,) tokens, and events
    lengths, events = _lengths(ids), _lengths(starts)
    # (events,): the place of each in its stream, the length of that, and True for the first of a stream
    place = starts.flatten().to_numpy().astype(np.int64)
    first = np.zeros(len(place), bool)
    offsets = offsets_of(events)
    first[offsets[:-1][events > 0]] = True
    ascending = np.r_[True, place[1:] > place[:-1]] | first if len(place) else first
    if (place < 0).any() or (place >= np.repeat(lengths, events)).any() or not ascending.all():
        return "an event begins outside its stream, or before the event before it"
    names = batch.schema.names
    columns = [("times", batch["times"])] if "times" in names else []
    columns += [(name, column) for name in CARRIED if name in names for column in batch[name].flatten()]
    for name, column in columns:
        if column.null_count or (_lengths(column) != events).any():
            return f"{name}: not one value an event"
    return None


def _is_whole(column: pa.Array, is_number: Callable[[pa.DataType], bool]) -> bool:
    """True for a list of such numbers in which nothing is null."""
    kind = column.type
    return bool(
        pa.types.is_list(kind)
        and is_number(kind.value_type)
        and not column.null_count
        and not column.flatten().null_count
    )


def _lengths(column: pa.Array) -> NDArray[np.int64]:
    return np.asarray(pc.list_value_length(column).to_numpy(zero_copy_only=False)).astype(np.int64)


def _are_all(flags: pa.ChunkedArray) -> bool:
    return not len(flags) or bool(pc.all(flags, skip_nulls=False).as_py())
