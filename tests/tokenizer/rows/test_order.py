from __future__ import annotations

import pyarrow as pa
import pytest

import domaintoolkit as dt
from domaintoolkit.tokenizer.rows.order import ranks_of


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_whole_numbers_in_text_are_ordered_as_numbers(kind: pa.DataType) -> None:
    texts = ["10", "9", "b", None, "010", "-2", "0", "9", "1.5", ""]
    ordered = ["-2", "0", "9", "10", "", "010", "1.5", "b", None]
    found = ranks_of(pa.array(texts).cast(kind), by_number=True).tolist()
    assert found == [ordered.index(text) for text in texts]


@pytest.mark.parametrize("kind", [pa.string(), pa.int64()])
def test_events_come_in_the_order_of_numbers_whatever_type_holds_them(kind: pa.DataType) -> None:
    table = pa.table({"user": [1] * 12, "step": pa.array(range(12)).cast(kind), "item": [f"i{k}" for k in range(12)]})
    schema = dt.Schema(entity="user", order_by="step", fields=[dt.Categorical("item")])
    tokenizer = dt.DomainTokenizer(schema).fit(table)
    shuffled = table.take(pa.array([3, 11, 0, 7, 9, 10, 1, 2, 8, 4, 6, 5]))
    assert tokenizer.decode(tokenizer.encode(shuffled))["item"].to_pylist() == table["item"].to_pylist()
