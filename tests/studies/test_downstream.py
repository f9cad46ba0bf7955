from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.studies.downstream import invalidation_rate


def test_robots_in_clusters_of_their_own_are_flagged() -> None:
    rng = np.random.default_rng(0)
    robots = np.arange(300) < 100
    vectors = rng.normal(size=(300, 4)) + 20.0 * robots[:, None]
    conversions = (~robots & (rng.random(300) < 0.5)).astype(np.int64)
    events = np.where(robots, 10, 1)
    assert invalidation_rate(vectors, events, conversions) == pytest.approx(1000 / 1200, abs=0.05)
    assert np.isnan(invalidation_rate(vectors, events, np.zeros(300, np.int64)))
