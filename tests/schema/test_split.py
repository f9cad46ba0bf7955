"""Declarations of splits."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domaintoolkit.errors import SchemaError
from domaintoolkit.schema import Categorical, Schema, Split


def schema(**changes: Any) -> Schema:
    return Schema(**{"entity": "u", "time": "t", "fields": (Categorical("c"),), **changes})


def test_cuts_are_read_in_the_zone_of_the_schema() -> None:
    split = Split(validation_from=date(2024, 1, 1), test_from="2024-06-01T00:00:00+00:00")  # type: ignore[arg-type]
    assert split.cuts("UTC") == (1_704_067_200_000_000, 1_717_200_000_000_000)
    assert split.cuts("Europe/Berlin") == (1_704_063_600_000_000, 1_717_200_000_000_000)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({}, "needs validation_from"),
        ({"column": "s", "test_from": "2024-01-01"}, "needs validation_from"),
        ({"test_from": "soon"}, "test_from: expected a date"),
        ({"test_from": "2024-01-01", "train": ["a"]}, "column: is needed"),
        ({"column": "s", "train": ["a"], "test": ["a"]}, "'a' is listed in train already"),
        ({"test_from": "2024-01-01", "validation_from": "2024-02-01"}, "is later than test_from"),
        ({"column": "c"}, "column 'c' is already used by fields"),
    ],
)
def test_splits_that_say_nothing_or_two_things_are_refused(split: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        schema(split=split)


def test_a_split_by_time_needs_a_time_column() -> None:
    with pytest.raises(SchemaError, match="split: is by time, but the schema has no time column"):
        schema(time=None, split={"test_from": "2024-01-01"})
