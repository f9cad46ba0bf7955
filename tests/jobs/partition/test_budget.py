"""Budgets: sizes are read, and shards grow with the rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import SchemaError
from domaintoolkit.jobs.partition.budget import Budget, bucket_count, parse_bytes, shard_count


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2 * 10**9), ("1.5 GiB", 3 << 29), ("500m", 5 * 10**8), (4096, 4096), ("7B", 7)]
)
def test_sizes(text: str | int, size: int) -> None:
    assert parse_bytes(text) == size


def test_shards_hold_at_most_a_million_rows() -> None:
    assert [shard_count(rows) for rows in (0, 1, 1 << 18, (1 << 18) + 1, 1 << 20, 1 << 22)] == [1, 1, 1, 2, 4, 4]
    assert [shard_count(rows) for rows in ((1 << 22) + 1, 10_000_000, 10**12)] == [8, 16, 1024]


@given(st.integers(1, 1 << 16))
def test_a_shard_is_a_whole_number_of_buckets(shards: int) -> None:
    assert bucket_count(shards) % shards == 0


@pytest.mark.parametrize("shards", [0, -1, (1 << 16) + 1])
def test_numbers_of_shards_that_make_no_sense(shards: int) -> None:
    with pytest.raises(SchemaError, match="expected 1 to 65,536"):
        bucket_count(shards)


def test_units_are_never_empty() -> None:
    assert Budget(1, 8).unit_rows == 1
