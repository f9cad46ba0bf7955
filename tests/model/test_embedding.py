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
from domaintoolkit.model import batches as module

RULES = grammar()
SIZE = len(RULES.place)
torch.manual_seed(0)
MODELS: list[Any] = [
    TokenModel(preset("54k", SIZE, position="rope"), RULES, "none"),
    EventModel(event_preset("54k", SIZE), RULES, "none"),
]


@pytest.mark.slow
@settings(max_examples=15)
@given(st.sampled_from(MODELS), st.sampled_from(["last", "mean"]), st.integers(0, 7), st.integers(1, 300))
def test_a_batch_equals_each_alone(model: Any, pooling: Literal["last", "mean"], count: int, held: int) -> None:
    ids, offsets, _ = streams(RULES, count, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(module.PADDED, "cpu", held)
        found = embed(model, ids, offsets, pooling)
    assert found.shape == (count, 48)
    for row in range(count):
        one = ids[offsets[row] : offsets[row + 1]]
        alone = embed(model, one, np.array([0, len(one)]), pooling)
        np.testing.assert_allclose(found[row], alone[0], rtol=1e-3, atol=1e-4)
    assert model.training


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
