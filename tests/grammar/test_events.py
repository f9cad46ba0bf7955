"""Where events begin, against a plain loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from toy_grammar import grammar, streams

from domaintoolkit.grammar import Place, event_starts, index_events

RULES = grammar()


@given(st.integers(0, 4), st.integers(0, 10**6))
def test_an_event_begins_with_its_session_token_or_its_first_part(count: int, seed: int) -> None:
    ids, offsets, counts = streams(RULES, count, seed)
    found = index_events(ids, offsets, RULES)
    starts, opens = [], []
    for at, token in enumerate(ids.tolist()):
        if RULES.start[token] and RULES.place[token] == RULES.header_parts:
            opens.append(ids[at - 1] == RULES.session)
            starts.append(at - 1 if opens[-1] else at)
    assert found.starts.tolist() == starts
    assert found.has_session.tolist() == opens
    assert found.offsets.tolist() == np.cumsum([0, *counts]).tolist()
    for low, high, first, last in zip(offsets[:-1], offsets[1:], found.offsets[:-1], found.offsets[1:], strict=True):
        assert event_starts(ids[low:high], RULES).tolist() == (found.starts[first:last] - low).tolist()


def test_an_event_may_be_the_first_thing_there_is() -> None:
    """No stream begins so, but what is cut out of one may."""
    ids, _, _ = streams(RULES, 1, longest=3, shortest=3)
    begin = int(event_starts(ids, RULES)[1])
    assert event_starts(ids[begin:], RULES)[0] == 0
    assert event_starts(np.append(ids[begin:], RULES.session), RULES)[0] == 0


def test_no_token_begins_an_event_that_is_not_of_the_first_event_part() -> None:
    begins = RULES.events_in > 0
    assert (RULES.place[begins] == RULES.header_parts).all()
    assert RULES.start[begins].all()
    assert not RULES.events_in[RULES.place == Place.BYTE].any()
