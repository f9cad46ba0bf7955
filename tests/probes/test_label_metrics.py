"""Metrics agree with scikit-learn, for every weighting at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.probes.label_metrics import METRICS, measure

metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 60), st.integers(1, 20))
def test_binary_metrics_are_those_of_scikit_learn(seed: int, rows: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    target = np.concatenate([[0.0, 1.0], random.integers(0, 2, rows - 2)])
    score = random.integers(0, levels + 1, rows) / (levels + 1)
    weights = np.stack([np.ones(rows), 1 + random.integers(0, 3, rows)])
    found = measure("binary", target, score, weights, 0.5, 0.2)
    assert set(found) == set(METRICS["binary"])
    for i, own in enumerate(weights):
        assert found["AUROC"][i] == pytest.approx(metrics.roc_auc_score(target, score, sample_weight=own))
        expected = metrics.average_precision_score(target, score, sample_weight=own)
        assert found["average precision"][i] == pytest.approx(expected)
        misses, hits, _ = metrics.roc_curve(target, score, sample_weight=own, drop_intermediate=False)
        assert found["recall at FPR"][i] == pytest.approx(np.interp(0.2, misses, hits), abs=1e-9)
        expected = metrics.log_loss(target, np.clip(score, 1e-7, 1 - 1e-7), sample_weight=own)
        assert found["log loss"][i] == pytest.approx(expected, rel=1e-4)


def test_precision_and_recall_at_k() -> None:
    target = np.array([1.0, 0, 1, 0, 0, 0, 0, 0, 0, 1])
    found = measure("binary", target, np.arange(10, 0, -1) / 10, np.ones((1, 10)), 0.3, 0.1)
    assert found["precision at k"][0] == pytest.approx(2 / 3)
    assert found["recall at k"][0] == pytest.approx(2 / 3)
    constant = measure("binary", target, np.full(10, 0.3), np.ones((1, 10)), 0.3, 0.1)
    assert constant["AUROC"][0] == 0.5
    assert constant["precision at k"][0] == pytest.approx(0.3)


def test_metrics_of_classes_and_numbers_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    target = np.concatenate([np.arange(3), random.integers(0, 3, 37)]).astype(float)
    odds = random.random((40, 3))
    shares = odds / odds.sum(1, keepdims=True)
    weights = np.stack([np.ones(40), 1 + random.integers(0, 3, 40)])
    found = measure("multiclass", target, shares, weights, 0.1, 0.1)
    for i, own in enumerate(weights):
        each = [metrics.roc_auc_score(target == one, shares[:, one], sample_weight=own) for one in range(3)]
        assert found["macro AUROC"][i] == pytest.approx(np.mean(each))
        assert found["accuracy"][i] == pytest.approx(
            metrics.accuracy_score(target, shares.argmax(1), sample_weight=own)
        )
        assert found["log loss"][i] == pytest.approx(metrics.log_loss(target, shares, sample_weight=own))
    guess = random.normal(size=40)
    numbers = measure("regression", target, guess, weights, 0.1, 0.1)
    for i, own in enumerate(weights):
        assert numbers["MAE"][i] == pytest.approx(metrics.mean_absolute_error(target, guess, sample_weight=own))
        assert numbers["RMSE"][i] == pytest.approx(metrics.root_mean_squared_error(target, guess, sample_weight=own))
        assert numbers["R2"][i] == pytest.approx(metrics.r2_score(target, guess, sample_weight=own))
    missing = measure("multiclass", np.zeros(3), shares[:3], np.ones((1, 3)), 0.1, 0.1)
    assert np.isnan(missing["macro AUROC"][0])
