from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domaintoolkit.studies.analysis.size_choice import fit_joint_law

FLOOR, A, ALPHA, B, BETA = 12.0, 2000.0, 0.5, 900.0, 0.4


def loss(parameters: float, events: float) -> float:
    return float(FLOOR + A * parameters**-ALPHA + B * events**-BETA)


def rows(noise: float = 0.0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    return [
        {"inner_parameters": size, "seed": seed, "steps": 400, "events_seen": 200_000, "seconds_a_step": size * 1e-6,
         "validation": [[step, loss(size, 500 * step) * (1 + noise * rng.normal())] for step in range(40, 401, 40)]}
        for size in (1e4, 5e4, 2e5, 1e6) for seed in range(3)
    ]  # fmt: skip


@pytest.mark.slow
def test_the_law_and_its_optimum_are_found_again() -> None:
    law = fit_joint_law(rows(noise=1e-4))
    assert law.coefficients[0] == pytest.approx(FLOOR, rel=0.02)
    assert law.exponent == pytest.approx(BETA / (ALPHA + BETA), abs=0.05)
    assert law.exponent_interval is not None
    flops = 6 * 5e4 * 1e5
    best = (ALPHA * A / (BETA * B)) ** (1 / (ALPHA + BETA)) * (flops / 6) ** (BETA / (ALPHA + BETA))
    chosen = law.choose_for_compute(flops)
    assert chosen.parameters == pytest.approx(best, rel=0.15)
    assert chosen.loss == pytest.approx(loss(best, flops / 6 / best), rel=0.01)
    assert chosen.loss_interval is not None
    assert not chosen.is_beyond
    assert law.choose_for_compute(1000 * flops).is_beyond


def test_a_time_is_spent_at_the_measured_rates() -> None:
    law = fit_joint_law(rows())
    # a step is 500 events and takes `size * 1e-6` seconds, so a second is worth 3e9 FLOPs at every size
    timed, computed = law.choose_for_time(100.0), law.choose_for_compute(100 * 6 * 500e6)
    assert timed.parameters == pytest.approx(computed.parameters, rel=0.02)
    assert timed.loss == pytest.approx(computed.loss, rel=1e-3)


def test_too_few_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="three sizes, got 2"):
        fit_joint_law([row for row in rows() if row["inner_parameters"] < 1e5])
