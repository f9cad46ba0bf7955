"""`Schema` in Python and in TOML. A type checker reads this file too: users write lists, and `entity="user"`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from domaintoolkit.errors import SchemaError, SourceError
from domaintoolkit.schema import (
    Categorical,
    Column,
    Composite,
    Custom,
    FieldSpec,
    Numeric,
    Reader,
    Schema,
    Text,
    Timestamp,
    from_toml_text,
    to_toml,
)
from domaintoolkit.testing import schemas

FIELDS: list[FieldSpec] = [
    Categorical("what", values=["view", "cart"]),
    Numeric("price", strategy="explicit", edges=[0, 1.5]),
    Timestamp("at", parts=["weekday", "hour"]),
    Text("note", model="unigram"),
    Custom("heading", encoder="compass", options={"sectors": 8, "deep": [1, {"x": True}]}),
]
SCHEMA = Schema(
    entity="user",
    time="at",
    order_by="number",
    fields=FIELDS,
    static=[Categorical("country")],
    labels="bought",
    leaks=["bought_at"],
    composite=Composite(fields=["what", "price"]),
)


def test_one_name_is_a_list_of_one_and_lists_become_tuples() -> None:
    assert (SCHEMA.entity, SCHEMA.order_by, SCHEMA.labels) == (("user",), ("number",), ("bought",))
    assert SCHEMA.fields == tuple(FIELDS)
    assert Schema(entity=["user"], fields=FIELDS[:1]) == Schema(entity=("user",), fields=tuple(FIELDS[:1]))


@given(schemas())
def test_toml_and_python_say_the_same(schema: Schema) -> None:
    assert from_toml_text(Schema, schema.to_toml()) == schema


def test_every_setting_comes_back_from_toml(tmp_path: Path) -> None:
    (tmp_path / "schema.toml").write_text(SCHEMA.to_toml(), encoding="utf-8")
    again = Schema.from_toml(tmp_path / "schema.toml")
    assert to_toml(again) == SCHEMA.to_toml()


def test_a_byte_order_mark_and_a_reader_are_no_hindrance(tmp_path: Path) -> None:
    text = 'entity = "user"\n[[fields]]\ntype = "categorical"\nname = "what"\n[reader]\ndelimiter = ";"\n'
    (tmp_path / "schema.toml").write_text(text, encoding="utf-8-sig")
    assert Schema.from_toml(tmp_path / "schema.toml") == Schema(entity="user", fields=[Categorical("what")])


def test_files_that_do_not_hold_a_schema(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        Schema.from_toml(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b'entity = "\xff"')
    with pytest.raises(SourceError, match="not UTF-8 text"):
        Schema.from_toml(tmp_path / "bytes.toml")
    (tmp_path / "broken.toml").write_text("entity = user")
    with pytest.raises(SchemaError, match=r"broken\.toml has 1 problem\n  is not TOML: .*line 1"):
        Schema.from_toml(tmp_path / "broken.toml")


def test_readers_take_lists() -> None:
    reader = Reader(columns=[Column("a", null=["NA"])], null=["", "-"])
    assert (reader.null, reader.columns[0].null) == (("", "-"), ("NA",))


def test_numbers_of_numpy_are_whole_numbers() -> None:
    bins: int = np.int64(8)  # type: ignore[assignment]
    assert Numeric("price", bins=bins).bins == 8
