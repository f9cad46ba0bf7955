"""`@declaration`: a frozen pydantic dataclass whose problems are reported as ours, all at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, dataclass_transform

import pydantic
from pydantic.dataclasses import dataclass as _pydantic_dataclass

from domaintoolkit.errors import Problem, SchemaError

__all__ = ["Flag", "Listed", "Real", "Whole", "declaration", "problems"]

T = TypeVar("T")


def _whole(value: Any) -> Any:
    """Pydantic would take true for 1 and read numbers from text; numbers of NumPy are as good as Python's."""
    if isinstance(value, bool | str):
        raise ValueError(f"expected a whole number, got {value!r}")
    return value


if TYPE_CHECKING:  # a type checker takes any sequence, and for `entity` one name; what is kept is a tuple
    Listed = Sequence[T]
else:
    Listed = tuple[T, ...]


def _real(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError(f"expected a number, got {value!r}")
    return value


Whole = Annotated[int, pydantic.BeforeValidator(_whole)]
Real = Annotated[float, pydantic.BeforeValidator(_real)]
Flag = Annotated[bool, pydantic.Strict()]

UNION_TAGS = frozenset({"categorical", "numeric", "timestamp", "text", "custom"})
"""Pydantic puts the tag of a discriminated union into a location; it is no part of the user's path."""

_SETTINGS: dict[str, tuple[str, ...]] = {}
"""What each declaration has, by its name in small letters: that of its tag, or of its table."""


@dataclass_transform(frozen_default=True)
def declaration(cls: type[T]) -> type[T]:
    """Make `cls` frozen and validated; a wrong argument raises `SchemaError`, not pydantic's own error."""
    made: Any = _pydantic_dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid"))(cls)
    build = made.__init__
    _SETTINGS[cls.__name__.lower()] = tuple(entry.name for entry in dataclasses.fields(made))

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
        for problem in (_nested(entry) or [Problem(_path(_location(entry)), _message(entry, error.title))])
    ]


def _location(entry: Any) -> tuple[int | str, ...]:
    location: tuple[int | str, ...] = entry["loc"]
    return (*location, "type") if entry["type"].startswith("union_tag") else location


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


def _message(entry: Any, title: str) -> str:
    kind, found = entry["type"], entry.get("input")
    if kind == "unexpected_keyword_argument":
        return _unknown("setting", str(entry["loc"][-1]), _settings(entry["loc"][:-1], title))
    if kind == "union_tag_invalid":
        return _unknown("type", entry["ctx"]["tag"], UNION_TAGS)
    if kind == "union_tag_not_found":
        return f"is needed; there is: {', '.join(sorted(UNION_TAGS))}"
    if kind == "missing":
        return "is needed"
    text = "expected a list" if kind == "tuple_type" else str(entry["msg"]).removeprefix("Value error, ")
    text = text.replace("Input should be ", "expected ").replace("a valid integer", "a whole number")
    text = text[:1].lower() + text[1:]
    return text if kind == "value_error" or found is None or isinstance(found, dict) else f"{text}, got {found!r}"


def _unknown(what: str, name: str, available: Iterable[str]) -> str:
    known = sorted(available)
    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"no {what} {name!r}; there is: {', '.join(known)}{hint}"


def _settings(location: tuple[int | str, ...], title: str) -> tuple[str, ...]:
    """What may stand in the table at `location` of the declaration called `title`."""
    for step in reversed(location):
        for name in (str(step), str(step).removesuffix("s")):  # `columns` is a list of `Column`
            if name in _SETTINGS:
                return _SETTINGS[name]
    return _SETTINGS.get(title.lower(), ())
