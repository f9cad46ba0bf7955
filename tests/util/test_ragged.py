"""Sequences held flat: ranges of them cover all and keep the limit."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.util.ragged import cut_ranges, group_by_length, offsets_of, run_offsets, split_groups


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(1, 100))
def test_ranges_cover_all_sequences_and_keep_the_limit(lengths: list[int], limit: int) -> None:
    ranges = cut_ranges(offsets_of(np.array(lengths)), limit)
    assert [low for low, _ in ranges] == [0, *(high for _, high in ranges[:-1])]
    assert ranges[-1][1] == len(lengths)
    assert all(sum(lengths[low:high]) <= limit or np.count_nonzero(lengths[low:high]) == 1 for low, high in ranges)
    # no range could take the next sequence too
    assert all(sum(lengths[low : high + 1]) > limit for low, high in ranges[:-1])


def test_no_sequences_have_no_ranges() -> None:
    assert cut_ranges(np.zeros(1, np.int64), 5) == []


def test_sequences_of_similar_length_go_together_as_far_as_they_fit() -> None:
    groups = [group.tolist() for group in group_by_length(np.array([3, 9, 1, 3, 2]), 6)]
    assert groups == [[2, 4], [0, 3], [1]]
    assert list(group_by_length(np.array([], np.int64), 6)) == []


@given(st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([0.0, 1.5, np.inf]))))
def test_runs_are_those_of_equal_neighbours(rows: list[tuple[int, float]]) -> None:
    first, second = np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows])
    for columns, values in (((first,), [row[0] for row in rows]), ((first, second), rows)):
        runs = [len(list(run)) for _, run in groupby(values)]
        assert np.diff(run_offsets(*columns)).tolist() == runs
        assert run_offsets(*columns)[0] == 0


@given(st.lists(st.integers(-3, 3)))
def test_groups_have_the_places_of_their_number(numbers: list[int]) -> None:
    found = [group.tolist() for group in split_groups(np.array(numbers, np.int64))]
    assert found == [[at for at, number in enumerate(numbers) if number == one] for one in sorted(set(numbers))]
