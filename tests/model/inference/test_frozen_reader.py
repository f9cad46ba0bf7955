from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from toy_grammar import grammar, streams

from domaintoolkit.errors import DataError
from domaintoolkit.model import EventModel, TokenModel, embed, event_preset, preset
from domaintoolkit.model.event_tensors import events_from_streams
from domaintoolkit.model.inference.frozen_reader import FrozenReader

RULES = grammar()
SHAPES: list[dict[str, Any]] = [
    {},
    {"position": "rope+learned", "norm": "layernorm", "activation": "gelu", "bias": True},
    {"parallel": True, "activation": "geglu"},
    {"bias": True, "parallel": True, "dropout": 0.5},
]


def build(kind: type, shape: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    made = (preset if kind is TokenModel else event_preset)("54k", len(RULES.place), block=256, **shape)
    model = kind(made, RULES, "none")
    with torch.no_grad():
        for parameter in model.parameters():  # gains, biases and factors are 0 or 1 at first
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_an_event_model_is_read_as_it_reads_itself(shape: dict[str, Any]) -> None:
    model = build(EventModel, shape)
    ids, offsets, _ = streams(RULES, 40, 3)
    found = FrozenReader(model, ids)(ids, offsets)
    batch = events_from_streams(ids, offsets, RULES).batch()
    wanted = model.eval().hidden(batch)
    real = batch.documents >= 0
    assert len(batch.tails) > 50
    torch.testing.assert_close(found[real], wanted[real], rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_a_token_model_is_read_as_it_reads_itself(shape: dict[str, Any]) -> None:
    model = build(TokenModel, shape)
    ids, offsets, _ = streams(RULES, 5, 3)
    found = FrozenReader(model, ids)(ids, offsets)
    model.eval()
    for row in range(5):
        one = torch.from_numpy(ids[offsets[row] : offsets[row + 1]])
        torch.testing.assert_close(found[row, : len(one)], model.hidden(one[None])[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [EventModel, TokenModel])
def test_streams_beyond_learned_positions_are_refused(kind: type) -> None:
    model = build(kind, {"position": "learned"})
    ids, offsets, _ = streams(RULES, 1, 0, longest=400, shortest=400)
    with pytest.raises(DataError, match="longer than the block of 256"), torch.inference_mode():
        FrozenReader(model, ids)(ids, offsets)


def test_an_event_that_is_cut_short_is_left_out() -> None:
    model = build(EventModel, {})
    ids, offsets, _ = streams(RULES, 1, 5, longest=4, shortest=4)
    last = int(np.flatnonzero(RULES.place[ids] == RULES.header_parts)[-1])
    last -= int(ids[last - 1] == RULES.session)
    whole = embed(model, ids[:last], np.array([0, last]))
    starts = np.flatnonzero(RULES.start[ids[last + 1 :]]) + last + 1
    assert len(starts) > 2
    for end in starts:
        np.testing.assert_array_equal(embed(model, ids[:end], np.array([0, end])), whole)
    session = np.append(ids[:last], RULES.session)
    two = np.concatenate([session, ids[:last]])
    offsets = np.array([0, last + 1, 2 * last + 1])
    np.testing.assert_allclose(embed(model, two, offsets), np.repeat(whole, 2, 0), atol=1e-6)
