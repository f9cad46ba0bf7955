"""The encoded histories that new rows belong to: finding them, what their last events were, and decoding them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.grammar import WindowStart
from domaintoolkit.schema import Schema
from domaintoolkit.storage.shards import CARRIED
from domaintoolkit.streams.keys import hash_keys
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import Ragged, offsets_of, positions
from domaintoolkit.values import to_microseconds

__all__ = ["Histories", "instants", "match", "times_of"]


def match(keys: pa.Table, known: pa.Table) -> NDArray[np.int64]:
    """For each row of `keys` the row of `known`, which are by hash, with the same key; -1 if there is none."""
    if not known.num_rows:
        return np.full(keys.num_rows, -1)
    hashes = hash_keys(known)
    places = np.minimum(np.searchsorted(hashes, hash_keys(keys)), known.num_rows - 1)
    found = known.take(pa.array(places))
    same = np.ones(keys.num_rows, bool)
    for name in keys.column_names:
        same &= np.asarray(pc.fill_null(pc.equal(keys[name].cast(found[name].type), found[name]), False))
    return np.where(same, places, -1)


def instants(times: NDArray[np.int64]) -> pa.Array:
    """Microseconds since the epoch as a column of times in UTC."""
    return pa.array(times, pa.timestamp("us", "UTC"))


def times_of(schema: Schema, table: pa.Table) -> NDArray[np.int64]:
    """Microseconds since the epoch of each row; of a row without a valid time, the largest number there is."""
    column = table[schema.time].combine_chunks()
    instants = to_microseconds(column, schema.zone, schema.time_unit).values.cast(pa.int64())
    return np.asarray(pc.fill_null(instants, np.iinfo(np.int64).max))


class Histories:
    """The rows of a shard as histories."""

    def __init__(self, tokenizer: DomainTokenizer, table: pa.Table) -> None:
        self.tokenizer, self.schema, self.table = tokenizer, tokenizer.schema, table
        self.keys = table.select(list(self.schema.entity)).combine_chunks()
        self.ids, self.starts = Ragged.of_column(table["ids"]), Ragged.of_column(table["event_starts"])
        self.times = Ragged.of_column(table["times"]) if self.schema.time else None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def last_times(self) -> NDArray[np.int64]:
        """When the last event of each history was."""
        assert self.times is not None
        return np.asarray(self.times.values)[self.times.offsets[1:] - 1]

    def static_lengths(self) -> NDArray[np.int64]:
        """The number of ids of each history before its anchor, or before its first event if it has no anchor."""
        heads = np.asarray(self.starts.values)[self.starts.offsets[:-1]].astype(np.int64)
        if self.times is None or not len(heads):
            return heads
        start = WindowStart.of(self.tokenizer.grammar, None)
        tokens = np.asarray(self.ids.values)[positions(self.ids.offsets[:-1], heads)]
        anchors = start.place[tokens] == start.anchor_place
        offsets = offsets_of(heads)
        first = np.minimum.reduceat(np.where(anchors, np.arange(len(anchors)), len(anchors)), offsets[:-1])
        return first - offsets[:-1]

    def rows(self, chosen: NDArray[np.int64], columns: pa.Schema) -> pa.Table:
        """All events of the chosen histories as rows of a table with `columns`, but for sessions as in `decode`."""
        decoded = self.decode(chosen)
        if self.schema.session is not None:
            place = columns.get_field_index(self.schema.session)
            columns = columns.set(place, decoded.schema.field(self.schema.session))
        arrays = [_as(decoded[field.name], field.type, field.name) for field in columns]
        return pa.table(arrays, schema=columns)

    def decode(self, chosen: NDArray[np.int64]) -> pa.Table:
        """All events of the chosen histories as decoding gives them, their times exact.

        Instead of the names of sessions there is what the shard has of them: their keys.
        """
        ids = self.ids.take(chosen)
        decoded = self.tokenizer.decode(np.asarray(ids.values), ids.offsets, self.keys.take(pa.array(chosen)))
        if self.times is not None:
            times = instants(np.asarray(self.times.take(chosen).values))
            decoded = decoded.set_column(decoded.schema.get_field_index(self.schema.time), self.schema.time, times)
        if self.schema.session is not None:
            place = decoded.schema.get_field_index(self.schema.session)
            decoded = decoded.set_column(place, self.schema.session, pa.array(self._sessions(decoded, chosen)))
        for carried in (name for name in CARRIED if name in self.table.column_names):
            structs = self.table[carried].combine_chunks().take(pa.array(chosen))
            for field in structs.type:
                # decoding gives an `order_by` column a number of its own, and labels none
                place = decoded.schema.get_field_index(field.name)
                put = decoded.append_column if place < 0 else partial(decoded.set_column, place)
                decoded = put(field.name, structs.field(field.name).flatten())
        return decoded

    def _sessions(self, decoded: pa.Table, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """The key of each event's session; `decoded` numbers those of each history."""
        sessions = Ragged.of_column(self.table["sessions"]).take(chosen)
        counts = self.starts.lengths[chosen]
        numbers = np.asarray(decoded[self.schema.session])
        keys: NDArray[np.int64] = np.asarray(sessions.values)[np.repeat(sessions.offsets[:-1], counts) + numbers]
        return keys

    def opens(self) -> NDArray[np.bool_]:
        """Before which events, over all histories, a session token stands."""
        ids, session = np.asarray(self.ids.values), self.tokenizer.grammar.session
        begins = np.asarray(self.starts.values) + np.repeat(self.ids.offsets[:-1], self.starts.lengths)
        opens: NDArray[np.bool_] = ids[begins] == session
        return opens

    def last_rows(self, chosen: NDArray[np.int64], columns: pa.Schema) -> pa.Table:
        """The last events of the chosen histories as rows."""
        ends = np.cumsum(self.starts.lengths[chosen]) - 1
        rows = self.rows(chosen, columns).take(pa.array(ends))
        if self.schema.session is None:
            return rows
        place = columns.get_field_index(self.schema.session)
        names = self.table["last_session"].take(pa.array(chosen)).cast(columns.field(place).type)
        return rows.set_column(place, columns.field(place), names)


def _as(column: pa.ChunkedArray, kind: pa.DataType, name: str) -> pa.Array | pa.ChunkedArray:
    """A column in the type that new rows have it in; Arrow makes dictionaries of numbers only by way of text."""
    if not pa.types.is_dictionary(kind):
        try:
            return column.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            reason = f"its values are {column.type} in the folder, and {kind} here: {error}"
            raise DataError([Refusal(None, name, reason)]) from None
    coded = column.cast(kind.value_type).combine_chunks().dictionary_encode()
    return pa.DictionaryArray.from_arrays(coded.indices.cast(kind.index_type), coded.dictionary, ordered=kind.ordered)
