from __future__ import annotations

import math

import pytest

from domaintoolkit.studies.analysis.data_use import data_gain, data_need

SMALL = {100.0: [10.0, 10.1], 1000.0: [9.0, 9.1], 10_000.0: [8.0, 8.1]}


def test_the_share_is_read_off_between_points() -> None:
    large = {100.0: [9.55, 9.55], 1000.0: [8.05, 8.05], 10_000.0: [7.05, 7.05]}
    need = data_need(SMALL, large)
    assert need.share == pytest.approx(0.1)
    assert need.interval is not None
    assert need.interval[0] < 0.1 < need.interval[1] < 0.2
    at_once = data_need(SMALL, {100.0: [7.0], 1000.0: [6.0]})
    assert (at_once.share, at_once.is_least) == (0.01, True)
    assert math.isinf(data_need(SMALL, {100.0: [12.0], 10_000.0: [11.0]}).share)
    assert data_need({10.0: [2.0]}, {5.0: [3.0], 10.0: [1.0]}).interval is None


def test_the_gain_of_data_is_compared_over_the_same_data() -> None:
    large = {1000.0: [8.0, 8.1], 10_000.0: [7.5, 7.6]}
    gain = data_gain(SMALL, large)
    assert gain is not None
    expected = [math.log(values[0] * values[1]) / 2 for values in ([9.0, 9.1], [8.0, 8.1], [8.0, 8.1], [7.5, 7.6])]
    assert gain.gap == pytest.approx(expected[0] - expected[1] - expected[2] + expected[3])
    assert gain.interval is not None
    assert data_gain(SMALL, {200.0: [1.0], 10_000.0: [1.0]}) is None
