from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders.timestamp.deltas import DeltaBuckets, delta_buckets


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
