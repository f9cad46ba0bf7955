"""Tables of every kind, and columns of types that were not there at fitting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from domaintoolkit.errors import DataError, LookupFailedError
from domaintoolkit.schema import Categorical, Numeric, Schema, Text, Timestamp
from domaintoolkit.tokenizer import DomainTokenizer

FIELDS = (Categorical("what"), Numeric("price", bins=4), Text("note", vocabulary_size=10), Timestamp("due"))
SCHEMA = Schema(entity=("user",), time="at", fields=(*FIELDS, Timestamp("at")))
DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]
TABLE = pa.table({
    "user": ["a", "b", "a"], "at": DAYS, "what": ["x", None, "y"], "price": [1.5, 2.5, None],
    "note": ["one", None, "two"], "due": [DAYS[0], None, DAYS[1]],
})  # fmt: skip


def round_trip(tokenizer: DomainTokenizer, table: Any) -> pa.Table:
    streams = tokenizer.encode(table)
    again = tokenizer.decode(streams)
    assert np.array_equal(tokenizer.encode(again).ids, streams.ids)
    return again


def test_views_in_every_column_as_polars_gives_them() -> None:
    text = [name for name in TABLE.column_names if TABLE[name].type == pa.string()]
    viewed = TABLE.cast(pa.schema([(n, pa.string_view() if n in text else TABLE[n].type) for n in TABLE.column_names]))
    tokenizer = DomainTokenizer(SCHEMA).fit(TABLE)
    assert DomainTokenizer(SCHEMA).fit(viewed).vocabulary.hash == tokenizer.vocabulary.hash
    assert round_trip(tokenizer, viewed).to_pylist() == round_trip(tokenizer, TABLE).to_pylist()


@pytest.mark.parametrize("rows", [3, 0])
def test_fitted_on_columns_without_values(rows: int) -> None:
    empty = pa.table({name: pa.nulls(rows) for name in TABLE.column_names})
    if rows:
        empty = empty.set_column(0, "user", TABLE["user"]).set_column(1, "at", TABLE["at"])
    again = round_trip(DomainTokenizer(SCHEMA).fit(empty), TABLE)
    assert again["what"].to_pylist() == ["x", "y", None]
    assert again["note"].to_pylist() == ["one", "two", None]


@pytest.mark.parametrize("kind", [pa.decimal128(9, 2), pa.decimal256(9, 2), pa.decimal256(60, 2)])
def test_decimals_are_loaded_as_they_were_saved(kind: pa.DataType, tmp_path: Path) -> None:
    table = TABLE.set_column(3, "price", TABLE["price"].cast(kind))
    tokenizer = DomainTokenizer(SCHEMA).fit(table)
    tokenizer.save(tmp_path / "tokenizer")
    assert round_trip(DomainTokenizer.load(tmp_path / "tokenizer"), table)["price"].type == kind


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match=r"equally long: .*'price' has 1"):
        DomainTokenizer(SCHEMA).fit({**TABLE.to_pydict(), "price": [1.0]})


def test_nested_values_are_refused() -> None:
    lists = pa.array([["x"], [], None])
    with pytest.raises(DataError, match=r"'user': values of type .* cannot be keys"):
        DomainTokenizer(SCHEMA).fit(TABLE.set_column(0, "user", lists))
    with pytest.raises(DataError, match="fitted as string, and values of type list"):
        DomainTokenizer(SCHEMA).fit(TABLE).encode(TABLE.set_column(2, "what", lists))


def test_a_way_with_bad_rows_that_there_is_not() -> None:
    tokenizer = DomainTokenizer(Schema(entity=("user",), fields=(Categorical("a"),)))
    with pytest.raises(LookupFailedError, match="error, quarantine"):
        tokenizer.fit({"user": [1], "a": ["x"]}, on_bad_rows="skip")  # type: ignore[arg-type]
