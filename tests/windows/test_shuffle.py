from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.windows.shuffle import derive, shuffle_places


@given(size=st.integers(1, 3000), key=st.integers(0, 2**64 - 1))
def test_it_is_a_bijection(size: int, key: int) -> None:
    assert sorted(shuffle_places(np.arange(size), size, key).tolist()) == list(range(size))


@given(size=st.integers(2, 10**12), key=st.integers(0, 2**64 - 1), data=st.data())
def test_a_place_does_not_depend_on_which_others_are_asked_for(size: int, key: int, data: st.DataObject) -> None:
    places = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=20)))
    together = shuffle_places(places, size, key)
    assert ((together >= 0) & (together < size)).all()
    assert together.tolist() == [int(shuffle_places(places[i : i + 1], size, key)[0]) for i in range(len(places))]


def test_keys_give_different_orders_without_a_trend() -> None:
    first, second = (
        shuffle_places(np.arange(5000), 5000, derive(1, 0)),
        shuffle_places(np.arange(5000), 5000, derive(1, 1)),
    )
    assert (first == second).sum() < 20
    assert abs(np.corrcoef(np.arange(5000), first)[0, 1]) < 0.05
    assert derive(1, 2) != derive(2, 1)
