from __future__ import annotations

import math
from collections import Counter

import torch
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.model import event_preset
from domaintoolkit.model.layers.recent import BANDS, RecentValues, recent_positions


def test_the_bands_are_those_of_the_page() -> None:
    layer = RecentValues(event_preset("event-14k", 10, recent=64), 1)
    assert torch.bincount(layer.get_buffer("band")).tolist() == [1, 2, 5, 13, 43]


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 6), st.integers(0, 99))
def test_gains_are_the_factors_of_bands_times_the_logarithm_of_counts(
    rows: int, most: int, size: int, seed: int
) -> None:
    torch.manual_seed(seed)
    layer = RecentValues(event_preset("event-14k", 10, recent=40), 2)
    contexts, numbers = torch.randn(rows, 16), torch.randint(-1, size, (rows, most))
    gains = layer(1, contexts, numbers)
    found = torch.zeros(rows, size).scatter_add(1, gains.columns, gains.values.detach())
    factors = (contexts @ layer.weight[1, :-1] + layer.weight[1, -1]).detach()
    for row in range(rows):
        counts = Counter(
            (value, sum(lag >= begin for begin in BANDS)) for lag, value in enumerate(numbers[row].tolist())
        )
        for value in range(size):
            wanted = sum(
                float(factors[row, band]) * math.log2(1 + times)
                for (each, band), times in counts.items()
                if each == value
            )
            assert math.isclose(float(found[row, value]), wanted, rel_tol=1e-4, abs_tol=1e-5)


def test_positions_are_those_of_the_own_history() -> None:
    documents = torch.tensor([[0, 0, 0, 1, 1, -1], [0, 0, 0, 0, 0, 0]])
    found = recent_positions(documents, torch.tensor([2, 4, 7, 11]), 4)
    assert found.tolist() == [[2, 1, 0, -1], [4, 3, -1, -1], [7, 6, -1, -1], [11, 10, 9, 8]]
