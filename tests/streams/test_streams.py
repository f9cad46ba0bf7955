"""Streams in memory: one of them, some of them, and what others index with their ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from encoded_rows import Histories, histories, rows_of
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit import Categorical, DomainTokenizer, Schema


@given(histories, st.slices(12))
def test_a_slice_is_some_of_the_streams(made: Histories, some: slice) -> None:
    streams = rows_of(made)
    chosen = streams[some]
    assert [ids.tolist() for ids in chosen] == [ids.tolist() for ids in streams][some]
    assert chosen.entities.to_pylist() == streams.entities.to_pylist()[some]
    assert chosen.events == sum(len(made[key]) for key in sorted(made)[some])


@given(histories)
def test_a_stream_is_one_of_the_ids(made: Histories) -> None:
    streams = rows_of(made)
    for number, ids in enumerate(streams):
        assert ids.dtype == np.int32
        for place in (number, number - len(streams), np.int64(number)):
            assert np.array_equal(streams[place], ids)
    for place in (len(streams), -len(streams) - 1):
        with pytest.raises(IndexError, match=f"stream {place} of {len(streams)}"):
            streams[place]
    with pytest.raises(TypeError):
        streams["0"]  # type: ignore[call-overload]


def test_ids_index_an_embedding() -> None:
    torch: Any = pytest.importorskip("torch")
    rows = {"user": [1, 2, 2], "what": ["a", "b", "c"]}
    tokenizer = DomainTokenizer(Schema(entity="user", fields=[Categorical("what")])).fit(rows)
    embedding = torch.nn.Embedding(len(tokenizer.vocabulary), 4)
    streams = tokenizer.encode(rows)
    for ids in (*streams, *streams[0:2], tokenizer.encode_entity([{"what": "a"}])):
        assert embedding(torch.as_tensor(ids)).shape == (len(ids), 4)
    batch = torch.nn.utils.rnn.pad_sequence([torch.as_tensor(ids) for ids in streams[0:2]], batch_first=True)
    assert embedding(batch).shape == (2, max(map(len, streams)), 4)
