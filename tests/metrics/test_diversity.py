"""Entropy in bits."""

from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.metrics import entropy


@pytest.mark.parametrize(("counts", "bits"), [([4, 4, 4, 4], 2.0), ([7], 0.0), ([], 0.0), ([0, 3, 0, 3], 1.0)])
def test_equal_counts_have_the_bits_of_their_number(counts: list[int], bits: float) -> None:
    assert entropy(np.array(counts, np.int64)) == pytest.approx(bits)
