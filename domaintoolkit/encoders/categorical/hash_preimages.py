"""A value for each hash bucket, so that a hashed token decodes to a value that encodes to it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.util.hashing import hash_text
from domaintoolkit.values.value_names import parse_names, write_names

__all__ = ["preimages"]

_FIRST, _MOST = 1 << 12, 1 << 24


def preimages(observed: dict[int, str], buckets: int, taken: pa.Array, type: pa.DataType) -> pa.Array:
    """For each bucket a text that hashes into it, is not in `taken`, and can be cast to `type`.

    Values seen in fitting come first; empty buckets get the least number that is not negative, and a negative one
    only if the type has no other. A bucket that no value of the type falls into holds null.
    """
    found: list[str | None] = [None] * buckets
    for bucket, value in observed.items():
        if _castable(value, type):
            found[bucket] = value
    for candidates in _candidates(type):
        if None not in found:
            break
        free = candidates.filter(pc.invert(pc.is_in(candidates, taken.cast(candidates.type))))
        places = (hash_text(free) % np.uint64(buckets)).astype(np.int64)
        # (buckets reached,) and the first candidate, which is the least number, in each
        reached, first = np.unique(places, return_index=True)
        for bucket, value in zip(reached.tolist(), free.take(pa.array(first)).to_pylist(), strict=True):
            if found[bucket] is None:
                found[bucket] = value
    return pa.array(found, pa.large_string())


def _castable(value: str, type: pa.DataType) -> bool:
    try:
        parse_names(pa.array([value], pa.string()), type)
    except pa.ArrowInvalid:
        return False
    return True


def _candidates(type: pa.DataType) -> Iterator[pa.Array]:
    """Texts of whole numbers in rising order, more each time, as far as the type holds them; then of negative ones."""
    if pa.types.is_boolean(type):
        yield pa.array(["false", "true"], pa.large_string())
        return
    most = 1 << min(type.bit_width - pa.types.is_signed_integer(type), 62) if pa.types.is_integer(type) else 1 << 62
    for sign in (1, -1) if pa.types.is_signed_integer(type) else (1,):
        low, size = int(sign < 0), _FIRST
        while low < min(most, _MOST):
            numbers = pa.array(sign * np.arange(low, min(low + size, most), dtype=np.int64))
            yield write_names(_of_type(numbers, type)).cast(pa.large_string())
            low, size = low + size, size * 8


def _of_type(numbers: pa.Array, type: pa.DataType) -> pa.Array:
    if pa.types.is_date(type):
        return numbers.cast(pa.int32()).cast(type)
    return numbers.cast(type) if pa.types.is_time(type) or pa.types.is_timestamp(type) else numbers
