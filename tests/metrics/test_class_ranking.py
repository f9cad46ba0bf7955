from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from domaintoolkit.metrics import RankedClass, area_under_curve, average_precision


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_areas_are_those_of_scikit_learn(drawn: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([float(each) for each, _ in drawn]), np.array([each for _, each in drawn])
    if positive.all() or not positive.any():
        assert np.isnan(area_under_curve(scores, positive))
        return
    assert area_under_curve(scores, positive) == pytest.approx(roc_auc_score(positive, scores))
    assert average_precision(scores, positive) == pytest.approx(average_precision_score(positive, scores))


def test_the_area_counts_pairs_and_halves_ties() -> None:
    rng = np.random.default_rng(0)
    scores, flags = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.4
    pairs = scores[flags][:, None] - scores[~flags]
    assert area_under_curve(scores, flags) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert np.isnan(area_under_curve(scores, np.ones(60, bool)))


def test_a_weight_counts_a_row_so_often() -> None:
    rng = np.random.default_rng(0)
    scores, flags, weights = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.4, rng.integers(0, 4, (3, 60))
    ranked = RankedClass.of(scores, flags, weights)
    for row, each in enumerate(weights):
        of = np.repeat(np.arange(60), each)
        assert ranked.area[row] == pytest.approx(area_under_curve(scores[of], flags[of]))
        assert ranked.precision[row] == pytest.approx(average_precision(scores[of], flags[of]))


def test_no_rows_have_no_area() -> None:
    assert np.isnan(area_under_curve(np.zeros(0), np.zeros(0, bool)))
    assert np.isnan(average_precision(np.zeros(0), np.zeros(0, bool)))
