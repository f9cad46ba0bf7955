"""Declarations as plain data: dictionaries, TOML, and the JSON schema for editors."""

from __future__ import annotations

import json
import tomllib
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import pydantic

from domaintoolkit.errors import Problem, SchemaError, SourceError
from domaintoolkit.schema.declaration import problems

__all__ = [
    "from_dict",
    "from_toml",
    "from_toml_text",
    "json_schema",
    "read_toml",
    "to_dict",
    "to_toml",
    "toml_key",
    "toml_value",
]

T = TypeVar("T")


def to_dict(spec: Any) -> dict[str, Any]:
    """A declaration as plain data: the settings that differ from the defaults, and the `type` of each field."""
    return {
        entry.name: _to_plain(value)
        for entry in fields(spec)
        # the type tells declarations apart when they are read, and is always the default of its class
        if (value := getattr(spec, entry.name)) is not None and (entry.name == "type" or value != _default_of(entry))
    }


def _default_of(entry: Any) -> Any:
    default = entry.default
    if isinstance(default, pydantic.fields.FieldInfo):
        return default.get_default(call_default_factory=True, validated_data={})
    return default if default is not MISSING else MISSING


def _to_plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_dict(value)
    if isinstance(value, tuple | list):
        return [_to_plain(item) for item in value]
    return value


def from_dict(cls: type[T], data: Any, what: str = "") -> T:
    """Build a declaration from plain data; raises `SchemaError` with all problems, each with its path."""
    try:
        return pydantic.TypeAdapter(cls).validate_python(data)
    except pydantic.ValidationError as error:
        raise SchemaError(problems(error), what or cls.__name__) from None


def json_schema(cls: type[Any]) -> dict[str, Any]:
    """The JSON schema (2020-12) of a declaration."""
    return pydantic.TypeAdapter(cls).json_schema()


def from_toml(cls: type[T], source: str | Path) -> T:
    """Read a declaration from a TOML file."""
    return from_dict(cls, read_toml(source), str(source))


def from_toml_text(cls: type[T], text: str, what: str = "") -> T:
    """Read a declaration from TOML text, which error messages call `what`."""
    return from_dict(cls, _parse_toml(text, what or cls.__name__), what)


def read_toml(source: str | Path) -> dict[str, Any]:
    """The contents of a TOML file, without the `$schema` key that editors use."""
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(str(path), error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise SourceError(str(path), f"is not UTF-8 text: {error}") from None
    return _parse_toml(text, str(path))


def _parse_toml(text: str, what: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SchemaError([Problem("", f"is not TOML: {error}")], what) from None
    data.pop("$schema", None)
    return data


def to_toml(spec: Any) -> str:
    """A declaration as TOML text, from which `from_toml_text` reads an equal one."""
    # in TOML a key after `[table]` belongs to that table, so plain settings come first
    scalars, tables = [], []
    for key, value in to_dict(spec).items():
        if isinstance(value, dict):
            tables.append(f"\n[{key}]\n" + _pairs(value))
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            tables += [f"\n[[{key}]]\n" + _pairs(item) for item in value]
        else:
            scalars.append(f"{toml_key(key)} = {toml_value(value)}\n")
    return "".join([*scalars, *tables])


def _pairs(table: dict[str, Any]) -> str:
    return "".join(f"{toml_key(key)} = {toml_value(value)}\n" for key, value in table.items())


def toml_key(key: str) -> str:
    """One key as TOML, quoted if necessary."""
    return key if key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key) else toml_value(key)


def toml_value(value: Any) -> str:
    """One value as TOML. JSON strings are TOML basic strings, except that TOML requires DEL to be escaped."""
    match value:
        # before int, which True and False are too
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int():
            return str(value)
        case float():
            return repr(value)
        case list():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items()) + "}"
    raise SchemaError([Problem("", f"{value!r} cannot be written as TOML")])
