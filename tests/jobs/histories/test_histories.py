"""Keys are found by themselves, not by their hashes alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from domaintoolkit.jobs.histories import histories
from domaintoolkit.jobs.histories.histories import find_keys

KNOWN = pa.table({"user": ["ann", "bob", "cid", None]})
WANTED = pa.table({"user": ["cid", "dan", "ann", "cid", "bob"]})


@pytest.mark.parametrize("alike", [0, 1, 2**63])
def test_keys_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch, alike: int) -> None:
    monkeypatch.setattr(histories, "hash_keys", lambda keys: np.full(keys.num_rows, alike, np.uint64))
    assert find_keys(WANTED, KNOWN).tolist() == [2, -1, 0, 2, 1]


def test_nothing_is_found_among_no_keys() -> None:
    assert find_keys(WANTED, KNOWN.slice(0, 0)).tolist() == [-1] * 5
    assert not len(find_keys(WANTED.slice(0, 0), KNOWN))
