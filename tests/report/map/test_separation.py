from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.report.map.separation import probe_auroc, silhouette


def test_a_probe_finds_what_is_linear_and_nothing_in_noise() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(400, 8))
    assert probe_auroc(values, values[:, 2] + 0.5 * rng.normal(size=400) > 0) > 0.9
    assert abs(probe_auroc(values, rng.random(400) < 0.5) - 0.5) < 0.1
    assert np.isnan(probe_auroc(values, np.arange(400) < 9))


def test_the_silhouette_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 3, 90)
    values = rng.normal(size=(90, 5)) + groups[:, None]
    scaled = (values - values.mean(0)) / values.std(0)
    assert silhouette(values, groups) == pytest.approx(metrics.silhouette_score(scaled, groups))
    assert np.isnan(silhouette(values, np.zeros(90, int)))
