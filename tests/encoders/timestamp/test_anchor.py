from __future__ import annotations

import json
from itertools import chain

import numpy as np
import pytest
from drawn_times import instants, rows
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders import Cells
from domaintoolkit.encoders.timestamp.anchor import Anchor, AnchorState
from domaintoolkit.errors import DecodeError
from domaintoolkit.times.calendar import DAY

TIMES = st.lists(instants("UTC"), max_size=20)


def fitted(times: list[int]) -> Anchor:
    state = AnchorState()
    state.update(np.array(times, np.int64))
    return state.finalize()


@given(TIMES, TIMES)
def test_the_day_comes_back(seen: list[int], times: list[int]) -> None:
    anchor = fitted(seen)
    cells = anchor.encode(np.array(times, np.int64))
    assert anchor.decode(cells).tolist() == [time // DAY for time in times]
    ids = np.arange(len(anchor.slots) + 256)
    expected = [tuple(ids[slot] for slot in chain.from_iterable(row)) for row in rows(cells, len(times))]
    assert anchor.lookup(ids)(times) == expected


@given(TIMES, TIMES)
def test_fitting_merges_and_extends_without_moving_a_slot(first: list[int], second: list[int]) -> None:
    states = []
    for times in (first, second, first + second):
        state = AnchorState()
        state.update(np.array(times, np.int64))
        states.append(AnchorState.restore(state.dump()))
    states[0].merge(states[1])
    assert states[0].dump().equals(states[2].dump())
    small = fitted(first)
    extended = small.extend(states[2])
    assert extended.slots[: len(small.slots)] == small.slots
    assert {slot.key for slot in extended.slots} == {slot.key for slot in states[2].finalize().slots}
    assert Anchor.from_json(json.loads(json.dumps(extended.to_json()))).slots == extended.slots


def test_names() -> None:
    texts = [slot.text for slot in fitted([0]).slots]
    assert (texts[0], texts[1], texts[13], texts[-1]) == (" year spell", " month=1", " day=1", " year=1970")


def test_what_is_no_date_is_refused() -> None:
    anchor = fitted([0])
    year, month, day = anchor.encode(np.zeros(1, np.int64))
    with pytest.raises(DecodeError, match="year 1970, month 2, day 31"):
        anchor.decode([year, Cells(month.codes + 1, month.slots), Cells(day.codes + 30, day.slots)])


def test_what_is_no_anchor_is_refused() -> None:
    with pytest.raises(ValueError, match="not an anchor"):
        Anchor.from_json({})
