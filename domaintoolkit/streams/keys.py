"""The canonical 64-bit hash of an entity's key, and the shard and split that follow from it.

The rule, fixed for ever, in arithmetic modulo 2**64: `mix` is that of `util.hashing` (SplitMix64's next number),
G is 0x9E3779B97F4A7C15. A value hashes to mix(number + tag * G), where the tag and the number are

- 1: integers of any width: the number itself; 2: those of 2**63 and more, less 2**64
- 3: booleans: 0 or 1; 4: dates: days since 1970; 5: timestamps: whole microseconds since 1970 (floored)
- 6: times of day and 7: durations: microseconds (floored)
- 8: floats: the bits of the float64, with -0.0 as 0.0 and every NaN as 0x7FF8000000000000
- 9: text, bytes, and decimals as their plain text: `hash_text` of `util.hashing`
- 0: null: 0

A key of columns c1, c2, ... hashes to k, which starts as G and becomes mix(k * 3 + hash(c)) column by column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.util.arrow import find_width
from domaintoolkit.util.hashing import hash_text, mix

__all__ = ["SPLITS", "hash_keys", "hash_values", "session_keys", "shard_of", "split_of"]

SPLITS = ("train", "validation", "test")

Hashes = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_SPLIT_SALT = np.uint64(0x5350_4C49_5453_3031)
_NAN_BITS = np.uint64(0x7FF8_0000_0000_0000)
_BLOCK = 1 << 15
"""Rows that are hashed at a time, so that they stay in the cache."""


def hash_keys(keys: pa.Table | pa.RecordBatch) -> Hashes:
    """The hash of each row's key, whose columns are those of `keys` in their order.

    Equal keys hash equally whatever the integer width, string layout, dictionary or chunks they come in.
    Raises `DataError` for a column of a type that cannot be a key.
    """
    total = np.full(keys.num_rows, _GOLDEN, np.uint64)
    for name, column in zip(keys.schema.names, keys.columns, strict=True):
        start = 0
        for piece in _pieces(column):
            part = total[start : start + len(piece)]
            part[:] = mix(part * np.uint64(3) + _hash_column(piece, name))
            start += len(piece)
    return total


def hash_values(values: pa.Array) -> NDArray[np.int64]:
    """The key hash of each static value, as the signed number that shards keep."""
    return hash_keys(pa.table({"value": values})).view(np.int64)


def session_keys(sessions: pa.Array) -> NDArray[np.int64]:
    """The numbers that identify and order sessions; shards keep them.

    Whole numbers are their own keys, as signed 64-bit integers; other sessions, and null, have a hash of their name.
    """
    kind = sessions.type.value_type if pa.types.is_dictionary(sessions.type) else sessions.type
    if not pa.types.is_integer(kind):
        return hash_values(sessions)
    numbers = sessions.cast(kind)
    keys: NDArray[np.int64] = np.asarray(pc.fill_null(numbers, 0)).astype(np.int64)
    if numbers.null_count:
        # null has a hash also among whole numbers, as none of these may stand for it
        keys[np.asarray(numbers.is_null())] = hash_values(pa.nulls(1))[0]
    return keys


def _pieces(column: pa.Array | pa.ChunkedArray) -> Iterator[pa.Array]:
    """The chunks of a column, those of numbers in pieces that stay in the cache: 3 times faster than whole."""
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        if pa.types.is_dictionary(chunk.type) or _is_bytes(chunk.type) or pa.types.is_decimal(chunk.type):
            yield chunk
        else:
            yield from (chunk.slice(start, _BLOCK) for start in range(0, len(chunk), _BLOCK))


def split_of(hashes: Hashes) -> NDArray[np.uint8]:
    """0 (train), 1 (validation) or 2 (test) for each key hash: 80, 10 and 10% of all keys."""
    splits = np.empty(len(hashes), np.uint8)
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK]
        # 0 to 9: the upper 32 bits as a fraction of 2**32, times ten. 0 to 7 are for training, 8 and 9 for the others.
        # The salt makes the split independent of the shard, which the same hash decides.
        tenth = (mix(block ^ _SPLIT_SALT) >> np.uint64(32)) * np.uint64(10) >> np.uint64(32)
        splits[start : start + _BLOCK] = np.maximum(tenth, np.uint64(7)) - np.uint64(7)
    return splits


def shard_of(hashes: Hashes, shards: int) -> NDArray[np.int64]:
    """The number of the range that each hash lies in, of `shards` (below 2**32) equal ranges of all hashes."""
    # 32 bits times less than 2**32 fit into 64
    return (((hashes >> np.uint64(32)) * np.uint64(shards)) >> np.uint64(32)).astype(np.int64)


def _hash_column(values: pa.Array, name: str) -> Hashes:
    kind = values.type
    if pa.types.is_dictionary(kind):
        if values.null_count:
            return _hash_nulls(values, lambda rest: _hash_column(rest, name))
        return _look_up(_hash_distinct(values.dictionary, name), values.indices)
    if pa.types.is_null(kind):
        return _tag(np.zeros(len(values), np.uint64), 0)
    if _is_bytes(kind) or pa.types.is_decimal(kind):
        values = _plain_bytes(values)
    if values.null_count:
        return _hash_nulls(values, lambda rest: _hash_column(rest, name))
    if _is_bytes(values.type):
        return _hash_bytes(values)
    return _hash_numbers(values, name)


def _hash_nulls(values: pa.Array, hash_rest: Callable[[pa.Array], Hashes]) -> Hashes:
    result = _tag(np.zeros(len(values), np.uint64), 0)
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    result[valid] = hash_rest(values.drop_null())
    return result


def _hash_numbers(values: pa.Array, name: str) -> Hashes:
    kind = values.type
    if pa.types.is_uint64(kind):
        numbers = values.to_numpy(zero_copy_only=False)
        # from 2**63 on, the bits are those of a negative int64, which must hash differently
        tags = np.where(numbers >> np.uint64(63), np.uint64(2), np.uint64(1))
        return mix(numbers + tags * np.uint64(_GOLDEN))
    if pa.types.is_integer(kind):
        return _tag(values.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64), 1)
    if pa.types.is_boolean(kind):
        return _tag(values.to_numpy(zero_copy_only=False).astype(np.uint64), 3)
    if pa.types.is_date(kind):
        return _tag(_integers(values.cast(pa.date32()), pa.int32()), 4)
    for is_kind, tag in ((pa.types.is_timestamp, 5), (pa.types.is_time, 6), (pa.types.is_duration, 7)):
        if is_kind(kind):
            return _tag(_microseconds(values), tag)
    if pa.types.is_floating(kind):
        floats = values.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0  # -0.0 + 0.0 is 0.0
        return _tag(np.where(np.isnan(floats), _NAN_BITS, floats.view(np.uint64)), 8)
    raise DataError([Refusal(None, name, f"values of type {kind} cannot be entity keys")])


def _is_bytes(kind: pa.DataType) -> bool:
    checks = ("is_string", "is_large_string", "is_string_view", "is_binary", "is_large_binary", "is_binary_view")
    return pa.types.is_fixed_size_binary(kind) or any(getattr(pa.types, check)(kind) for check in checks)


def _tag(numbers: Hashes, tag: int) -> Hashes:
    return mix(numbers + np.uint64(tag * _GOLDEN % (1 << 64)))


def _integers(values: pa.Array, storage: pa.DataType) -> Hashes:
    numbers: Hashes = values.view(storage).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    return numbers


def _microseconds(values: pa.Array) -> Hashes:
    storage = pa.int32() if pa.types.is_time32(values.type) else pa.int64()
    numbers = _integers(values, storage)
    if values.type.unit == "ns":
        # signed, so that times before 1970 are rounded down and not to zero
        return np.floor_divide(numbers.view(np.int64), 1000).view(np.uint64)
    return numbers * np.uint64({"s": 1_000_000, "ms": 1_000, "us": 1}[values.type.unit])


def _hash_distinct(values: pa.Array, name: str) -> Hashes:
    """The hashes of values that are all different, so that no equal ones have to be found."""
    if _is_bytes(values.type) and not values.null_count:
        return _tag(hash_text(_plain_bytes(values)), 9)
    return _hash_column(values, name)


def _hash_bytes(values: pa.Array) -> Hashes:
    """Hash distinct values only, unless all have one length, which is quicker than finding those."""
    if find_width(values):
        return _tag(hash_text(values), 9)
    coded = pc.dictionary_encode(values)
    return _look_up(_tag(hash_text(coded.dictionary), 9), coded.indices)


def _look_up(hashes: Hashes, indices: pa.Array) -> Hashes:
    found: Hashes = hashes[indices.to_numpy(zero_copy_only=False)]
    return found


def _plain_bytes(values: pa.Array) -> pa.Array:
    """Text and bytes with offsets, those that have them as they are."""
    if pa.types.is_fixed_size_binary(values.type):
        return values.cast(pa.binary())
    if pa.types.is_decimal(values.type):
        return values.cast(pa.string())
    is_view = pa.types.is_string_view(values.type) or pa.types.is_binary_view(values.type)
    return values.cast(pa.large_binary()) if is_view else values
