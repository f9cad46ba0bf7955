"""Streams in memory: one of them, some of them, and what others index with their ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from encoded_rows import Histories, histories, rows_of
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit import Categorical, DomainTokenizer, LookupFailedError, Schema


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


@given(histories, st.none() | st.integers(0, 9), st.sampled_from(["right", "left"]))
def test_padded_streams_are_the_streams_where_the_mask_says(made: Histories, length: int | None, side: Any) -> None:
    streams = rows_of(made)
    ids, mask = streams.padded(length, side)
    longest = max(map(len, streams), default=0)
    assert ids.shape == mask.shape == (len(streams), longest if length is None else length)
    for row, stream in enumerate(streams):
        kept = stream if length is None else stream[len(stream) - min(length, len(stream)) :]
        assert ids[row][mask[row]].tolist() == kept.tolist()
        assert (ids[row][~mask[row]] == streams.vocabulary.id("[PAD]")).all()
        if len(kept):
            assert mask[row][0 if side == "right" else -1]


def test_a_stream_is_found_by_its_key() -> None:
    rows = {"shop": ["a", "a", "b"], "user": [7, 8, 7], "what": ["x", "y", "z"]}
    streams = DomainTokenizer(Schema(entity=["shop", "user"], fields=[Categorical("what")])).fit_encode(rows)
    assert streams.tokens(streams.find("b", 7)) == ["[BOS]", "[what=z]"]
    with pytest.raises(LookupFailedError, match="a, 8"):
        streams.find("a", 88)
    with pytest.raises(LookupFailedError, match="a key has 2 columns: shop, user"):
        streams.find("a")
    with pytest.raises(LookupFailedError, match="the keys of user are of the type int64"):
        streams.find("a", "x")


def test_streams_are_shown_in_short_and_in_a_notebook() -> None:
    rows = {"user": [1, 2, 2], "what": ["<b>", "a", "c"]}
    streams = DomainTokenizer(Schema(entity="user", fields=[Categorical("what")])).fit_encode(rows)
    assert repr(streams) == "<Streams of user: 2 entities, 3 events, 5 tokens>"
    shown = streams._repr_html_()
    assert "[what=&lt;b&gt;]" in shown
    assert "<b>" not in shown
