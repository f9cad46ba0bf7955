"""Key hashes: the written rule in plain Python against the vectorised code, and its invariances."""

from __future__ import annotations

import math
import struct
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.streams.keys import hash_keys, shard_of, split_of

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
SPLIT_VECTOR = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]
SHARD_VECTOR = [2, 9, 6, 1, 2, 9, 6, 13, 11, 14, 6, 4, 4, 7, 14, 15, 3, 8, 8, 4]


def mix(x: int) -> int:
    x = x + GOLDEN & MASK
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & MASK
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def hash_value(value: object) -> int:
    match value:
        case None:
            tag, number = 0, 0
        case bool():
            tag, number = 3, int(value)
        case int():
            tag, number = (2 if value >= 1 << 63 else 1), value
        case float():
            value = 0.0 if value == 0 else value
            bits = 0x7FF8000000000000 if math.isnan(value) else struct.unpack("<Q", struct.pack("<d", value))[0]
            tag, number = 8, bits
        case datetime():
            tag, number = 5, (value - datetime(1970, 1, 1)) // timedelta(microseconds=1)
        case date():
            tag, number = 4, (value - date(1970, 1, 1)).days
        case timedelta():
            tag, number = 7, value // timedelta(microseconds=1)
        case str() | bytes() | Decimal():
            data = value if isinstance(value, bytes) else str(value).encode()
            number = mix(len(data))
            for start in range(0, len(data), 8):
                word = int.from_bytes(data[start : start + 8], "little")
                number = mix(number ^ word)
            tag = 9
    return mix((number & MASK) + tag * GOLDEN & MASK)


def hash_row(values: tuple[object, ...]) -> int:
    total = GOLDEN
    for value in values:
        total = mix(total * 3 + hash_value(value) & MASK)
    return total


COLUMNS = st.one_of(
    st.tuples(st.just(pa.int64()), st.lists(st.none() | st.integers(-(1 << 63), (1 << 63) - 1))),
    st.tuples(st.just(pa.uint64()), st.lists(st.none() | st.integers(0, (1 << 64) - 1))),
    st.tuples(st.just(pa.string()), st.lists(st.none() | st.text())),
    st.tuples(st.just(pa.binary()), st.lists(st.none() | st.binary())),
    st.tuples(st.just(pa.bool_()), st.lists(st.none() | st.booleans())),
    st.tuples(st.just(pa.float64()), st.lists(st.none() | st.floats())),
    st.tuples(st.just(pa.date32()), st.lists(st.none() | st.dates())),
    st.tuples(st.just(pa.timestamp("us")), st.lists(st.none() | st.datetimes())),
    st.tuples(st.just(pa.duration("us")), st.lists(st.none() | st.timedeltas(timedelta(-9999), timedelta(9999)))),
)


@given(COLUMNS)
def test_one_column_follows_the_written_rule(column: tuple[pa.DataType, list[object]]) -> None:
    kind, values = column
    hashes = hash_keys(pa.table({"key": pa.array(values, kind)}))
    assert hashes.tolist() == [hash_row((value,)) for value in values]


@given(st.lists(st.tuples(st.text(), st.integers(-9, 9), st.booleans())))
def test_several_columns_follow_the_written_rule(rows: list[tuple[str, int, bool]]) -> None:
    table = pa.table(
        {
            "a": pa.array([row[0] for row in rows], pa.string()),
            "b": pa.array([row[1] for row in rows], pa.int8()),
            "c": pa.array([row[2] for row in rows], pa.bool_()),
        }
    )
    assert hash_keys(table).tolist() == [hash_row(row) for row in rows]


@pytest.mark.slow
@given(st.lists(st.none() | st.integers(0, 127)))
def test_integer_widths_hash_alike(values: list[int | None]) -> None:
    widths = [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()]
    hashes = [hash_keys(pa.table({"key": pa.array(values, width)})).tolist() for width in widths]
    assert all(each == hashes[0] for each in hashes)


@given(st.lists(st.none() | st.text(max_size=20)), st.integers(0, 5), st.integers(1, 4))
def test_string_layouts_slices_and_chunks_hash_alike(values: list[str | None], start: int, size: int) -> None:
    plain = pa.array(values, pa.string())
    wanted = hash_keys(pa.table({"key": plain})).tolist()
    layouts = [plain.cast(pa.large_string()), plain.cast(pa.string_view()), plain.dictionary_encode()]
    for layout in layouts:
        assert hash_keys(pa.table({"key": layout})).tolist() == wanted
        assert hash_keys(pa.table({"key": layout}).slice(start)).tolist() == wanted[start:]
    chunked = pa.chunked_array([plain.slice(at, size) for at in range(0, len(plain), size)], pa.string())
    assert hash_keys(pa.table({"key": chunked})).tolist() == wanted


def test_fixed_vectors() -> None:
    """These may never change: shards and splits on disk depend on them."""
    strings = pa.array(["", "a", "abcdefgh", "abcdefghi", None])
    assert hash_keys(pa.table({"u": strings})).tolist() == [
        8067357822307821769, 12829490083688003254, 1868671960257455242, 2641851447928806621, 12108695660851890438,
    ]  # fmt: skip
    integers = pa.array([0, 1, -1, 2**63 - 1, None])
    assert hash_keys(pa.table({"u": integers})).tolist() == [
        2783826841716477746, 10397244254371068502, 3852801377098753215, 17352289038553089830, 12108695660851890438,
    ]  # fmt: skip
    keys = hash_keys(pa.table({"u": np.arange(20)}))
    assert split_of(keys).tolist() == SPLIT_VECTOR
    assert shard_of(keys, 16).tolist() == SHARD_VECTOR


def test_nanoseconds_and_seconds_hash_as_microseconds() -> None:
    seconds = pa.array([-1, 0, 1, None], pa.timestamp("s"))
    wanted = hash_keys(pa.table({"t": seconds})).tolist()
    for kind in (pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns", "UTC")):
        assert hash_keys(pa.table({"t": seconds.cast(kind)})).tolist() == wanted
    floored = hash_row((datetime(1969, 12, 31, 23, 59, 59, 999999),))
    assert hash_keys(pa.table({"t": pa.array([-1], pa.timestamp("ns"))})) == floored


def test_floats_hash_by_value() -> None:
    keys = pa.array([0.0, -0.0, math.nan, -math.nan])
    first, second, third, fourth = hash_keys(pa.table({"x": keys})).tolist()
    assert first == second
    assert third == fourth
    assert hash_keys(pa.table({"x": pa.array([1.5], pa.float32())})) == hash_row((1.5,))


def test_decimals_hash_as_their_text() -> None:
    keys = pa.array([Decimal("1.50"), Decimal("-2.25")])
    assert hash_keys(pa.table({"x": keys})).tolist() == [hash_row((Decimal("1.50"),)), hash_row((Decimal("-2.25"),))]


def test_a_type_that_cannot_be_a_key_is_refused() -> None:
    with pytest.raises(DataError, match="'tags': values of type list<item: string> cannot be entity keys"):
        hash_keys(pa.table({"tags": [["a"]]}))


def test_split_shares_and_independence_of_the_shard() -> None:
    hashes = hash_keys(pa.table({"u": np.arange(200_000)}))
    splits, shards = split_of(hashes), shard_of(hashes, 8)
    for shard in range(8):
        shares = np.bincount(splits[shards == shard], minlength=3) / np.count_nonzero(shards == shard)
        assert np.allclose(shares, [0.8, 0.1, 0.1], atol=0.01)


@given(st.lists(st.integers(0, MASK), min_size=1), st.integers(1, 1000))
def test_shards_are_ranges_of_the_hash(values: list[int], shards: int) -> None:
    hashes = np.sort(np.array(values, np.uint64))
    numbers = shard_of(hashes, shards)
    assert np.all(np.diff(numbers) >= 0)
    assert numbers.min() >= 0
    assert numbers.max() < shards
