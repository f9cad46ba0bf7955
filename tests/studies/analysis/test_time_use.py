from __future__ import annotations

import pytest
from batch_study import rows

from domaintoolkit.studies.analysis.time_use import time_uses


def test_the_least_batch_and_time_are_those_of_the_definition() -> None:
    small, middle, large = time_uses(rows())
    assert (small.least_batch, small.rival, small.least_time) == (4, None, None)
    # at a batch of 1 it is worse than the smaller model (9.1 against 8.8); from 4 on it is better
    assert (middle.least_batch, middle.best_batch, middle.rival) == (4, 4, 8.8)
    # at 30 s it is 0.2 behind, at 60 s 0.6 ahead: a quarter of the way on a logarithmic scale
    assert middle.least_time == pytest.approx(30 * 2**0.25)
    assert not middle.is_at_once
    assert middle.time_interval is None
    assert (large.least_batch, large.rival, large.least_time) == (None, 8.2, None)


def test_seeds_give_the_time_an_interval() -> None:
    middle = time_uses(rows(seeds=3, noise=0.05))[1]
    assert middle.time_interval is not None
    assert middle.least_time is not None
    assert 30 < middle.time_interval[0] < middle.least_time < middle.time_interval[1] < 60


def test_a_model_that_is_ahead_from_the_first_time_on() -> None:
    ahead = [{**row, "bits": row["bits"] - 5} if row["size"] == "410k" else row for row in rows()]
    large = time_uses(ahead)[2]
    assert (large.is_at_once, large.least_time, large.least_batch) == (True, 15, 1)
