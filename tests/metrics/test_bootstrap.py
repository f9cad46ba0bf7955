from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.metrics import count_groups, estimate_interval, resample, student_95


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


def test_the_interval_of_few_groups_is_wider_and_of_very_few_there_is_none() -> None:
    drawn = np.random.default_rng(0).normal(size=20_000)
    low, high = estimate_interval(drawn, groups=10) or (0.0, 0.0)
    # the standard deviation of a mean of 10 values, and Student's t with 9 degrees of freedom
    assert (low, high) == pytest.approx((-2.262 * (10 / 9) ** 0.5, 2.262 * (10 / 9) ** 0.5), abs=0.12)
    assert estimate_interval(drawn, groups=1e6) == pytest.approx(estimate_interval(drawn), abs=1e-3)
    assert estimate_interval(drawn, groups=5) is None


def test_a_class_of_one_group_leaves_hardly_any() -> None:
    groups = np.arange(40)
    assert count_groups(groups, np.repeat([0, 1], 20)) == pytest.approx(39)
    assert count_groups(groups, (groups < 1).astype(int)) < 3
    # of three classes a small one counts for less
    assert count_groups(groups, np.where(groups < 3, 2, groups % 2)) == pytest.approx(4, abs=1.5)
    # rows of one group are one
    assert count_groups(np.zeros(40, np.int64), np.repeat([0, 1], 20)) < 3
    assert count_groups(np.zeros(0, np.int64), np.zeros(0, np.int64)) == 0


def test_student_quantiles() -> None:
    table = {1: 12.706, 2: 4.303, 3: 3.182, 5: 2.571, 10: 2.228, 30: 2.042, 1000: 1.962}
    assert {freedom: student_95(freedom) for freedom in table} == pytest.approx(table, abs=0.03)
