"""Encode histories again, with late events at their places."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.jobs.appending.static_fields import copy_statics
from domaintoolkit.jobs.histories.histories import Histories, find_keys
from domaintoolkit.storage.shards import shard_table
from domaintoolkit.streams.keys import session_keys
from domaintoolkit.streams.streams import Counts
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.ragged import offsets_of

__all__ = ["rewrite_histories"]

Ints = NDArray[np.int64]


def rewrite_histories(histories: Histories, chosen: Ints, rows: pa.Table, history: Ints) -> tuple[pa.Table, Counts]:
    """(The chosen histories with `rows` as rows of a shard, what encoding them counted.)

    `history` is the number of the history of each row, which is one of the sorted `chosen`.
    """
    events = histories.decode_as(rows.schema, chosen)
    # (chosen,): the first event of each among `events`
    first = offsets_of(histories.starts.lengths[chosen])[:-1]
    # by their hashes, the static values are equal; decoded values may differ from them
    owner = events.take(pa.array(first[np.searchsorted(chosen, history)]))
    made, counts = _encode(histories, chosen, events, copy_statics(histories.schema, rows, owner))
    # only the new rows are rows that came in
    return _keep_static_hashes(histories, made), counts + Counts(rows_in=-len(events))


def _encode(histories: Histories, chosen: Ints, events: pa.Table, rows: pa.Table) -> tuple[pa.Table, Counts]:
    """(Decoded events and new rows as rows of a shard, what encoding them counted.)"""
    name, names = histories.schema.session, None
    if name is not None and name not in histories.schema.free_order:
        # decoded events have keys of sessions; the key of a key is the key itself, so both can be in one column
        names = to_plain(rows[name])
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(session_keys(names)))
    streams = histories.tokenizer.encode_by_hash(pa.concat_tables([events, rows]))
    made = shard_table(streams)
    if names is None:
        return made, streams.counts
    # the last event of a history is a new row or its last encoded event, and the names of both sessions are known
    last = to_plain(histories.table["last_session"].take(pa.array(chosen)))
    names = pa.concat_arrays([names, last.cast(names.type)])
    places = pc.index_in(made["last_session"], value_set=pa.array(session_keys(names)))
    place = made.schema.get_field_index("last_session")
    return made.set_column(place, "last_session", names.take(places)), streams.counts


def _keep_static_hashes(histories: Histories, table: pa.Table) -> pa.Table:
    """Rows of a shard with the hashes of static values that their histories had; decoded values have others."""
    if not histories.schema.static:
        return table
    places = find_keys(table.select(list(histories.schema.entity)), histories.keys)
    hashes = histories.table["statics"].take(pa.array(places))
    return table.set_column(table.schema.get_field_index("statics"), "statics", hashes)
