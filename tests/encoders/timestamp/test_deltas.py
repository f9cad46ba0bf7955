from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders.timestamp.deltas import DeltaBuckets, delta_buckets
from domaintoolkit.times.calendar import DAY, HOUR, MINUTE
from domaintoolkit.times.zones import MICROSECOND


@given(st.integers(1, 4096), st.lists(st.integers(0, 4 * 10**17)))
def test_a_delta_lies_in_its_bucket(bins: int, deltas: list[int]) -> None:
    buckets = delta_buckets(bins)
    deltas += [edge + shift for edge in buckets.edges[:: max(1, bins // 50)] for shift in (-1, 0, 1)]
    found = buckets.of(np.array(deltas, np.int64)).tolist()
    assert found == [buckets.of_one(delta) for delta in deltas]
    for delta, bucket in zip(deltas, found, strict=True):
        low, high = buckets.span(bucket)
        assert low <= delta < high
        assert (bucket == 1) == (delta == 0)


@pytest.mark.slow
@given(st.integers(1, 4096))
def test_names_differ_and_edges_rise(bins: int) -> None:
    buckets = delta_buckets(bins)
    assert len(set(buckets.names)) == len(buckets.names) == bins + 3
    assert list(buckets.edges) == sorted(set(buckets.edges))


def test_names_can_be_read() -> None:
    assert delta_buckets(8).names == [
        "none", "0", "<1s", "1s..10s", "10s..2m", "2m..30m", "30m..6h", "6h..3d", "3d..30d", "30d..365d", ">=365d"
    ]  # fmt: skip
    assert delta_buckets(1).names == ["none", "0", "<1s", ">=1s"]
    assert delta_buckets(4096).names[3] == "1s..1.004s"


@pytest.mark.parametrize("edges", [(), (0, 5), (5, 5), (7, 6)])
def test_what_are_no_edges_is_refused(edges: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not the edges"):
        DeltaBuckets(edges)


UNITS = st.sampled_from([DAY, HOUR, MINUTE, MICROSECOND])


@pytest.mark.slow
@given(st.integers(1, 4096), UNITS, st.integers(0, 800 * DAY))
def test_edges_are_whole_units_within_reach(bins: int, unit: int, reach: int) -> None:
    buckets = delta_buckets(bins, unit, reach)
    assert len(buckets.edges) <= bins
    assert len(set(buckets.names)) == len(buckets.names)
    assert buckets.edges[-1] <= (max(reach, unit) if reach >= 2 * unit else 365 * DAY)
    if unit > MICROSECOND:
        assert all(edge % unit == 0 for edge in buckets.edges)


def test_deltas_follow_the_data() -> None:
    days = delta_buckets(32, DAY, 365 * DAY)
    assert days.names[:8] == ["none", "0", "<1d", "1d..2d", "2d..3d", "3d..4d", "4d..5d", "5d..6d"]
    deltas = np.arange(0, 366) * DAY
    assert len(np.unique(days.of(deltas))) == len(days.names) - 2  # all but `none` and less than a day
    assert delta_buckets(8, MICROSECOND, 3 * HOUR + 77).names[-1] == ">=3h"
    assert delta_buckets(32, DAY, 5 * DAY).names == ["none", "0", "<1d", "1d..2d", "2d..3d", "3d..4d", "4d..5d", ">=5d"]
    assert delta_buckets(32, DAY, DAY).edges == delta_buckets(32, DAY).edges
