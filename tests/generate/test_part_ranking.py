from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from toy_grammar import grammar, streams

from domaintoolkit.errors import DecodeError
from domaintoolkit.generate import likely_parts
from domaintoolkit.model import EventModel, event_preset, events_from_streams

RULES = grammar()
BRANDS = np.flatnonzero((RULES.place == RULES.header_parts) & RULES.fusible)


def made(sequential: bool) -> EventModel:
    torch.manual_seed(3)
    model = EventModel(event_preset("54k", len(RULES.place), sequential=sequential), RULES, "none")
    for entry in model.parameters():
        torch.nn.init.normal_(entry, std=0.2)
    torch.nn.init.constant_(model.session_head.bias, -50.0)
    return model.eval()


def cost(model: EventModel, ids: np.ndarray[Any, Any]) -> float:
    batch = events_from_streams(ids, np.array([0, len(ids)]), RULES).batch()
    with torch.no_grad():
        return float(model.loss(batch).nats_by_part[0])


@pytest.mark.parametrize("sequential", [False, True])
def test_a_probability_is_what_the_token_costs(sequential: bool) -> None:
    model = made(sequential)
    history, _, _ = streams(RULES, 1, 5, shortest=3, longest=3)
    alone = RULES.start & (RULES.fills == 1)
    rest = [np.flatnonzero((RULES.place == RULES.header_parts + part) & alone)[0] for part in range(1, 7)]
    found = likely_parts(model, history, count=9)
    assert found[0].part == model.part_names[0]
    assert sum(found[0].probabilities) == pytest.approx(1, abs=1e-4)
    shares = dict(zip(found[0].ids, found[0].probabilities, strict=True))
    for token in BRANDS.tolist():
        event = np.array([token, *rest])
        nats = cost(model, np.concatenate([history, event])) - cost(model, history)
        assert math.exp(-nats) == pytest.approx(shares[token], rel=0.01)


def test_parts_that_a_token_fills_are_left_out() -> None:
    model = made(True)
    (null,) = np.flatnonzero((RULES.place == RULES.header_parts + 1) & (RULES.fills > 1))
    torch.nn.init.zeros_(model.bias)
    model.bias.data[null] = 1e6
    history, _, _ = streams(RULES, 1, 5, shortest=3, longest=3)
    found = likely_parts(model, history)
    assert found[1].ids[0] == null
    assert [entry.part for entry in found] == [model.part_names[part] for part in (0, 1, 4, 5, 6)]


def test_what_is_no_history_is_refused() -> None:
    with pytest.raises(DecodeError):
        likely_parts(made(False), np.array([RULES.session]))
