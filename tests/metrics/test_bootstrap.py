from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.metrics import estimate_interval, resample


@given(st.integers(1, 20), st.integers(0, 30), st.integers(0, 1000))
def test_a_draw_has_as_many_groups_as_there_are(groups: int, draws: int, seed: int) -> None:
    drawn = list(resample(groups, draws, seed))
    assert [each.sum() for each in drawn] == [groups] * draws
    assert all(each.shape == (groups,) for each in drawn)
    assert np.array_equal(drawn, list(resample(groups, draws, seed)))


def test_the_interval_of_a_mean_is_the_one_of_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(10, 2, 400)
    found = estimate_interval([counts @ values / 400 for counts in resample(400, 2_000, 1)])
    error = 1.96 * values.std() / 20
    assert found == pytest.approx((values.mean() - error, values.mean() + error), abs=0.03)


def test_draws_without_a_figure_do_not_count() -> None:
    drawn = [1.0, float("nan"), 2.0, float("inf")]
    assert estimate_interval(drawn, least=2) == pytest.approx((1.025, 1.975))
    assert estimate_interval(drawn, least=3) is None
    assert estimate_interval([]) is None
