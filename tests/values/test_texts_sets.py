from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.schema import Column
from domaintoolkit.values.declared import convert_text, convert_typed, misfit

COLUMN = Column("c", set_separator="|")
ELEMENTS = st.text(st.characters(codec="utf-8", exclude_characters="|"), min_size=1, max_size=4)


@given(st.lists(st.none() | st.lists(ELEMENTS, max_size=4), max_size=6), st.booleans())
def test_a_set_has_one_text_however_it_is_written(rows: list[list[str] | None], large: bool) -> None:
    expected = [None if row is None else "|".join(sorted(set(row))) for row in rows]
    kind = pa.large_list(pa.string()) if large else pa.list_(pa.string())
    for lists in (pa.array(rows, kind), pa.array([["x"], *rows], kind)[1:]):
        assert convert_typed(lists, COLUMN).values.to_pylist() == expected
    texts = pa.array([None if row is None else "|".join(row).encode() for row in rows], pa.binary())
    assert convert_text(texts, COLUMN).values.to_pylist() == expected
    assert convert_typed(pa.array(texts.cast(pa.string())).dictionary_encode(), COLUMN).values.to_pylist() == expected


def test_numbers_are_elements_by_their_text() -> None:
    assert misfit(pa.list_(pa.int64()), COLUMN) is None
    assert misfit(pa.list_(pa.int64()), Column("c")) is not None
    assert misfit(pa.list_(pa.list_(pa.int64())), COLUMN) is not None
    assert convert_typed(pa.array([[2, 10, 2], []]), COLUMN).values.to_pylist() == ["10|2", ""]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (["a|b"], "holds '|'; set another set_separator"),
        ([""], "the empty text"),
        ([None], "null"),
        (["a", b"\xff"], "UTF"),
    ],
)
def test_elements_that_cannot_be_split_again_refuse_their_row(row: list[object], reason: str) -> None:
    made = convert_typed(pa.array([["a"], row, None], pa.list_(pa.binary())), COLUMN)
    assert made.values.to_pylist() == ["a", None, None]
    assert [at for at, _ in made.refused] == [1]
    assert reason in made.refused[0][1]
