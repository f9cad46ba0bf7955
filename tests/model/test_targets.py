from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_grammar import grammar, streams

from domaintoolkit.errors import DecodeError
from domaintoolkit.model import EventModel, event_preset, events_from_streams
from domaintoolkit.model.targets import TargetFinder

RULES = grammar()


@pytest.mark.slow
@given(st.integers(0, 50))
def test_what_is_found_beforehand_is_what_the_model_finds(seed: int) -> None:
    torch.manual_seed(0)
    model = EventModel(event_preset("54k", len(RULES.place), block=64), RULES, "none").eval()
    ids, offsets, _ = streams(RULES, 5, seed)
    batch = events_from_streams(ids, offsets, RULES).batch(np.array([0, 0, 1, 1, 1]))
    found = TargetFinder(RULES)(batch)
    assert found.targets is not None
    moved = found.to("cpu")
    assert moved.targets is not None
    assert all(map(torch.equal, moved.targets.there, found.targets.there))
    with torch.no_grad():
        left, right = model.loss(batch), model.loss(moved)
    assert torch.equal(left.nats, right.nats)
    assert torch.equal(left.loss, right.loss)
    assert torch.equal(left.tokens, right.tokens)


def test_a_tail_after_a_token_that_stands_alone_is_refused() -> None:
    ids, offsets, _ = streams(RULES, 20, 0)
    batch = events_from_streams(ids, offsets, RULES).batch()
    finder = TargetFinder(RULES)
    finder(batch)
    finder.continues[:] = False
    with pytest.raises(DecodeError, match="stands alone"):
        finder(batch)
