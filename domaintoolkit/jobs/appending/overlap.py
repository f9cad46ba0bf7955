"""Find the rows that are events of the folder already, whatever file they were encoded or appended with.

A row is compared with the encoded events by its entity, its time and the values of its tokens, all of which shards
hold; so the folder need not remember any file. One equal row proves nothing, since events may be equal. But if all
late rows of a file are known, the file was encoded or appended before; and if a known one is older than the last event
of its entity, the file shares rows with one that was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.jobs.appending.set_aside_rows import NO_HASHES, Hashes, find_hashes, hash_rows
from domaintoolkit.jobs.histories.histories import Histories, find_keys, read_times
from domaintoolkit.jobs.partition.origin import drop_origins, origins_of
from domaintoolkit.storage.shards import shard_table

__all__ = ["Overlap", "find_events", "source_numbers"]

Flags = NDArray[np.bool_]


def source_numbers(rows: pa.Table) -> NDArray[np.int64]:
    """The number of the source of each row."""
    numbers: NDArray[np.int64] = origins_of(rows).sources
    return numbers


@dataclass(frozen=True, slots=True)
class Overlap:
    """Counts of the rows of one source that are not after the last event of their entity."""

    known: int = 0
    """Rows that are events of the folder."""
    others: int = 0
    """Rows that are not."""
    older: int = 0
    """Known rows that are older than the last event of their entity."""

    def __add__(self, other: Overlap) -> Overlap:
        return Overlap(self.known + other.known, self.others + other.others, self.older + other.older)


def find_events(
    histories: Histories,
    rows: pa.Table,
    candidates: Flags,
    sources: Iterable[int],
    set_aside: Hashes = NO_HASHES,
    limit: int | None = None,
) -> tuple[Flags, Flags]:
    """The `candidates` of some sources that are events of `histories`, and those that are not; two flags a row.

    A row is in neither if it cannot be encoded, if it was set aside before, or if its history may have lost it to
    a `limit` of events. Of equal rows of a source, as many are events as there are such events. The tokenizer of
    `histories` is one without limits.
    """
    tokenizer = histories.tokenizer
    known, others, numbers = np.zeros(len(rows), bool), np.zeros(len(rows), bool), source_numbers(rows)
    for source in sources:
        places = np.flatnonzero(candidates & (numbers == source))
        own = rows.take(pa.array(places))
        places = places[~find_hashes(hash_rows(tokenizer, own), set_aside)]
        if not len(places):
            continue
        streams = tokenizer.encode_by_hash(drop_origins(rows.take(pa.array(places))), on_bad_rows="quarantine")
        assert streams.rows is not None
        new = Histories(tokenizer, shard_table(streams))
        history = find_keys(new.keys, histories.keys)
        # both sides are decoded, so that values are compared as their tokens give them
        old_rows = _decode_alike(histories, np.unique(history[history >= 0]))
        new_rows = _decode_alike(new, np.arange(len(new)))
        found = find_hashes(hash_rows(tokenizer, new_rows), np.sort(hash_rows(tokenizer, old_rows)))
        places = places[streams.rows]  # (events of new,): the row that each was encoded from
        known[places[found]] = True
        others[places[~found & ~_may_be_lost(histories, new_rows, limit)]] = True
    return known, others


def _decode_alike(histories: Histories, chosen: NDArray[np.int64]) -> pa.Table:
    """The events of some histories, integers as floats, since decoding may give either."""
    decoded = histories.decode(chosen)
    for place, field in enumerate(decoded.schema):
        if field.name not in histories.schema.entity and pa.types.is_integer(field.type):
            decoded = decoded.set_column(place, field.name, decoded[field.name].cast(pa.float64(), safe=False))
    return decoded


def _may_be_lost(histories: Histories, rows: pa.Table, limit: int | None) -> Flags:
    """True for each row that is not later than the first event of a history that has reached the limit."""
    if limit is None or histories.times is None or not len(histories):
        return np.zeros(len(rows), bool)
    places = find_keys(rows.select(list(histories.schema.entity)), histories.keys)
    first = np.asarray(histories.times.values)[histories.times.offsets[:-1]]  # (histories,)
    # such a history may have lost earlier events, so their rows are not found in it
    full = histories.starts.lengths >= limit
    lost: Flags = (places >= 0) & full[places] & (read_times(histories.schema, rows) <= first[places])
    return lost
