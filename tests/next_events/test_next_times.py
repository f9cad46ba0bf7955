from __future__ import annotations

from dataclasses import replace

import numpy as np

from domaintoolkit.clusters.traffic_rules import BY_TIME
from domaintoolkit.generate import ValueTokens
from domaintoolkit.next_events.cases import Cases, find_cases
from domaintoolkit.next_events.context import known_values
from domaintoolkit.next_events.folder_histories import FieldValues, FolderHistories
from domaintoolkit.next_events.next_times import gap_rules, gaps_of, true_gaps
from domaintoolkit.times.zones import NO_TIME

SECOND = 1_000_000


def histories(times: list[int]) -> FolderHistories:
    """One history of events at these times."""
    count = len(times)
    return FolderHistories(
        ids=np.zeros(count, np.int64),
        offsets=np.array([0, count]),
        event_starts=np.arange(count),
        events=np.array([0, count]),
        opens=np.zeros(count, np.bool_),
        times=np.array(times, np.int64),
        splits=np.zeros(1, np.uint8),
    )


def test_an_event_without_a_time_is_not_ages_away_from_the_next() -> None:
    timed = [5 * SECOND, 7 * SECOND, 11 * SECOND, 11 * SECOND]
    gaps = gaps_of(histories([NO_TIME, NO_TIME, *timed]))
    assert np.array_equal(gaps, [np.nan, np.nan, np.nan, 2e6, 4e6, 0], equal_nan=True)
    for rule in ("steady", "fast", "sleepless"):
        found = BY_TIME[rule](histories([NO_TIME, NO_TIME, *timed]))
        assert np.array_equal(found, BY_TIME[rule](histories(timed))), rule


def test_the_time_to_a_session_is_told_by_the_gaps_before_sessions() -> None:
    # three baskets of three articles a second apart, 100 s and 120 s after the one before; the last one is to come
    times = [0, 1, 2, 102, 103, 104, 224, 225, 226]
    made = replace(histories([time * SECOND for time in times]), opens=np.isin(np.arange(9), [3, 6]))
    values = FieldValues(np.zeros(9, np.int64), ValueTokens(np.zeros(1, np.int64), np.array([0, 1])), 0, 1, ["a"])
    cases = Cases(np.zeros(1, np.int64), np.array([6]), np.zeros(1, np.int64), np.array([0, 1]), True)
    learned = np.arange(9) < 6
    told = gap_rules(made, values, cases, known_values(made, values, cases), learned)
    assert {name: found.tolist() for name, found in told.items()} == {
        "median gap": [100 * SECOND],
        "last gap": [100 * SECOND],
        "median after the last value": [100 * SECOND],
    }
    assert true_gaps(made, cases).tolist() == [120 * SECOND]
    # of the next event it is the last gap of all
    single = gap_rules(made, values, replace(cases, session=None), known_values(made, values, cases), learned)
    assert single["last gap"].tolist() == [SECOND]


def test_a_date_without_a_zone_is_in_that_of_the_schema() -> None:
    hour = 3600 * SECOND
    # in January 2024 midnight in Berlin is 23:00 in UTC
    midnight = 1_704_067_200 * SECOND
    made = histories([midnight - 5 * hour, midnight - 1 * hour, midnight])
    values = FieldValues(np.zeros(3, np.int64), ValueTokens(np.zeros(1, np.int64), np.array([0, 1])), 0, 1, ["a"])
    chosen = np.ones(1, bool)
    assert find_cases(made, values, "2024-01-01", chosen, "Europe/Berlin").cuts.tolist() == [1, 2]
    assert find_cases(made, values, "2024-01-01", chosen).cuts.tolist() == [2]
    assert find_cases(made, values, "2024-01-01T00:00:00Z", chosen, "Europe/Berlin").cuts.tolist() == [2]
