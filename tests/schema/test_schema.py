"""`Schema` in Python and in TOML. A type checker reads this file too: users write lists, and `entity="user"`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from domaintoolkit.times.time_form import time_form

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


def test_names_of_columns_are_unicode_text() -> None:
    with pytest.raises(SchemaError, match=r"entity.0.: a column name has to be Unicode text, got '.ud800'"):
        Schema(entity="\ud800", fields=[Numeric("price")])


def test_readers_take_lists() -> None:
    reader = Reader(columns=[Column("a", null=["NA"])], null=["", "-"])
    assert (reader.null, reader.columns[0].null) == (("", "-"), ("NA",))


def test_numbers_of_numpy_are_whole_numbers() -> None:
    bins: int = np.int64(8)  # type: ignore[assignment]
    assert Numeric("price", bins=bins).bins == 8


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"time_format": "DD.MM.YYYY"}, 'time_format: .* write "%d.%m.%Y"'),
        ({"time_format": "%H:%M"}, "time_format: '%H:%M' has no date: .* time_join, .* time_origin"),
        ({"time_format": "%d.%m.%Y", "time_unit": "s"}, "time_unit: is for numbers, and time_format for text"),
        ({"time_format": "%d.%m.%Y", "time_origin": "2024-01-01"}, "time_origin: is not used"),
        ({"time_origin": "soon"}, "time_origin: expected a time in ISO 8601"),
        ({"time_unit": "weeks"}, "time_unit: expected 'ns', 'us', 'ms', 's', 'min', 'h' or 'd'"),
    ],
)
def test_settings_of_times_are_checked_in_every_declaration(settings: dict[str, Any], reason: str) -> None:
    for declare in (
        lambda: Column("at", "timestamp", **settings),
        lambda: Timestamp("at", **settings),
        lambda: Schema(entity="user", time="at", fields=FIELDS[:1], **settings),
    ):
        with pytest.raises(SchemaError, match=reason):
            declare()


def test_a_field_is_read_as_the_schema_says_or_as_it_says_itself() -> None:
    own = Timestamp("born", time_format="%Y")
    schema = Schema(
        entity="user", time="at", time_unit="ms", time_origin="2000-01-01", fields=[Timestamp("seen")], static=[own]
    )
    assert schema.time_form("at") == schema.time_form("seen") == time_form(None, "ms", "2000-01-01", "refuse")
    assert schema.time_form("born") == time_form("%Y", None, None, "refuse")
    text = schema.to_toml()
    assert from_toml_text(Schema, text) == from_toml_text(Schema, text.replace('"2000-01-01"', "2000-01-01")) == schema
