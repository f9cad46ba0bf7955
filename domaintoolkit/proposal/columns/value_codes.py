"""A column as its distinct values and the code of each row: -1 is null."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["encode_values", "merge_equal", "remove_values"]


def encode_values(texts: pa.Array) -> tuple[NDArray[np.int64], list[str]]:
    """The code of each row, and the distinct values that the codes number."""
    coded = texts.dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, coded.dictionary.to_pylist()


def merge_equal(codes: NDArray[np.int64], values: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """The codes of values of which some have become equal."""
    places: dict[str, int] = {}
    # the entry behind the last is for null, whose code is -1
    new = np.array([places.setdefault(value, len(places)) for value in values] + [-1], np.int64)
    return new[codes], list(places)


def remove_values(
    codes: NDArray[np.int64], values: Sequence[str], left_out: set[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """The codes and values without those of `left_out`, whose rows become null."""
    kept = [value for value in values if value not in left_out]
    places = {value: place for place, value in enumerate(kept)}
    # the entry behind the last is for null, whose code is -1
    new = np.array([places.get(value, -1) for value in values] + [-1], np.int64)
    return new[codes], kept
