"""A domain declared in one TOML file: the schema's keys, and a `[reader]` table if the files need one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from domaintoolkit.errors import Problem, SchemaError, SourceError
from domaintoolkit.schema import Column, Domain, Numeric, Reader, Schema, Timestamp, from_dict, json_schema, read_toml

__all__ = ["domain_from_toml", "domain_json_schema", "inferred_reader"]

ColumnType = Literal["string", "int64", "float64", "bool", "timestamp", "date"]


def domain_from_toml(path: str | Path) -> Domain:
    """The domain that a TOML file declares; raises `SchemaError` with all its problems, each with its path.

    Without a `[reader]`, or in one without `columns`, the files' headers are the schema's column names, and a
    column has the type that its field's encoder takes: text, or numbers, or ISO 8601 times.
    """
    data = read_toml(path)
    layout = data.pop("reader", {})
    found: list[Problem] = []
    schema: Schema | None = _convert(Schema, data, "", found)
    own = () if schema is None else inferred_reader(schema).columns
    if isinstance(layout, dict) and "columns" not in layout:
        layout = {**layout, "columns": own or (Column("any"),)}  # so that its other settings are checked too
    reader: Reader | None = _convert(Reader, layout, "reader", found)
    if schema is None or reader is None:
        raise SchemaError(found, str(path))
    try:
        return Domain("file", f"declared in {path}", schema, reader, _no_sample)
    except SchemaError as error:
        raise SchemaError(error.problems, str(path)) from None


def _convert(cls: type[Any], data: Any, head: str, found: list[Problem]) -> Any:
    try:
        return from_dict(cls, data)
    except SchemaError as error:
        found += [Problem(".".join(filter(None, (head, p.path))), p.message) for p in error.problems]
        return None


def inferred_reader(schema: Schema) -> Reader:
    """A reader of CSV, Parquet or Arrow files whose columns are named as in the schema."""
    types: dict[str, ColumnType] = dict.fromkeys(schema.columns, "string")
    for spec in (*schema.static, *schema.fields):
        if isinstance(spec, Numeric):
            types[spec.name] = "float64"
        elif isinstance(spec, Timestamp):
            types[spec.name] = "timestamp"
    if schema.time is not None:
        types[schema.time] = "timestamp"
    return Reader(
        tuple(
            _time_column(schema, name) if kind == "timestamp" else Column(name, type=kind)
            for name, kind in types.items()
        )
    )


def _time_column(schema: Schema, name: str) -> Column:
    """A column of times that is read as the schema reads it in a table."""
    specs = (spec for spec in (*schema.static, *schema.fields) if isinstance(spec, Timestamp) and spec.name == name)
    spec = schema.settled(next(specs, Timestamp(name)))
    return Column(
        name,
        type="timestamp",
        time_format=spec.time_format,
        zone=schema.zone if name == schema.time else spec.zone,
        time_unit=spec.time_unit,
        time_origin=spec.time_origin,
        time_join=schema.time_join if name == schema.time else (),
        finer_times="cut" if spec.finer_times == "cut" else None,
    )


def _no_sample(events: int, seed: int) -> Iterable[pa.RecordBatch]:  # noqa: ARG001 - a sample takes these
    raise SourceError("file", "a schema file has no sample; name the FILES to read")


def domain_json_schema() -> dict[str, Any]:
    """The JSON schema of a domain file: that of a schema, with a reader in it."""
    whole, reader = json_schema(Schema), json_schema(Reader)
    whole.setdefault("$defs", {}).update(reader.pop("$defs", {}))
    reader["required"] = [name for name in reader["required"] if name != "columns"]
    whole["$defs"]["Reader"] = reader
    whole["properties"]["reader"] = {"$ref": "#/$defs/Reader"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}
