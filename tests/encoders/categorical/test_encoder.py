from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from encoder_checks import check_column, fitted, rows
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders import CATEGORICAL, Cells
from domaintoolkit.schema import Categorical

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["", "a", "a.b", "a.b.c", ".", "..", "b.", "null"]
)
COLUMN = st.lists(st.none() | TEXT, max_size=20)


@st.composite
def specs(draw: st.DrawFn) -> Categorical:
    separator = draw(st.sampled_from([None, ".", "a", "::"]))
    return Categorical(
        "f",
        max_size=draw(st.integers(0, 5)),
        min_count=draw(st.integers(1, 3)),
        values=draw(st.none() | st.lists(TEXT, unique=True, max_size=4).map(tuple)),
        separator=separator,
        unseen="spell" if separator else draw(st.sampled_from(["spell", "hash"])),
        hash_buckets=draw(st.integers(1, 9)),
    )


@pytest.mark.slow
@given(specs(), COLUMN, COLUMN)
def test_text(spec: Categorical, fit: list[str | None], values: list[str | None]) -> None:
    encoder = check_column(CATEGORICAL, spec, pa.array(fit, pa.string()), pa.array(values, pa.string()))
    if spec.unseen == "spell":
        column = pa.array(values, pa.string())
        parts = encoder.encode(encoder.prepare(spec, column).values).parts
        assert encoder.decode(parts, pa.string()).to_pylist() == values


@given(specs(), st.lists(st.none() | st.integers(-128, 127)), st.sampled_from([pa.int8(), pa.int64(), pa.float64()]))
def test_numbers(spec: Categorical, values: list[int | None], kind: pa.DataType) -> None:
    check_column(CATEGORICAL, spec, pa.array(values[::2], kind), pa.array(values, kind))


@pytest.mark.slow
@given(specs(), st.lists(st.none() | st.booleans()))
def test_booleans(spec: Categorical, values: list[bool | None]) -> None:
    check_column(CATEGORICAL, spec, pa.array(values[::2], pa.bool_()), pa.array(values, pa.bool_()))


@pytest.mark.slow
@given(specs(), COLUMN, COLUMN)
def test_extending_moves_no_slot_and_keeps_old_tokens_readable(
    spec: Categorical, first: list[str | None], second: list[str | None]
) -> None:
    before = fitted(CATEGORICAL, spec, pa.array(first, pa.string()))
    state = CATEGORICAL.state(spec)
    state.update(before.prepare(spec, pa.array(second, pa.string())).values)
    after = before.extend(state)
    assert list(after.slots[: len(before.slots)]) == list(before.slots)
    column = pa.array([*first, *second], pa.string())
    old = before.encode(before.prepare(spec, column).values).parts
    if spec.unseen == "spell":
        assert after.decode(old, pa.string()).to_pylist() == column.to_pylist()
    new = after.encode(after.prepare(spec, column).values).parts
    assert rows(after.encode(after.prepare(spec, after.decode(new, pa.string())).values).parts) == rows(new)


def test_frequent_values_first_and_ties_by_value() -> None:
    encoder = fitted(CATEGORICAL, Categorical("f", max_size=3), pa.array(["b", "c", "c", "a", "d"]))
    assert [slot.key for slot in encoder.slots if slot.kind == "value"] == ["c", "a", "b"]


def test_the_last_level_keeps_what_is_deeper() -> None:
    encoder = fitted(CATEGORICAL, Categorical("f", separator="."), pa.array(["a.b"]))
    parts = encoder.encode(encoder.prepare(encoder.spec, pa.array(["a.b.c.d"])).values).parts
    assert encoder.decode(parts, pa.string()).to_pylist() == ["a.b.c.d"]


@pytest.mark.parametrize("column", [pa.array([[1]]), pa.array([{"a": 1}])])
def test_nested_values_are_refused(column: pa.Array) -> None:
    refused = CATEGORICAL.encoder.prepare(Categorical("f"), column).refused
    assert refused[0][0] == 0
    assert "cannot be categories" in refused[0][1]


def test_invalid_text_is_refused_with_its_row() -> None:
    column = pa.array([b"ok", b"\xff\xfe", b"ok"]).cast(pa.string(), safe=False)
    refused = CATEGORICAL.encoder.prepare(Categorical("f"), column).refused
    assert [row for row, _ in refused] == [1]


def test_an_unseen_value_decodes_to_the_most_frequent_value_of_its_bucket_and_to_no_negative_number() -> None:
    spec = Categorical("f", max_size=0, unseen="hash", hash_buckets=8)
    values = pa.array([7] * 3 + [400, 401, 402, 403] + [12] * 5)
    encoder = fitted(CATEGORICAL, spec, values)
    seen = encoder.encode(encoder.prepare(spec, values).values).parts
    assert set(encoder.decode(seen, pa.int64()).to_pylist()) <= set(values.to_pylist())
    assert encoder.decode(seen, pa.int64()).to_pylist()[-1] == 12
    every = [Cells(np.arange(8, dtype=np.int32), np.arange(1, 9, dtype=np.int32))]
    assert min(encoder.decode(every, pa.int64()).to_pylist()) >= 0
    few = fitted(CATEGORICAL, Categorical("f", unseen="hash", hash_buckets=500), pa.array([1], pa.int8()))
    places = Cells(np.arange(500, dtype=np.int32), np.arange(1, 501, dtype=np.int32))
    assert few.decode([places], pa.int8()).null_count == 0


@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 40), min_size=1, max_size=30), max_size=5))
def test_whole_numbers_are_hashed_as_their_text(columns: list[list[int]]) -> None:
    encoder = fitted(CATEGORICAL, Categorical("f", max_size=3, unseen="hash"), pa.array([1, 1, 5, -3], pa.int64()))
    for column in columns:  # one after another: the encoder remembers
        numbers, texts = (pa.array([kind(value) for value in column]) for kind in (int, str))
        found, expected = encoder.encode(numbers), encoder.encode(texts)
        assert (found.hashed, found.missing) == (expected.hashed, expected.missing)
        assert rows(found.parts) == rows(expected.parts)
