from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.next_events.metrics import case_figures, difference_of, mean_of, rank_targets, reliability_of


def cases_of(*targets: list[int]) -> Cases:
    sizes = [len(each) for each in targets]
    flat = np.array([code for each in targets for code in each])
    count = np.arange(len(targets))
    return Cases(count, np.ones(len(targets), np.int64), flat, np.cumsum([0, *sizes]), None)


def test_ranks_count_ties_against_the_target_and_can_leave_out_what_was_seen() -> None:
    scores = np.array([[0.5, 0.3, 0.3, 0.1]] * 4)
    known = Sequences(np.array([0, 0, 2]), np.array([0, 1, 2, 3, 3]), 4)
    ranks, fresh = rank_targets(scores, cases_of([1], [0], [3], [-1]), known)
    assert ranks.tolist() == [3, 1, 4, 0]
    assert fresh.tolist() == [2, 0, 3, 0]  # value 0 was seen: not to be told anew


def test_figures_of_one_value_and_of_a_basket() -> None:
    cases = cases_of([1], [2], [5, 6, 7])
    ranks = np.array([1, 4, 1, 3, 30])
    found = case_figures(cases, ranks, np.zeros(5, np.int64), (2, 10)).figures
    assert found["accuracy"].tolist() == [1, 0, 1]
    assert found["mrr"].tolist() == [1, 0.25, 1]
    assert found["recall@2"].tolist() == [1, 0, pytest.approx(1 / 3)]
    gain = 1 + 1 / np.log2(4)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert found["ndcg@10"].tolist() == [1, pytest.approx(1 / np.log2(5)), pytest.approx(gain / ideal)]
    assert found["ndcg@2"][2] == pytest.approx(1 / (1 + 1 / np.log2(3)))
    assert found["ndcg_whole@2"][2] == pytest.approx(1 / ideal)


def test_a_case_without_a_value_counts_for_nothing() -> None:
    found = case_figures(cases_of([1], [-1]), np.array([1, 0]), np.zeros(2, np.int64), (1,)).figures["accuracy"]
    assert np.isnan(found[1])
    assert mean_of(found, np.arange(2)).value == 1


def test_the_interval_is_over_histories() -> None:
    """A thousand cases of ten histories are no more certain than ten."""
    values = np.repeat([0.0, 1.0], 500)
    few, many = mean_of(values, np.repeat(np.arange(10), 100)), mean_of(values, np.arange(1000))
    assert few.low < 0.2
    assert few.high > 0.8
    assert 0.4 < many.low < many.high < 0.6


def test_calibration_is_the_distance_of_confidence_and_hits() -> None:
    right = np.arange(1000) % 4 == 0
    assert reliability_of(np.full(1000, 0.25), right).error == pytest.approx(0, abs=0.02)
    assert reliability_of(np.full(1000, 0.75), right).error == pytest.approx(0.5, abs=0.02)


def test_a_difference_rests_on_the_histories_that_differ() -> None:
    left, right = np.zeros(40), np.zeros(40)
    # four of forty histories, all on one side: a coin does that once in eight times
    left[:4] = 1
    found = difference_of(left, right, np.arange(40))
    assert (found.value, found.is_certain) == (0.1, False)
    left[:12] = 1
    assert difference_of(left, right, np.arange(40)).is_certain
    assert not mean_of(np.ones(5), np.arange(5)).is_certain
    assert not difference_of(right, right, np.arange(40)).is_certain
