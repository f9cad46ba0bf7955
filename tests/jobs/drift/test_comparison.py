"""The index is the formula's, sampling error is measured, and chance alone gives no verdict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.jobs.drift.comparison import REPLICATES, compare_groups, effective_size, stability_index

histograms = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=30)


@given(histograms)
def test_the_index_is_a_distance(pairs: list[tuple[int, int]]) -> None:
    encoded, new = np.array(pairs).T
    assert stability_index(encoded, new) >= -1e-12
    assert abs(stability_index(encoded, encoded)) < 1e-12


def test_the_index_of_two_groups_is_that_of_the_formula() -> None:
    encoded, new = np.array([600_000, 400_000]), np.array([300_000, 700_000])
    wanted = (0.3 - 0.6) * np.log(0.3 / 0.6) + (0.7 - 0.4) * np.log(0.7 / 0.4)
    assert stability_index(encoded, new) == pytest.approx(wanted, abs=1e-5)


def draw_sample(seed: int, entities: int, alike: int, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> np.ndarray:
    """(replicates, groups): every entity has `alike` tokens of one group."""
    draw = np.random.default_rng(seed)
    groups = draw.choice(len(shares), entities, p=shares)
    counts = np.zeros((REPLICATES, len(shares)), np.int64)
    np.add.at(counts, (np.arange(entities) % REPLICATES, groups), alike)
    return counts


@pytest.mark.parametrize("alike", [1, 10])
def test_an_entity_whose_tokens_are_alike_counts_as_one(alike: int) -> None:
    sizes = [effective_size(draw_sample(seed, 3200, alike)) for seed in range(40)]
    assert np.median(sizes) == pytest.approx(3200, rel=0.15)


def test_chance_gives_no_verdict_and_a_change_does() -> None:
    labels = ("a", "b", "c")
    alarms = [
        compare_groups(draw_sample(2 * k, 500, 50), draw_sample(2 * k + 1, 500, 50), labels, (500, 500), 1).verdict
        for k in range(300)
    ]
    assert alarms.count("stable") >= 297
    changed = draw_sample(1, 500, 50, (0.2, 0.3, 0.5))
    found = compare_groups(draw_sample(0, 500, 50), changed, labels, (500, 500), 10)
    assert found.verdict == "drifted"
    assert {change.tokens for change in found.changes[:2]} == {"a", "c"}
    assert found.p_value < 1e-6


def test_few_entities_give_no_verdict() -> None:
    found = compare_groups(draw_sample(0, 500, 50), draw_sample(1, 12, 500), ("a", "b", "c"), (500, 12), 1)
    assert found.verdict == "too few"
