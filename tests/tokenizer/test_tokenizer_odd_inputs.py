"""Malformed tables, values and ids: `tests/support/odd_tables.py` tries more of them."""

from __future__ import annotations

import pytest
from odd_tables import try_inputs


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_only_the_errors_of_the_library_come_out_and_every_way_in_answers_alike(seed: int) -> None:
    assert list(try_inputs(60, seed)) == []
