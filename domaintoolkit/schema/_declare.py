"""`@declaration`: a frozen pydantic dataclass whose problems are reported as ours, all at once."""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform

import pydantic
from pydantic.dataclasses import dataclass as _pydantic_dataclass

from domaintoolkit.errors import Problem, SchemaError

__all__ = ["declaration", "problems"]

T = TypeVar("T")

UNION_TAGS = frozenset({"categorical", "numeric", "timestamp", "text", "custom"})
"""Pydantic puts the tag of a discriminated union into a location; it is no part of the user's path."""


@dataclass_transform(frozen_default=True)
def declaration(cls: type[T]) -> type[T]:
    """Make `cls` frozen and validated; a wrong argument raises `SchemaError`, not pydantic's own error."""
    made: Any = _pydantic_dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid"))(cls)
    build = made.__init__

    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            build(self, *args, **kwargs)
        except pydantic.ValidationError as error:
            raise SchemaError(problems(error), cls.__name__) from None

    made.__init__ = checked
    result: type[T] = made
    return result


def problems(error: pydantic.ValidationError) -> list[Problem]:
    """Pydantic's problems as ours, each with its path written as `fields[2].bins`."""
    return [
        problem
        for entry in error.errors()
        for problem in (_nested(entry) or [Problem(_path(entry["loc"]), _message(entry))])
    ]


def _nested(entry: Any) -> list[Problem]:
    """A validator of ours may raise a `SchemaError` of several problems; they keep their own paths."""
    cause = entry.get("ctx", {}).get("error")
    if not isinstance(cause, SchemaError):
        return []
    head = _path(entry["loc"])
    return [Problem(".".join(filter(None, (head, inner.path))), inner.message) for inner in cause.problems]


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step not in UNION_TAGS:
            path += f".{step}" if path else step
    return path


def _message(entry: Any) -> str:
    text = str(entry["msg"]).removeprefix("Value error, ")
    text = text[:1].lower() + text[1:]
    found = entry.get("input")
    if entry["type"] in {"missing", "value_error"} or found is None or isinstance(found, dict):
        return text
    return f"{text}, got {found!r}"
