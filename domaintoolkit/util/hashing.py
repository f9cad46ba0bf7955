"""A 64-bit hash that is always the same, on every machine and for every engine, and fast on columns.

Python's `hash`, Arrow's and DuckDB's may change between versions or runs; ids and shards must not.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.util.arrow import find_width, offsets_in

__all__ = ["hash_text", "mix"]

Hashes = NDArray[np.uint64]

_WORD = 8
_BLOCK = 1 << 14
"""Values that are hashed at a time, so that they stay in the cache."""


def mix(numbers: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection that spreads every bit."""
    spread = np.array(numbers, np.uint64, order="C")
    flat = spread.reshape(-1)
    spare = np.empty(min(len(flat), _BLOCK), np.uint64)
    for start in range(0, len(flat), _BLOCK):
        part = flat[start : start + _BLOCK]
        _mix_in_place(part, spare[: len(part)])
    return spread


def _mix_in_place(numbers: Hashes, spare: Hashes) -> None:
    """`mix`, with one further array that the caller gives: half the time of an array for each step."""
    numbers += np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        np.right_shift(numbers, np.uint64(shift), out=spare)
        numbers ^= spare
        numbers *= np.uint64(factor)
    np.right_shift(numbers, np.uint64(31), out=spare)
    numbers ^= spare


def hash_text(values: pa.Array) -> Hashes:
    """The hash of each string or binary value, over its bytes; null counts as no bytes with the length -1.

    The hash starts as the length, and for each 8 bytes (little-endian, the last padded with zeros) becomes
    `mix(hash ^ word)`. One numpy pass for every 8 bytes of the longest value.
    """
    width = find_width(values)
    if width:
        return _hash_blocks(np.frombuffer(values.buffers()[2], np.uint8)[offsets_in(values)[0] :], len(values), width)
    binary = values.cast(pa.large_binary())
    offsets = offsets_in(binary)
    data = binary.buffers()[2]
    padded = np.zeros((offsets[-1] if len(offsets) else 0) + _WORD, np.uint8)
    if data is not None:
        padded[: offsets[-1]] = np.frombuffer(data, np.uint8, offsets[-1])
    # overlapping words, one from every byte on, without a copy
    words: Hashes = np.ndarray((len(padded) - _WORD + 1,), np.dtype("<u8"), padded.data, strides=(1,))
    starts, lengths = offsets[:-1], np.diff(offsets)
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


def _hash_blocks(data: NDArray[np.uint8], count: int, width: int) -> Hashes:
    """`hash_text` of values of one width, the first ones in `data`, so that none has to be gathered or copied."""
    words = -(-width // _WORD)
    first = mix(np.full(1, width, np.uint64))
    hashes = np.repeat(first, count)
    spare = np.empty(min(count, _BLOCK), np.uint64)
    last = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(-width % _WORD * 8)
    # the last word of a value reaches into the next ones, and is masked; the last values may have none after them
    inner = min(max((len(data) - words * _WORD) // width + 1, 0), count)
    rest = np.zeros((count - inner) * width + _WORD, np.uint8)
    rest[:-_WORD] = data[inner * width : count * width]
    for start, end, text in ((0, inner, data), (inner, count, rest)):
        # (values, words): a view of the text
        table: Hashes = np.ndarray((end - start, words), np.dtype("<u8"), text.data, 0, (width, _WORD))
        for low in range(0, end - start, _BLOCK):
            block = table[low : low + _BLOCK]
            part, shifted = hashes[start + low : start + low + len(block)], spare[: len(block)]
            for number in range(words):
                word = block[:, number]
                part ^= np.bitwise_and(word, last, out=shifted) if number == words - 1 else word
                _mix_in_place(part, shifted)
    return hashes
