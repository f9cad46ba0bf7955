"""One type for columns that come in several."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.schema import Categorical, Schema
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.rows.column_types import common_type, parse_type

KINDS = [
    pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int64(), pa.uint8(), pa.uint64(), pa.float32(), pa.float64(),
    pa.string(), pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Berlin"),
    pa.decimal128(9, 2), pa.decimal128(12, 3), pa.decimal256(60, 2),
]  # fmt: skip


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
def test_types_join_the_same_in_any_order(kinds: list[pa.DataType]) -> None:
    whole = {str(reduce(common_type, order)) for order in permutations(kinds)}
    assert len(whole) == 1
    assert parse_type(whole.pop()) == reduce(common_type, kinds)
    for cut in range(1, len(kinds)):
        parts = (kinds[:cut], kinds[cut:])
        assert common_type(*(reduce(common_type, part) for part in parts)) == reduce(common_type, kinds)


@pytest.mark.parametrize("column", ["user", "what"])
@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, -1]),
        pa.array([1, 2], pa.uint8()),
        pa.array([0.5, 2.0**60]),
        pa.array(np.array([0.5, 1], np.float16)),
        pa.array([Decimal("1.50"), Decimal(2)]),
        pa.array([True, False]),
        pa.array(["a", "18446744073709551615"]),
    ],
)
def test_every_value_that_was_fitted_encodes_whatever_types_its_column_came_in(column: str, values: pa.Array) -> None:
    schema = Schema(entity=("user",), fields=(Categorical("what"),))
    huge = pa.array([2**64 - 1, 3], pa.uint64())
    tables = [
        pa.table({"user": pa.array([1, 2]), "what": pa.array(["x", "y"])} | {column: own}) for own in (huge, values)
    ]
    tokenizer = DomainTokenizer(schema)
    for table in tables:
        tokenizer.partial_fit(table)
    for table in tables:
        streams = tokenizer.encode(table)
        assert streams.events == 2
        assert streams.counts.spelled == 0
        assert np.array_equal(tokenizer.encode(tokenizer.decode(streams)).ids, streams.ids)
