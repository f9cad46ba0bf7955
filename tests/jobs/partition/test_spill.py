"""Partitioning rows: every row in its bucket, in the order it came, in memory or on disk."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.jobs.partition import dictionary_codes
from domaintoolkit.jobs.partition import spill as spill_module
from domaintoolkit.jobs.partition.budget import Budget
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.row_buckets import RowBuckets
from domaintoolkit.jobs.partition.spill import Spill
from domaintoolkit.streams.keys import hash_keys, shard_of

rows = st.lists(st.tuples(st.integers(0, 20), st.none() | st.sampled_from(["a", "b", "", "longer"])), max_size=60)


@pytest.mark.slow
@given(
    rows,
    st.integers(1, 9),
    st.sampled_from([1, 1 << 32]),
    st.integers(1, 20),
    st.lists(st.booleans(), min_size=60, max_size=60),
    st.sampled_from([1, 1 << 16]),
)
def test_buckets_hold_the_rows_in_their_order(
    made: list[tuple[int, str | None]], buckets: int, limit: int, piece: int, coded: list[bool], most: int
) -> None:
    table = pa.table(
        {
            "user": pa.array([user for user, _ in made], pa.int64()),
            "brand": pa.array([brand for _, brand in made], pa.string()),
            "at": pa.array(np.arange(len(made))),
        }
    )
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill_module, "PIECE", piece)
        patch.setattr(dictionary_codes, "MAX_VALUES", most)
        spill = Spill(Path(name), EntityKeys(["user"]), buckets, Budget(limit, 1))
        with closing(spill):
            spill.add(table.slice(0, 0))
            for start in range(0, len(made), 3):
                part = table.slice(start, 3)
                if coded[start]:
                    part = part.set_column(1, "brand", part["brand"].dictionary_encode())
                spill.add(part)
            found = spill.finish()
        for each in (found, RowBuckets.open(Path(name), found.sizes)) if found.sizes else (found,):
            assert each is not None
            check(each, table, buckets)


def check(found: RowBuckets, table: pa.Table, buckets: int) -> None:
    numbers = shard_of(hash_keys(table.select(["user"])), buckets)
    assert found.rows.tolist() == np.bincount(numbers, minlength=buckets).tolist()
    assert found.empty().column_names == table.column_names
    half = buckets // 2
    for whole, shift, low, high in (
        (found, 0, 0, half),
        (found, 0, half, buckets),
        (found.load(half, buckets), half, half, buckets),
    ):
        part = whole.read(low - shift, high - shift)
        wanted = table.filter(pa.array((numbers >= low) & (numbers < high)))
        assert ([] if part is None else sorted(part.to_pylist(), key=lambda row: row["at"])) == wanted.to_pylist()
        if part is not None:
            for bucket in range(low, high):
                at = part["at"].to_numpy()[shard_of(hash_keys(part.select(["user"])), buckets) == bucket]
                assert np.all(np.diff(at) > 0)


def test_pieces_of_another_size_are_not_opened(tmp_path: Path) -> None:
    spill = Spill(tmp_path, EntityKeys(["user"]), 4, Budget(1, 1))
    with closing(spill):
        spill.add(pa.table({"user": np.arange(50)}))
        sizes = spill.finish().sizes
    assert RowBuckets.open(tmp_path, sizes) is not None
    assert RowBuckets.open(tmp_path, [sizes[0] + 1]) is None
    assert RowBuckets.open(tmp_path, []) is None


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5), st.lists(st.integers(0, 9), max_size=20), st.integers(0, 4)
)
def test_codes_are_looked_up_whatever_stands_in_the_place_of_a_null(
    numbers: list[int], places: list[int], start: int
) -> None:
    table = np.array(numbers, np.int32)
    missing = np.array([place >= len(numbers) for place in places], bool)
    indices = pa.array(np.array(places, np.int32), mask=missing).slice(start)
    assert dictionary_codes._look_up(table, indices).to_pylist() == pa.array(table).take(indices).to_pylist()
