"""One name for each value: in columns of any type, and alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.values.columns import unify
from domaintoolkit.values.objects import as_plain
from domaintoolkit.values.value_names import as_text, name_of, parse_names, write_names

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
VALUES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.bool_(): st.booleans(),
    pa.float64(): st.floats() | st.integers(-(2**53), 2**53).map(float) | st.sampled_from([2.0**62, 1e16, -0.0]),
    pa.float32(): st.floats(width=32),
    pa.date32(): st.dates(),
    pa.time64("us"): st.times(),
    pa.decimal64(15, 3): DECIMALS,
    pa.decimal128(30, 10): DECIMALS,
    pa.decimal256(60, 20): DECIMALS,
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("us", "Europe/Berlin"): st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 3)),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"])),
}


@given(st.data())
def test_a_value_has_the_name_in_a_column_that_it_has_alone_and_is_read_back(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(VALUES)))
    values = data.draw(st.lists(VALUES[kind], max_size=5))
    column = unify(pa.array(values, kind, from_pandas=False)).values
    names = write_names(column)
    assert names.to_pylist() == [name_of(value) for value in values]
    back = parse_names(names, column.type)
    assert repr(write_names(back).to_pylist()) == repr(names.to_pylist())
    exact = [value for value in back.to_pylist() if value == value]
    assert exact == [value for value in column.to_pylist() if value == value]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("5300", [5300, 5300.0, Decimal("5300.00"), np.int16(5300), "5300"]),
        ("1.5", [1.5, np.float32(1.5), Decimal("1.500")]),
        ("10000000000000000", [10**16, 1e16, Decimal("1E+16")]),
        ("0", [0, 0.0, -0.0, Decimal("-0.00")]),
        ("2024-01-05", [date(2024, 1, 5), datetime(2024, 1, 5), "2024-01-05"]),
        ("01:02:00", [time(1, 2)]),
        ("2024-01-05T10:30:00", [datetime(2024, 1, 5, 10, 30), np.datetime64("2024-01-05T10:30", "ns")]),
        ("00000000-0000-0000-0000-000000000005", [UUID(int=5)]),
        ("true", [True, "true"]),
    ],
)
def test_equal_values_have_one_name(name: str, values: list[Any]) -> None:
    for value in values:
        assert as_text(unify(pa.array([value])).values).values.to_pylist() == [name]
    assert {name_of(as_plain(value)) for value in values} == {name}


def test_what_has_no_name_is_refused() -> None:
    for column in (pa.array([1], pa.duration("s")), pa.array([[1]])):
        assert as_text(column).refused[0][1].startswith(f"values of type {column.type} cannot be categories")
