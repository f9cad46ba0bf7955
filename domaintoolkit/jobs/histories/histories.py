"""The encoded histories of a shard: find them by key, read their last events, decode them into rows."""

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
from domaintoolkit.tokenizer.decoding import decode_ids
from domaintoolkit.tokenizer.rows.row_times import time_column
from domaintoolkit.util.ragged import Ragged, offsets_of, positions
from domaintoolkit.values import to_microseconds

__all__ = ["Histories", "find_keys", "read_times"]


def find_keys(keys: pa.Table, known: pa.Table) -> NDArray[np.int64]:
    """For each row of `keys`, the row of `known` with the same key, or -1. The rows of `known` are in hash order."""
    if not known.num_rows:
        return np.full(keys.num_rows, -1)
    hashes, own = hash_keys(known), hash_keys(keys)
    found = np.full(keys.num_rows, -1)
    places = np.searchsorted(hashes, own)
    rows = np.arange(keys.num_rows)
    # equal hashes are not yet equal keys: rows whose key differs go on to the next known row with their hash
    while len(rows := rows[(places[rows] < len(hashes))]) and len(rows := rows[hashes[places[rows]] == own[rows]]):
        same = _is_same(keys.take(pa.array(rows)), known.take(pa.array(places[rows])))
        found[rows[same]] = places[rows[same]]
        rows = rows[~same]
        places[rows] += 1
    return found


def _is_same(keys: pa.Table, others: pa.Table) -> NDArray[np.bool_]:
    """(rows,) True for rows of the same key in both."""
    same = np.ones(keys.num_rows, bool)
    for name in keys.column_names:
        same &= np.asarray(pc.fill_null(pc.equal(keys[name].cast(others[name].type), others[name]), False))
    return same


def read_times(schema: Schema, table: pa.Table) -> NDArray[np.int64]:
    """Microseconds since the epoch of each row; the largest int64 for a row without a valid time."""
    assert schema.time is not None
    column = table[schema.time].combine_chunks()
    times = to_microseconds(column, schema.zone, schema.time_form(schema.time)).values.cast(pa.int64())
    return np.asarray(pc.fill_null(times, np.iinfo(np.int64).max))


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
        """The time of the last event of each history."""
        assert self.times is not None
        return np.asarray(self.times.values)[self.times.offsets[1:] - 1]

    def static_lengths(self) -> NDArray[np.int64]:
        """The number of ids of each history before its anchor, or without an anchor before its first event."""
        heads = np.asarray(self.starts.values)[self.starts.offsets[:-1]].astype(np.int64)  # (histories,)
        if self.times is None or not len(heads):
            return heads
        start = WindowStart.of(self.tokenizer.grammar, None)
        tokens = np.asarray(self.ids.values)[positions(self.ids.offsets[:-1], heads)]  # (ids of all headers,)
        anchors = start.place[tokens] == start.anchor_place
        offsets = offsets_of(heads)
        # the position of the first anchor in each header; other tokens get a number beyond all positions
        first = np.minimum.reduceat(np.where(anchors, np.arange(len(anchors)), len(anchors)), offsets[:-1])
        return first - offsets[:-1]

    def decode(self, chosen: NDArray[np.int64]) -> pa.Table:
        """All events of the chosen histories, as decoding gives them, but with exact times.

        The session column holds the keys of the sessions, since shards keep their names only for `order_by`.
        """
        ids, keys, times = self.ids.take(chosen), self.keys.take(pa.array(chosen)), None
        if self.times is not None:
            # to find times that agree with the tokens would take ten times as long as all else
            times = time_column(np.asarray(self.times.take(chosen).values))
        layout, types = self.tokenizer.layout, self.tokenizer.types
        decoded = decode_ids(layout, types, np.asarray(ids.values), ids.offsets, keys, times=times)
        if self.schema.session is not None:
            place = decoded.schema.get_field_index(self.schema.session)
            decoded = decoded.set_column(place, self.schema.session, pa.array(self._session_keys(decoded, chosen)))
        if self.schema.split_column is not None:
            values = self.table["split_value"].take(pa.array(np.repeat(chosen, self.starts.lengths[chosen])))
            decoded = decoded.append_column(self.schema.split_column, values)
        for carried in (name for name in CARRIED if name in self.table.column_names):
            structs = self.table[carried].combine_chunks().take(pa.array(chosen))
            for field in structs.type:
                # decoding numbers the events in an `order_by` column that is not a field, and makes no labels
                place = decoded.schema.get_field_index(field.name)
                put = decoded.append_column if place < 0 else partial(decoded.set_column, place)
                decoded = put(field.name, structs.field(field.name).flatten())
        return decoded

    def decode_as(self, columns: pa.Schema, chosen: NDArray[np.int64]) -> pa.Table:
        """`decode`, with the columns and types of other rows; only the session column stays as it is."""
        decoded = self.decode(chosen)
        if self.schema.session is not None:
            place = columns.get_field_index(self.schema.session)
            columns = columns.set(place, decoded.schema.field(self.schema.session))
        arrays = [_cast_column(decoded[field.name], field.type, field.name) for field in columns]
        return pa.table(arrays, schema=columns)

    def decode_last_events(self, columns: pa.Schema, chosen: NDArray[np.int64]) -> pa.Table:
        """The last event of each chosen history, with the columns and types of other rows."""
        ends = np.cumsum(self.starts.lengths[chosen]) - 1  # (chosen,): rows of the decoded events
        rows = self.decode_as(columns, chosen).take(pa.array(ends))
        if self.schema.session is None:
            return rows
        place = columns.get_field_index(self.schema.session)
        names = self.table["last_session"].take(pa.array(chosen)).cast(columns.field(place).type)
        return rows.set_column(place, columns.field(place), names)

    def opens_session(self) -> NDArray[np.bool_]:
        """True for each event, over all histories, that begins with a session token."""
        ids, session = np.asarray(self.ids.values), self.tokenizer.grammar.session
        # (events,): a shard counts event starts from the beginning of each stream
        begins = np.asarray(self.starts.values) + np.repeat(self.ids.offsets[:-1], self.starts.lengths)
        opens: NDArray[np.bool_] = ids[begins] == session
        return opens

    def _session_keys(self, decoded: pa.Table, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """The key of the session of each event; `decoded` numbers the sessions of each history."""
        sessions = Ragged.of_column(self.table["sessions"]).take(chosen)
        # shards list the sessions of each history in their order
        first = np.repeat(sessions.offsets[:-1], self.starts.lengths[chosen])  # (events,)
        keys: NDArray[np.int64] = np.asarray(sessions.values)[first + np.asarray(decoded[self.schema.session])]
        return keys


def _cast_column(column: pa.ChunkedArray, kind: pa.DataType, name: str) -> pa.Array | pa.ChunkedArray:
    """A column in the type that new rows have it in."""
    if not pa.types.is_dictionary(kind):
        try:
            return column.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            reason = f"its values are {column.type} in the folder, and {kind} here: {error}"
            raise DataError([Refusal(None, name, reason)]) from None
    # Arrow casts numbers to a dictionary type only through text
    coded = column.cast(kind.value_type).combine_chunks().dictionary_encode()
    return pa.DictionaryArray.from_arrays(coded.indices.cast(kind.index_type), coded.dictionary, ordered=kind.ordered)
