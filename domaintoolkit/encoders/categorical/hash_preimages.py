"""A value for each hash bucket, so that a hashed token decodes to a value that encodes to it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.util.hashing import hash_text

__all__ = ["preimages"]

_FIRST, _MOST = 1 << 12, 1 << 24


def preimages(observed: dict[int, str], buckets: int, taken: pa.Array, type: pa.DataType) -> pa.Array:
    """For each bucket a text that hashes into it, is not in `taken`, and can be cast to `type`.

    Values seen in fitting come first; empty buckets get the number of least magnitude. A bucket that no value
    of the type falls into holds null.
    """
    found: list[str | None] = [None] * buckets
    for bucket, value in observed.items():
        if _castable(value, type):
            found[bucket] = value
    size = _FIRST
    while None in found and size <= _MOST:
        candidates = _candidates(size, type)
        candidates = candidates.filter(pc.invert(pc.is_in(candidates, taken.cast(candidates.type))))
        places = (hash_text(candidates) % np.uint64(buckets)).astype(np.int64)
        reached, first = np.unique(places, return_index=True)
        for bucket, value in zip(reached.tolist(), candidates.take(pa.array(first)).to_pylist(), strict=True):
            if found[bucket] is None:
                found[bucket] = value
        # the type holds no more numbers, so a larger size finds nothing
        if len(candidates) < size - len(taken) - 1:
            break
        size *= 8
    return pa.array(found, pa.large_string())


def _castable(value: str, type: pa.DataType) -> bool:
    try:
        pa.array([value], pa.string()).cast(type)
    except pa.ArrowInvalid:
        return False
    return True


def _candidates(size: int, type: pa.DataType) -> pa.Array:
    """Texts of small numbers, 0, 1, -1, 2, -2, ... as far as the type holds them."""
    numbers = np.arange(size)
    if pa.types.is_signed_integer(type):
        numbers = np.where(numbers % 2 == 0, -(numbers // 2), numbers // 2 + 1)
        numbers = numbers[np.abs(numbers) < 1 << (type.bit_width - 1)]
    elif pa.types.is_unsigned_integer(type):
        numbers = numbers[numbers < 1 << min(type.bit_width, 62)]
    elif pa.types.is_boolean(type):
        return pa.array(["false", "true"], pa.large_string())
    elif pa.types.is_date(type):
        return pa.array(numbers, pa.int32()).cast(pa.date32()).cast(pa.large_string())
    return pa.array(numbers).cast(pa.large_string())
