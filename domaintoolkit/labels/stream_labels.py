"""`read_stream_labels`: a label column that was stored with the streams, as a label table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from domaintoolkit.errors import DataError, LookupFailedError, Refusal
from domaintoolkit.labels.label_reading import read_labels
from domaintoolkit.labels.label_table import LabelSettings, LabelTable
from domaintoolkit.schema import Schema, from_dict
from domaintoolkit.storage import EncodedFolder, ShardRows
from domaintoolkit.tokenizer.rows.row_times import time_column
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.ragged import run_offsets

__all__ = ["read_stream_labels"]

DATE = "date of the label"


def read_stream_labels(folder: EncodedFolder, name: str, settings: LabelSettings | None = None) -> LabelTable:
    """The labels of a column that the schema lists in `labels`.

    If no entity has two values of it, it is a label of the entity: one row each, as of the end of its history.
    Otherwise it is one of the event: a row for each event that has a value, as of its time (so only events before it
    are known, or with `including` up to and with it). Nulls are left out.
    """
    schema = from_dict(Schema, folder.manifest.schema)
    if name not in schema.labels:
        raise LookupFailedError("label column", name, schema.labels)
    parts = [_events(rows, schema, name) for rows in folder.streams()]
    whole = pa.concat_tables(parts, promote_options="permissive")
    values = to_plain(whole[name])
    there = np.asarray(values.is_valid())
    if DATE in whole.column_names:  # an event without a time is a fact of its entity, which no date precedes
        there &= np.asarray(whole[DATE].is_valid())
    whole = whole.filter(pa.array(there))
    history = np.asarray(whole["history"])
    codes = np.asarray(to_plain(whole[name]).dictionary_encode().indices)
    runs = run_offsets(history)
    first, counts = runs[:-1], np.diff(runs)  # (histories with a label,)
    # every event has the value of the first one of its history
    of_entity = bool((codes == np.repeat(codes[first], counts)).all()) if len(history) else True
    keys = list(schema.entity)
    if not of_entity and schema.time is None:
        reason = "differs between events of one entity, and without a time column these have no dates"
        raise DataError([Refusal(None, name, reason)])
    table = whole.take(pa.array(first)).select([*keys, name]) if of_entity else whole.select([*keys, DATE, name])
    made = settings or LabelSettings()
    headers = {**made.headers, "target": name, "date": "" if of_entity else DATE}
    return read_labels(table, folder, replace(made, headers=headers))


def _events(rows: ShardRows, schema: Schema, name: str) -> pa.Table:
    """Key, number of the history, time and label of every event of some rows of a shard."""
    counts = np.diff(rows.event_offsets)
    of = np.repeat(np.arange(len(counts)), counts)  # (events,) the history of each
    columns = {key: rows.table[key].take(pa.array(of)) for key in schema.entity}
    columns["history"] = pa.array(of + rows.number)
    if rows.times is not None:
        low, high = int(rows.event_offsets[0]), int(rows.event_offsets[-1])
        columns[DATE] = time_column(rows.times[low:high])
    labels = rows.table["labels"] if "labels" in rows.table.schema.names else None
    if labels is None or labels.type.get_field_index(name) < 0:
        columns[name] = pa.nulls(len(of))
    else:
        columns[name] = labels.field(name).flatten()
    return pa.table(columns)
