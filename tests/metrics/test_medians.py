from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.metrics import weighted_median


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 4)), min_size=1, max_size=30))
def test_a_weight_is_a_number_of_rows(pairs: list[tuple[int, int]]) -> None:
    values, weights = np.array(pairs, float).T
    assert weighted_median(values, weights) == np.median(np.repeat(values, weights.astype(int)))
