from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from domaintoolkit.evaluate.class_ranking import area_under_curve, average_precision


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
