from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.util.hashing import hash_text, mix


@given(st.integers(1, 40).flatmap(lambda width: st.lists(st.binary(min_size=width, max_size=width), min_size=1)))
def test_values_of_one_width_hash_as_among_others(values: list[bytes]) -> None:
    among = hash_text(pa.array([*values, b"another one, which is longer than all of the others are"], pa.binary()))
    assert hash_text(pa.array(values, pa.binary())).tolist() == among[:-1].tolist()
    assert hash_text(pa.array([b"0", *values], pa.binary()).slice(1)).tolist() == among[:-1].tolist()


def test_numbers_mix_alike_whatever_the_array() -> None:
    numbers = np.arange(100_000, dtype=np.uint64)
    alone = [int(mix(numbers[k : k + 1])[0]) for k in (0, 1, 16_383, 16_384, 99_999)]
    # SplitMix64's first number for the seed 0, as its authors' code gives it
    assert alone[0] == 0xE220A8397B1DCDAF
    assert mix(numbers)[[0, 1, 16_383, 16_384, 99_999]].tolist() == alone
    assert mix(numbers.reshape(-1, 10).T).tolist() == mix(numbers).reshape(-1, 10).T.tolist()
    assert numbers[1] == 1
