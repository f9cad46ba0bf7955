from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.model import EventModel, TokenModel, embed, event_preset, preset
from domaintoolkit.model import _embed as module

from .toys import grammar, streams

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
        assert RULES.place[cut[head]] in (RULES.header_parts, -4)
    last = int(np.flatnonzero(RULES.place[ids] == RULES.header_parts)[-1])
    if longest - head >= len(ids) - last + 1:
        assert cut[head:].tolist() == ids[len(ids) - len(cut) + head :].tolist()


def test_an_empty_stream_is_refused() -> None:
    with pytest.raises(DataError, match="row 1: a stream is empty"):
        embed(MODELS[0], np.array([1]), np.array([0, 1, 1]))
