"""A domain in one TOML file, with and without a reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domaintoolkit.errors import SchemaError, SourceError
from domaintoolkit.reading import domain_from_toml, domain_json_schema, open_source
from domaintoolkit.schema import Column

SCHEMA = """
entity = "user"
time = "at"
zone = "Europe/Berlin"
fields = [{ type = "numeric", name = "price" }, { type = "timestamp", name = "at" }]
"""


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "shop.toml").write_text(text)
    return tmp_path / "shop.toml"


@pytest.mark.parametrize("reader", ["", '[reader]\ndelimiter = ";"\nnull = ["-"]\n'])
def test_columns_that_are_not_declared_are_the_schemas(tmp_path: Path, reader: str) -> None:
    domain = domain_from_toml(written(tmp_path, SCHEMA + reader))
    assert domain.reader.columns == (
        Column("user"),
        Column("at", type="timestamp", zone="Europe/Berlin"),
        Column("price", type="float64"),
    )
    mark = domain.reader.delimiter
    assert mark == (";" if reader else ",")
    (tmp_path / "rows.csv").write_text(f"user{mark}at{mark}price\n7{mark}2024-07-01T12:00{mark}2.5\n")
    (batch,) = open_source(str(tmp_path / "rows.csv"), domain.reader).batches()
    assert batch.records.to_pylist()[0]["at"].hour == 10


def test_problems_of_schema_and_reader_are_told_together(tmp_path: Path) -> None:
    text = SCHEMA.replace("numeric", "number") + '[reader]\ndelimiter = ""\nqoute = "x"\n'
    with pytest.raises(SchemaError) as caught:
        domain_from_toml(written(tmp_path, text))
    assert [problem.path for problem in caught.value.problems] == [
        "fields[0].type",
        "reader.delimiter",
        "reader.qoute",
    ]


def test_a_reader_that_lacks_a_column(tmp_path: Path) -> None:
    message = r"shop\.toml has 1 problem\n  reader\.columns: column 'at' of the schema is missing"
    with pytest.raises(SchemaError, match=message):
        domain_from_toml(written(tmp_path, SCHEMA + '[reader]\ncolumns = [{ name = "user" }, { name = "price" }]\n'))


def test_there_is_no_sample(tmp_path: Path) -> None:
    domain = domain_from_toml(written(tmp_path, SCHEMA))
    with pytest.raises(SourceError, match="no sample"):
        list(domain.sample(1, 0))


def test_editors_know_that_columns_may_be_left_out() -> None:
    schema = json.loads(json.dumps(domain_json_schema()))
    assert schema["properties"]["reader"] == {"$ref": "#/$defs/Reader"}
    assert schema["$defs"]["Reader"]["required"] == []
    assert sorted(schema["required"]) == ["entity", "fields"]
