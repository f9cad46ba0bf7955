from __future__ import annotations

import numpy as np

from domaintoolkit.clusters.traffic_rules import BY_TIME
from domaintoolkit.next_events.folder_histories import FolderHistories
from domaintoolkit.next_events.next_times import gaps_of
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
