from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.studies.analysis.laws import fit_law, leave_largest_out

SIZES = [14e3, 60e3, 170e3, 420e3, 940e3, 3e6]


def losses(noise: float = 0.0, seeds: int = 1) -> list[list[float]]:
    rng = np.random.default_rng(0)
    return [[20.0 + 90.0 * size**-0.3 + noise * rng.normal() for _ in range(seeds)] for size in SIZES]


def test_a_law_is_found_again() -> None:
    law = fit_law(SIZES, losses())
    assert law.exponent == pytest.approx(0.3, rel=0.02)
    assert law.floor == pytest.approx(20, rel=0.002)
    assert max(map(abs, law.residuals)) < 0.005
    assert law.exponent_interval is None
    assert "x^-0.3" in law.formula


@pytest.mark.slow
def test_the_interval_holds_the_truth_and_the_largest_is_foretold() -> None:
    law = fit_law(SIZES, losses(0.05, 4), draws=60)
    assert law.exponent_interval is not None
    assert law.exponent_interval[0] - 0.005 < 0.3 < law.exponent_interval[1] + 0.005
    assert 0.002 < law.exponent_interval[1] - law.exponent_interval[0] < 0.1
    found = leave_largest_out(SIZES, losses(0.02, 4))
    assert found is not None
    _, foretold, measured = found
    assert foretold == pytest.approx(measured, rel=0.01)


def test_too_few_points_fit_nothing() -> None:
    with pytest.raises(ValueError, match="at least three points, got 2"):
        fit_law([1.0, 2.0], [[1.0], [2.0]])
    assert leave_largest_out(SIZES[:3], losses()[:3]) is None
