from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.util.hashing import hash_text


@given(st.integers(1, 40).flatmap(lambda width: st.lists(st.binary(min_size=width, max_size=width), min_size=1)))
def test_values_of_one_width_hash_as_among_others(values: list[bytes]) -> None:
    among = hash_text(pa.array([*values, b"another one, which is longer than all of the others are"], pa.binary()))
    assert hash_text(pa.array(values, pa.binary())).tolist() == among[:-1].tolist()
    assert hash_text(pa.array([b"0", *values], pa.binary()).slice(1)).tolist() == among[:-1].tolist()
