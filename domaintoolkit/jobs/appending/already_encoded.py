"""The rows that are events of a folder already: encoded or appended before, with any others, in any order.

A row is looked for among the encoded events by its entity, its time and what its tokens tell: the shards tell
exactly that, so nothing has to be remembered of any file. One equal row proves nothing, since events may be equal.
But a file of such rows alone was taken before, and one with an older event among them shares rows with another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.jobs.appending.set_aside import Hashes, hash_rows, within
from domaintoolkit.jobs.histories.histories import Histories, match, times_of
from domaintoolkit.jobs.partition.origin import drop_origins, origins_of
from domaintoolkit.storage.shards import shard_table
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Seen", "known_rows", "source_numbers"]

Flags = NDArray[np.bool_]
NONE = np.zeros(0, np.uint64)


def source_numbers(rows: pa.Table) -> NDArray[np.int64]:
    """The source of each row."""
    numbers: NDArray[np.int64] = origins_of(rows).sources
    return numbers


@dataclass(frozen=True, slots=True)
class Seen:
    """Counts of the rows of one source, added up shard by shard."""

    known: int = 0
    """The number that are events of the folder."""
    others: int = 0
    """The number that are not."""
    older: int = 0
    """Of the known ones, those older than the last event of their entity."""

    def __add__(self, other: Seen) -> Seen:
        return Seen(self.known + other.known, self.others + other.others, self.older + other.older)


def known_rows(
    tokenizer: DomainTokenizer,
    histories: Histories,
    rows: pa.Table,
    chosen: Flags,
    sources: Iterable[int],
    aside: Hashes = NONE,
    limit: int | None = None,
) -> tuple[Flags, Flags]:
    """Split the `chosen` rows of some sources into events of the `histories` of a shard and others.

    Neither are those that cannot be encoded, that were set aside (`aside`), or that histories of `limit` events have
    lost. Of equal rows of a source, as many are known as there are such events. `tokenizer` is one without bounds.
    """
    known, others, numbers = np.zeros(len(rows), bool), np.zeros(len(rows), bool), source_numbers(rows)
    for source in sources:
        places = np.flatnonzero(chosen & (numbers == source))
        own = rows.take(pa.array(places))
        places = places[~within(hash_rows(tokenizer, own), aside)]
        if not len(places):
            continue
        streams = tokenizer.encode_by_hash(drop_origins(rows.take(pa.array(places))), on_bad_rows="quarantine")
        assert streams.rows is not None
        new = Histories(tokenizer, shard_table(streams))
        of = match(new.keys, histories.keys)
        there, told = _comparable(histories, np.unique(of[of >= 0])), _comparable(new, np.arange(len(new)))
        found = within(hash_rows(tokenizer, told), np.sort(hash_rows(tokenizer, there)))
        places = places[streams.rows]
        known[places[found]] = True
        others[places[~found & ~_lost(histories, told, limit)]] = True
    return known, others


def _comparable(histories: Histories, chosen: NDArray[np.int64]) -> pa.Table:
    """The events of some histories; numbers are as wide as decoding may make them."""
    told = histories.decode(chosen)
    for place, field in enumerate(told.schema):
        if field.name not in histories.schema.entity and pa.types.is_integer(field.type):
            told = told.set_column(place, field.name, told[field.name].cast(pa.float64(), safe=False))
    return told


def _lost(histories: Histories, rows: pa.Table, limit: int | None) -> Flags:
    """True for each row that is not newer than the events that a history of `limit` events still has."""
    if limit is None or histories.times is None or not len(histories):
        return np.zeros(len(rows), bool)
    places = match(rows.select(list(histories.schema.entity)), histories.keys)
    first = np.asarray(histories.times.values)[histories.times.offsets[:-1]]
    full = histories.starts.lengths >= limit
    lost: Flags = (places >= 0) & full[places] & (times_of(histories.schema, rows) <= first[places])
    return lost
