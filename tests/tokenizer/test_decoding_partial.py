"""Ids that end anywhere in the last event: the events before it are decoded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import domaintoolkit as dt

SCHEMA = dt.Schema(
    entity="user",
    time="at",
    session="visit",
    fields=[dt.Categorical("what", max_size=1), dt.Text("note", vocabulary_size=4), dt.Timestamp("at")],
)
ROWS = {
    "user": [1, 1, 1, 2],
    "at": ["2024-01-01T10:00", "2024-01-02T11:00", "2024-01-03T09:00", "2024-01-01T10:00"],
    "what": ["a", "caf\u00e9", "a", "a"],
    "note": ["hello", "\u4eca\u65e5", None, ""],
    "visit": [1, 2, 2, 1],
}


@given(st.data())
def test_every_cut_gives_the_whole_events_before_it(data: st.DataObject) -> None:
    tokenizer = dt.DomainTokenizer(SCHEMA)
    streams = tokenizer.fit_encode(ROWS)
    whole = tokenizer.decode(streams).drop_columns(["user"]).to_pylist()
    first = int(streams.event_starts[0])
    ends = [data.draw(st.integers(first, len(ids))) for ids in streams]
    cut = [ids[:end] for ids, end in zip(streams, ends, strict=True)]
    rows = tokenizer.decode(np.concatenate(cut), np.cumsum([0, *ends]), partial=True).to_pylist()
    for stream in range(2):
        found = [row for row in rows if row["user"] == stream]
        low, high = streams.event_offsets[stream : stream + 2]
        starts = [*(streams.event_starts[low:high] - streams.offsets[stream]), len(streams[stream])]
        complete = sum(end <= ends[stream] for end in starts[1:])
        # text and spelled values may be complete earlier than they are: then one event more is decoded
        assert complete <= len(found) <= complete + 1
        for row, wanted in zip(found[:complete], whole[low : low + complete], strict=True):
            assert (row["what"], row["note"], row["at"]) == (wanted["what"], wanted["note"], wanted["at"])


def test_without_partial_a_cut_event_is_refused() -> None:
    tokenizer = dt.DomainTokenizer(SCHEMA)
    ids = tokenizer.fit_encode(ROWS)[1][:-1]
    with pytest.raises(dt.DecodeError):
        tokenizer.decode(ids)
    assert tokenizer.decode(ids, partial=True).num_rows == 0
