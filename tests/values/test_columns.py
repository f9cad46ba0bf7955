"""Columns of any type in the few types that the toolkit works on."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from domaintoolkit.values.columns import find_outside, unify

KEY = UUID("0123abcd-4567-89ef-0123-456789abcdef")
MIDNIGHT = 2**31 - 1


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (pa.array([KEY, None, UUID(int=5)]), pa.large_string(), [str(KEY), None, str(UUID(int=5))]),
        (pa.array([KEY, UUID(int=5)]).slice(1), pa.large_string(), [str(UUID(int=5))]),
        (pa.array([b"ab", None], pa.binary(2)), pa.string(), ["ab", None]),
        (pa.array([b"ab"], pa.large_binary()), pa.large_string(), ["ab"]),
        (pa.array([date(2024, 1, 5)], pa.date64()), pa.date32(), [date(2024, 1, 5)]),
        (pa.array([62_000], pa.int32()).cast(pa.time32("ms")), pa.time64("us"), [time(0, 1, 2)]),
        (pa.array([62_000], pa.int64()).cast(pa.time64("ns")), pa.time64("us"), [time(0, 0, 0, 62)]),
        (pa.array([Decimal("1.50")], pa.decimal32(5, 2)), pa.decimal128(5, 2), [Decimal("1.50")]),
        (pa.array(np.array([1.5], np.float16)), pa.float32(), [1.5]),
        (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 2], pa.int8())), pa.bool_(), [False, True]),
        (pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}'])), pa.string(), ['{"a": 1}']),
    ],
)
def test_a_column_keeps_its_values_in_a_known_type(column: pa.Array, kind: pa.DataType, values: list[Any]) -> None:
    for given in (column, pa.chunked_array([column, column.slice(0, 0)])):
        made = unify(given)
        assert (made.values.type, made.values.to_pylist(), made.refused) == (kind, values, [])


def test_dictionaries_of_such_types_are_made_of_them() -> None:
    coded = pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 2]), pa.array([b"a", b"b", b"\xff"]))
    made = unify(coded)
    assert made.values.cast(pa.string()).to_pylist() == ["b", "a", None, None]
    assert [row for row, _ in made.refused] == [3]
    assert unify(coded.slice(0, 2)).values.to_pylist() == ["b", "a"]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([b"a", b"\xff"]), "not UTF-8: byte 0xff"),
        (pa.array([0, MIDNIGHT], pa.int32()).cast(pa.date32()), "5881580-07-11 is outside the years 1 to 9999"),
        (pa.array([0, 1], pa.int64()).cast(pa.time64("ns")), "00:00:00.000000001 is finer than a microsecond"),
    ],
)
def test_a_value_that_no_type_holds_is_refused_and_becomes_null(column: pa.Array, reason: str) -> None:
    made = unify(column)
    assert [row for row, _ in made.refused] == [1]
    assert made.refused[0][1].startswith(reason)
    assert made.values.is_valid().to_pylist() == [True, False]


def test_extension_types_that_are_not_known_are_refused() -> None:
    class Odd(pa.ExtensionType):
        def __init__(self) -> None:
            super().__init__(pa.int64(), "odd")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, _: pa.DataType, __: bytes) -> Odd:
            return cls()

    made = unify(pa.ExtensionArray.from_storage(Odd(), pa.array([1, None])))
    (refusal,) = made.refused
    assert refusal[0] == 0
    assert refusal[1].startswith("values of the type odd are not supported")


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us", "UTC"), pa.duration("s")])
def test_times_and_durations_that_python_cannot_hold_are_found(kind: pa.DataType) -> None:
    column = pa.array([0, 2**62, None, -(2**62)], pa.int64()).cast(kind)
    assert [row for row, _ in find_outside(column)] == [1, 3]
    assert [row for row, _ in find_outside(column.dictionary_encode())] == [1, 3]
