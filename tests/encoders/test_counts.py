"""Exact counts: of integers as of the texts that they stand for."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from domaintoolkit.encoders.categorical.encoder import CategoricalState
from domaintoolkit.schema import Categorical

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-120, 120) | st.integers(0, 18).map(lambda power: 10**power)


@given(st.lists(st.lists(st.none() | INTEGERS, max_size=30), max_size=4))
@example([[1, 10, 100, -1, -10, 0, 9, -(2**63), 2**63 - 1]])
def test_integers_are_counted_as_their_texts(batches: list[list[int | None]]) -> None:
    numbers, texts = CategoricalState(Categorical("x")), CategoricalState(Categorical("x"))
    for batch in batches:
        numbers.update(pa.array(batch, pa.int64()))
        texts.update(pa.array([None if value is None else str(value) for value in batch], pa.string()))
    wanted = sorted(Counter(str(value) for batch in batches for value in batch if value is not None).items())
    for state in (numbers, texts):
        found = state.counts()
        assert list(zip(found["value"].to_pylist(), found["count"].to_pylist(), strict=True)) == wanted


def test_values_that_a_dictionary_only_lists_are_not_counted() -> None:
    state = CategoricalState(Categorical("x"))
    state.update(pa.DictionaryArray.from_arrays(pa.array(np.array([1, 1], np.int32)), pa.array([5, 7, 9])))
    assert state.counts().to_pydict() == {"value": ["7"], "count": [2]}


def test_nulls_of_any_type_are_dumped_alike() -> None:
    """So counts that travelled between processes are saved in the same bytes."""
    dumped = []
    for kind in (pa.string(), pa.int64()):
        state = CategoricalState(Categorical("field"))
        state.update(pa.nulls(3, kind))
        dumped += [state.dump(), CategoricalState.restore(state.spec, state.dump()).dump()]
    assert all(table.equals(dumped[0]) for table in dumped)
