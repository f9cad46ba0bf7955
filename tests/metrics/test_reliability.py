from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.metrics import Reliability


def test_bins_without_cases_are_left_out() -> None:
    found = Reliability.of_sums([4, 0, 1], [1.0, 0.0, 0.9], [2, 0, 1])
    assert found == Reliability((0.25, 0.9), (0.5, 1.0), (4, 1))
    assert found.error == pytest.approx((4 * 0.25 + 0.1) / 5)


def test_without_cases_there_is_no_error() -> None:
    found = Reliability.of_sums(*np.zeros((3, 10)))
    assert found == Reliability((), (), ())
    assert found.error == 0
