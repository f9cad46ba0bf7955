from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from worlds import SESSION, world, world_syntax

from domaintoolkit.evaluate.part_sequences import split_parts


@given(seed=st.integers(0, 10_000), histories=st.integers(1, 5), events=st.integers(1, 6))
def test_every_token_of_every_event_is_in_one_sequence(seed: int, histories: int, events: int) -> None:
    layout = world_syntax()
    made = world(seed, histories, events, spelled=0.5)
    first, second, marks = split_parts(made.ids, made.offsets, np.arange(histories), layout)
    assert len(first) == len(second) == histories * events
    assert len(marks) == histories * (events - 1)
    assert marks.tokens.sum() == (made.ids == SESSION).sum()
    assert len(first.tokens) + len(second.tokens) + marks.tokens.sum() == len(made.ids) - 2 * histories
    assert first.group.tolist() == np.repeat(np.arange(histories), events).tolist()
    assert first.first.tolist() == ([True] + [False] * (events - 1)) * histories
    named = {}
    for part in (first, second):
        for i in range(len(part)):
            sequence = tuple(part.tokens[part.offsets[i] : part.offsets[i + 1]].tolist())
            assert named.setdefault(int(part.code[i]), sequence) == sequence
    assert len(set(named.values())) == len(named)
