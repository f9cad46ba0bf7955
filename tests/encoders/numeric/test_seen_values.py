from __future__ import annotations

from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domaintoolkit.encoders.numeric import seen_values
from domaintoolkit.encoders.numeric.seen_values import SeenValues, is_short, may_be_short

SHORT = st.builds(lambda digits, ten: float(f"{digits}e{ten}"), st.integers(-99_999, 99_999), st.integers(-9, 9))
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, 100)
NUMBERS = FLOATS | SHORT | st.sampled_from([0.0, -0.0, 9.99])
COLUMN = st.lists(NUMBERS, max_size=60).map(lambda numbers: np.array(numbers, np.float64))


def seen(*columns: np.ndarray) -> SeenValues:
    made = SeenValues()
    for column in columns:
        made.add(column)
    return made


@given(COLUMN)
def test_few_values_are_counted_one_by_one(column: np.ndarray) -> None:
    values, counts, means = seen(column, column).points()
    expected = Counter((column + 0.0).tolist())
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {value: 2 * n for value, n in expected.items()}
    assert values.tolist() == sorted(expected) == means.tolist()


@pytest.mark.parametrize("most", [3, 1 << 17])
@given(column=COLUMN, cut=st.integers(0, 60), seed=st.integers(0, 9))
@example(column=np.array([0.0, 1.0, 2.0, 3.0]), cut=0, seed=0)
@example(column=np.array([0.0, 1.0, 2.0, 2.225073858507e-311, 2.225073858507e-311]), cut=0, seed=0)
@example(column=np.array([0.0, 1.0, 2.0, 1.796815355011309e308, 1.796815355011309e308]), cut=0, seed=0)
def test_counts_do_not_depend_on_the_order_or_on_merging(most: int, column: np.ndarray, cut: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen_values, "MOST_VALUES", most)
        patch.setattr(seen_values, "_BLOCK", 7)
        patch.setattr(seen_values, "_FEW", 2)
        whole = seen(column)
        mixed = np.random.default_rng(seed).permutation(column)
        merged = seen(mixed[cut:])
        merged.merge(SeenValues.restore(seen(mixed[:cut]).dump()))
        assert merged.dump().equals(whole.dump(), check_metadata=True)
        values, counts, means = whole.points()
        assert int(counts.sum()) == len(column)
        assert set(values.tolist()) <= set((column + 0.0).tolist())
        if len(column):
            assert whole.extremes() == (column.min(), column.max())
            assert (np.abs(means - values) <= np.abs(values) / 1024).all()
        short = Counter(value for value in (column + 0.0).tolist() if is_short(np.array([value]))[0])
        found = Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        assert all(found[value] >= count for value, count in short.items())


@given(COLUMN)
def test_short_numbers_have_at_most_five_digits(column: np.ndarray) -> None:
    digits = [len(Decimal(repr(value)).normalize().as_tuple().digits) for value in np.abs(column).tolist()]
    inside = (np.abs(column) >= 1e-15) & (np.abs(column) < 1e20) | (column == 0)
    expected = np.array(digits, np.int64) <= 5
    assert is_short(column)[inside].tolist() == expected[inside].tolist()
    assert may_be_short(column)[is_short(column)].all()


def test_many_values_of_which_some_are_frequent() -> None:
    random = np.random.default_rng(0)
    column = random.lognormal(3, 1, 300_000)
    column[:40_000], column[40_000:50_000] = 9.99, 0
    made = seen(random.permutation(column))
    values, counts, means = made.points()
    assert len(values) < 20_000
    assert dict(zip(values.tolist(), counts.tolist(), strict=True))[9.99] == 40_000
    assert abs((means * counts).sum() / column.sum() - 1) < 1e-4
    assert made.dump().equals(seen(column[::2], column[1::2]).dump(), check_metadata=True)
