from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import SchemaError
from domaintoolkit.schema import Column, Reader, from_dict, from_toml_text, to_dict, to_toml

NUMBERS = st.fixed_dictionaries(
    {},
    optional={
        "prefix": st.sampled_from(["$", "R$ "]),
        "suffix": st.just(" kg"),
        "negative": st.sampled_from(["sign", "parentheses", "trailing"]),
        "percent": st.booleans(),
        "spelling": st.sampled_from(["own", "any"]),
        "trim": st.booleans(),
    },
)
PLACES = st.fixed_dictionaries(
    {},
    optional={
        "source": st.sampled_from(["a.b", "x"]),
        "occurrence": st.integers(1, 3),
        "aliases": st.just(["other"]),
        "optional": st.booleans(),
    },
)
DIALECTS = st.fixed_dictionaries(
    {},
    optional={
        "delimiter": st.sampled_from([",", "::", "whitespace", "\t", "§"]),
        "quote": st.sampled_from(["'", '"', False, None]),
        "encoding": st.sampled_from(["utf-8", "latin-1", "cp1252", "utf-16"]),
        "format": st.sampled_from(["auto", "csv", "jsonl", "excel", "parquet", "arrow"]),
        "skip": st.integers(0, 3),
        "comment": st.sampled_from(["#", "//"]),
        "sheets": st.just(("May", "June")),
        "thousands": st.just(" "),
    },
)


@given(NUMBERS, PLACES, DIALECTS, NUMBERS)
def test_a_reader_is_the_same_after_toml_and_after_a_manifest(
    numbers: dict[str, Any], places: dict[str, Any], dialect: dict[str, Any], shared: dict[str, Any]
) -> None:
    words = Column("w", "bool", true=["Yes"], false=["No"])
    columns = (Column("n", "float64", **numbers, **places), Column("s", set_separator="|"), words)
    reader = Reader(columns, **dialect, **shared)
    assert from_dict(Reader, to_dict(reader)) == reader
    assert from_toml_text(Reader, to_toml(reader)) == reader
    number, text, _ = reader.settled
    for name, value in shared.items():
        assert getattr(number, name) == numbers.get(name, value)
    assert text.prefix is None
    assert text.null == reader.null


def test_settings_of_another_type_of_column_are_refused() -> None:
    for settings in ({"prefix": "$"}, {"type": "int64", "set_separator": "|"}, {"true": ["x"]}):
        with pytest.raises(SchemaError, match="is for columns of type"):
            Column("c", **settings)
