from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.train.recipe import Recipe
from domaintoolkit.train.schedule import learning_rate, peak_rate


@given(warmup=st.integers(0, 50), more=st.integers(2, 200), floor=st.floats(0, 1))
def test_the_cosine_rises_to_the_peak_and_falls_to_the_floor(warmup: int, more: int, floor: float) -> None:
    steps = warmup + more
    recipe = Recipe(warmup=warmup, floor=floor, steps=steps, learning_rate=1.0)
    rates = [learning_rate(recipe, step, steps) for step in range(steps)]
    assert rates[: warmup + 1] == sorted(set(rates[: warmup + 1]))
    assert rates[warmup] == 1.0
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
    assert rates[-1] == pytest.approx(floor)
    assert learning_rate(recipe, steps + 5, steps) == pytest.approx(floor)


@given(step=st.integers(20, 10_000))
def test_constant_and_restarts(step: int) -> None:
    constant = Recipe(schedule="constant", warmup=20, learning_rate=0.5)
    assert learning_rate(constant, step, 10_000) == 0.5
    restarts = Recipe(schedule="restarts", warmup=20, restart_every=100, learning_rate=0.5)
    later = step - step % 100 + 100
    assert learning_rate(restarts, step + 100, 20_000) == learning_rate(restarts, step + 200, 20_000)
    cycle = [learning_rate(restarts, each, 20_000) for each in range(later, later + 100)]
    assert cycle == sorted(cycle, reverse=True)
    assert (cycle[0], cycle[-1]) == (0.5, pytest.approx(0.005))


def test_the_peak_grows_with_the_batch_on_request() -> None:
    sizes = {"block": 256, "batch": 64, "accumulation": 4}
    assert peak_rate(Recipe(learning_rate=1.0, **sizes)) == 1.0
    sizes["scaling_positions"] = 16_384
    assert peak_rate(Recipe(learning_rate=1.0, scaling="linear", **sizes)) == 4.0
    assert peak_rate(Recipe(learning_rate=1.0, scaling="sqrt", **sizes), devices=4) == 4.0
