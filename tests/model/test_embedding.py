from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_shop import table
from toy_grammar import grammar, streams

import domaintoolkit as dt
from domaintoolkit.errors import DataError, VocabularyError, VocabularyMismatchError
from domaintoolkit.model import EventModel, TokenModel, embed, event_preset, preset
from domaintoolkit.model import embedding as module

RULES = grammar()
SIZE = len(RULES.place)
torch.manual_seed(0)
MODELS: list[Any] = [
    TokenModel(preset("54k", SIZE, position="rope"), RULES, "none"),
    EventModel(event_preset("54k", SIZE), RULES, "none"),
]


@settings(max_examples=15)
@given(st.sampled_from(MODELS), st.sampled_from(["last", "mean"]), st.integers(0, 7), st.integers(1, 300))
def test_a_batch_equals_each_alone(model: Any, pooling: Literal["last", "mean"], count: int, held: int) -> None:
    ids, offsets, _ = streams(RULES, count, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PADDED", held)
        found = embed(model, ids, offsets, pooling)
    assert found.shape == (count, 48)
    for row in range(count):
        one = ids[offsets[row] : offsets[row + 1]]
        alone = embed(model, one, np.array([0, len(one)]), pooling)
        np.testing.assert_allclose(found[row], alone[0], rtol=1e-3, atol=1e-4)
    assert model.training


@given(st.integers(12, 80), st.integers(0, 50))
def test_a_long_stream_keeps_its_header_and_its_latest_events(longest: int, seed: int) -> None:
    ids = streams(RULES, 1, seed, shortest=8, longest=12)[0]
    cut = module._cut(MODELS[0], ids, longest)
    head = int(np.flatnonzero(RULES.place[ids] == RULES.header_parts)[0])
    assert len(cut) <= longest
    assert cut[:head].tolist() == ids[: min(head, longest)].tolist()
    if len(cut) > head:
        assert RULES.place[cut[head]] == RULES.header_parts
    last = int(np.flatnonzero(RULES.place[ids] == RULES.header_parts)[-1])
    if longest - head >= len(ids) - last + 1:
        assert cut[head:].tolist() == ids[len(ids) - len(cut) + head :].tolist()
    if longest >= head:
        assert embed(MODELS[1], ids, longest=longest).shape == (1, 48)


def test_an_empty_stream_is_refused() -> None:
    with pytest.raises(DataError, match="row 1: a stream is empty"):
        embed(MODELS[0], np.array([1]), np.array([0, 1, 1]))


def test_streams_are_segmented_for_a_model_of_composites() -> None:
    schema = dt.Schema(
        entity="user", time="at", time_unit="s", fields=[dt.Categorical("brand"), dt.Timestamp("at")],
        composite=dt.Composite(vocabulary_size=20),
    )  # fmt: skip
    tokenizer = dt.DomainTokenizer(schema, threads=1).fit(table(0))
    bound = (tokenizer.grammar, tokenizer.vocabulary.hash)
    composed = TokenModel(preset("54k", len(tokenizer.vocabulary), composites=True), *bound)
    base = EventModel(event_preset("54k", len(tokenizer.vocabulary)), *bound)
    streams = tokenizer.encode(table(0))
    segmented = streams.composites()
    assert len(segmented.ids) < len(streams.ids)
    found = embed(composed, streams)
    np.testing.assert_allclose(found, embed(composed, segmented), rtol=1e-4, atol=1e-5)
    given_ids = embed(composed, streams.ids, streams.offsets, segmenter=tokenizer.segmenter)
    np.testing.assert_array_equal(found, given_ids)
    np.testing.assert_array_equal(embed(base, streams), embed(base, streams.ids, streams.offsets))
    with pytest.raises(VocabularyError, match="give the tokenizer's segmenter"):
        embed(composed, streams.ids, streams.offsets)
    with pytest.raises(VocabularyError, match="trained on base tokens"):
        embed(base, segmented)
    other = dt.DomainTokenizer(schema, threads=1).fit(table(1))
    with pytest.raises(VocabularyMismatchError):
        embed(base, other.encode(table(1)))


def test_an_event_model_reads_whole_headers() -> None:
    ids, offsets, _ = streams(RULES, 2, 0, shortest=2)
    with pytest.raises(DataError, match=r"longest is 1, but an event model reads the whole header, which has \d+ tok"):
        embed(MODELS[1], ids, offsets, longest=1)
    assert embed(MODELS[0], ids, offsets, longest=1).shape == (2, 48)
