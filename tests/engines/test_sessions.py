"""Sessions that are known by name or by a hash only are the same sessions."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.engines._sessions import SessionCodes
from domaintoolkit.streams._keys import hash_values

names = st.lists(st.sampled_from(["a", "b", "c", "d", "", None]), min_size=1, max_size=12)


@given(names, names, names)
def test_numbers_are_equal_where_sessions_are(new: list[str], last: list[str], over: list[str]) -> None:
    hashes = hash_values(pa.array([*over, *last], pa.string()))
    codes = SessionCodes(pa.array(new, pa.string()), pa.array(last, pa.string()), hashes)
    encoded, fresh = codes.rows
    whole, shown = [*over, *last, *new], [*encoded.tolist(), *fresh.tolist()]
    assert len(set(whole)) == len(set(shown)) == len(set(zip(whole, shown, strict=True)))
    known = sorted((name, number) for name, number in zip(new, fresh.tolist(), strict=True) if name is not None)
    assert [number for _, number in known] == sorted(number for _, number in known)
    lists = pa.ListArray.from_arrays([0, len(shown)], pa.array(hash_values(pa.array(shown))))
    table = pa.table({"sessions": lists, "last_session": pa.array(fresh[-1:])})
    named = codes.named(table)
    assert named["sessions"].to_pylist() == [hash_values(pa.array(whole, pa.string())).tolist()]
    assert named["last_session"].to_pylist() == new[-1:]
    assert np.asarray(table["last_session"])[0] == fresh[-1]
