"""A 64-bit hash that is always the same, on every machine and for every engine, and fast on columns.

Python's `hash`, Arrow's and DuckDB's may change between versions or runs; ids and shards must not.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["has_one_width", "hash_text", "mix"]

Hashes = NDArray[np.uint64]

_WORD = 8
_BLOCK = 1 << 14
"""Values that are hashed at a time, so that they stay in the cache."""


def mix(numbers: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection that spreads every bit."""
    # in place, with one further array: half the time of an array for each step
    spread = np.add(numbers, np.uint64(0x9E3779B97F4A7C15), dtype=np.uint64)
    shifted = spread >> np.uint64(30)
    spread ^= shifted
    spread *= np.uint64(0xBF58476D1CE4E5B9)
    np.right_shift(spread, np.uint64(27), out=shifted)
    spread ^= shifted
    spread *= np.uint64(0x94D049BB133111EB)
    np.right_shift(spread, np.uint64(31), out=shifted)
    spread ^= shifted
    return spread


def hash_text(values: pa.Array) -> Hashes:
    """The hash of each string or binary value, over its bytes; null counts as no bytes with the length -1.

    The hash starts as the length, and for each 8 bytes (little-endian, the last padded with zeros) becomes
    `mix(hash ^ word)`. One numpy pass for every 8 bytes of the longest value.
    """
    binary = values.cast(pa.large_binary())
    offsets = _offsets(binary)
    data = binary.buffers()[2]
    padded = np.zeros((offsets[-1] if len(offsets) else 0) + _WORD, np.uint8)
    if data is not None:
        padded[: offsets[-1]] = np.frombuffer(data, np.uint8, offsets[-1])
    # overlapping words, one from every byte on, without a copy
    words: Hashes = np.ndarray((len(padded) - _WORD + 1,), np.dtype("<u8"), padded.data, strides=(1,))
    starts, lengths = offsets[:-1], np.diff(offsets)
    if has_one_width(binary):
        return _hash_blocks(padded, int(starts[0]), len(starts), int(lengths[0]))
    if binary.null_count:
        lengths = np.where(np.asarray(binary.is_null()), -1, lengths)
    hashes = mix(lengths.astype(np.uint64))
    # (values that have a word left,): their numbers; it shrinks from word to word
    active = np.flatnonzero(lengths > 0)
    at = 0
    while len(active):
        left = np.minimum(lengths[active] - at, _WORD).astype(np.uint64)
        # the last word of a value reaches into the next value, and is masked
        kept = np.uint64(0xFFFFFFFFFFFFFFFF) >> (np.uint64(8) * (np.uint64(_WORD) - left))
        hashes[active] = mix(hashes[active] ^ (words[starts[active] + at] & kept))
        at += _WORD
        active = active[lengths[active] > at]
    return hashes


def has_one_width(values: pa.LargeBinaryArray) -> bool:
    """Return True if there are values, none is null, and all have the same number of bytes, more than 0."""
    lengths = np.diff(_offsets(values))
    return len(lengths) > 0 and not values.null_count and lengths[0] > 0 and bool((lengths == lengths[0]).all())


def _offsets(values: pa.LargeBinaryArray) -> NDArray[np.int64]:
    return np.frombuffer(values.buffers()[1], np.int64, len(values) + 1, values.offset * 8)


def _hash_blocks(data: NDArray[np.uint8], offset: int, count: int, width: int) -> Hashes:
    """`hash_text` of values of one width, one after another from `offset` on, so that none has to be gathered."""
    words = -(-width // _WORD)
    # (values, words): a view of the text; the last word of a row reaches into the next one, and is masked
    table: Hashes = np.ndarray((count, words), np.dtype("<u8"), data.data, offset, (width, _WORD))
    last = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(-width % _WORD * 8)
    hashes = np.empty(count, np.uint64)
    for start in range(0, count, _BLOCK):
        block = table[start : start + _BLOCK]
        part = mix(np.full(len(block), width, np.uint64))
        for number in range(words):
            word = block[:, number]
            part ^= word & last if number == words - 1 else word
            part = mix(part)
        hashes[start : start + _BLOCK] = part
    return hashes
