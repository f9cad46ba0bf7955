from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders.numeric.bucket_values import BucketValues

POINTS = st.lists(st.tuples(st.integers(0, 4), st.integers(-9, 99).map(float), st.integers(1, 9)), max_size=80)


def values_of(points: list[tuple[int, float, int]]) -> BucketValues:
    columns = zip(*points, strict=True) if points else ((), (), ())
    codes, values, counts = (np.array(column) for column in columns)
    return BucketValues.of(5, codes.astype(np.int64), values.astype(np.float64), counts.astype(np.int64), values * 1.0)


@given(POINTS, st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1, exclude_max=True)), max_size=30))
def test_values_are_drawn_from_their_bucket_and_no_number_is_lost(
    points: list[tuple[int, float, int]], draws: list[tuple[int, float]]
) -> None:
    made = values_of(points)
    seen = {code: {value for other, value, _ in points if other == code} for code in range(5)}
    for code in range(5):
        assert int(made.counts[made.codes == code].sum()) == sum(n for other, _, n in points if other == code)
        numbers = [value for other, value, n in points for _ in range(n) if other == code]
        if numbers:
            least = min(abs(value - np.mean(numbers)) for value in numbers)
            assert abs(made.nearest[code] - np.mean(numbers)) <= least + 1e-9
        else:
            assert np.isnan(made.nearest[code])
    codes, chances = np.array([code for code, _ in draws], np.int64), np.array([chance for _, chance in draws])
    for code, place in zip(codes.tolist(), made.draw(codes, chances).tolist(), strict=True):
        assert (place < 0) == (not seen[code])
        assert place < 0 or (made.codes[place] == code and made.values[place] in seen[code])


@given(POINTS, POINTS)
def test_values_are_saved_and_extended(first: list[tuple[int, float, int]], more: list[tuple[int, float, int]]) -> None:
    made = values_of(first)
    again = BucketValues.from_json(5, json.loads(json.dumps(made.to_json())))
    assert again.to_json() == made.to_json()
    added = values_of(more)
    extended = again.extend(added.codes, added.values, added.counts, added.values)
    assert int(extended.counts.sum()) == sum(n for _, _, n in (*first, *more))


@pytest.mark.parametrize(
    "broken", [{"codes": [1, 0]}, {"codes": [0, 9]}, {"counts": [1, 0]}, {"counts": [1]}, {"nearest": [""]}]
)
def test_what_are_no_values_is_refused(broken: dict[str, list[object]]) -> None:
    made = values_of([(0, 1.0, 2), (1, 3.0, 1)]).to_json()
    with pytest.raises(ValueError, match="not the values of buckets"):
        BucketValues.from_json(5, made | broken)
