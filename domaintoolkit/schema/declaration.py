"""`@declaration`: a frozen pydantic dataclass that reports all its problems at once, as a `SchemaError`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, dataclass_transform

import pydantic
from pydantic.dataclasses import dataclass as _pydantic_dataclass

from domaintoolkit.errors import Problem, SchemaError, unknown_name

__all__ = ["Flag", "Listed", "Real", "Whole", "declaration", "problems"]

T = TypeVar("T")


def _check_whole(value: Any) -> Any:
    """Refuse booleans and text, which pydantic would convert. NumPy's numbers are accepted."""
    if isinstance(value, bool | str):
        raise ValueError(f"expected a whole number, got {value!r}")
    return value


if TYPE_CHECKING:  # type checkers see any sequence, so that users may pass lists; pydantic stores a tuple
    Listed = Sequence[T]
else:
    Listed = tuple[T, ...]


def _check_real(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError(f"expected a number, got {value!r}")
    return value


Whole = Annotated[int, pydantic.BeforeValidator(_check_whole)]
Real = Annotated[float, pydantic.BeforeValidator(_check_real)]
Flag = Annotated[bool, pydantic.Strict()]

UNION_TAGS = frozenset({"categorical", "numeric", "timestamp", "text", "custom"})
"""Tags of the discriminated union. Pydantic puts them into a location, but they are not part of the user's path."""

_SETTINGS: dict[str, tuple[str, ...]] = {}
"""The settings of each declaration, by its lower-case name, which is also its tag or the name of its table."""
_BY_LAST_WORD: dict[str, tuple[str, ...]] = {}
"""The same by the last word of its name: the table `figures` holds each `StudyFigure`."""


@dataclass_transform(frozen_default=True)
def declaration(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, validated dataclass; a wrong argument raises `SchemaError`."""
    has_repr = "__repr__" in vars(cls)
    wrapped: Any = _pydantic_dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid"))(cls)
    build = wrapped.__init__
    names = tuple(entry.name for entry in dataclasses.fields(wrapped))
    _SETTINGS[cls.__name__.lower()] = names
    _BY_LAST_WORD[re.findall(r"[A-Z][a-z0-9]*|^[a-z0-9]+", cls.__name__)[-1].lower()] = names

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            build(self, *args, **kwargs)
        except pydantic.ValidationError as error:
            raise SchemaError(problems(error), cls.__name__) from None

    wrapped.__init__ = init
    if not has_repr:
        wrapped.__repr__ = _show
    result: type[T] = wrapped
    return result


def _show(spec: Any) -> str:
    """The call that makes a declaration, without the settings that have their defaults."""
    shown = []
    for place, entry in enumerate(dataclasses.fields(spec)):
        value = getattr(spec, entry.name)
        is_default = entry.default_factory is dataclasses.MISSING and value == entry.default
        if isinstance(value, list | tuple | dict) and not value:
            continue
        if not is_default:
            shown.append(f"{value!r}" if place == 0 and isinstance(value, str) else f"{entry.name}={value!r}")
    return f"{type(spec).__name__}({', '.join(shown)})"


def problems(error: pydantic.ValidationError) -> list[Problem]:
    """Convert pydantic's problems to ours, each with its path, such as `fields[2].bins`."""
    return [
        problem
        for entry in error.errors()
        for problem in (_nested_problems(entry) or [Problem(_path(_location(entry)), _message(entry, error.title))])
    ]


def _location(entry: Any) -> tuple[int | str, ...]:
    location: tuple[int | str, ...] = entry["loc"]
    return (*location, "type") if entry["type"].startswith("union_tag") else location


def _nested_problems(entry: Any) -> list[Problem]:
    """The problems of a `SchemaError` that one of our validators raised, each below its own path."""
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
        return unknown_name("setting", str(entry["loc"][-1]), sorted(_settings(entry["loc"][:-1], title)))
    if kind == "union_tag_invalid":
        return unknown_name("type", entry["ctx"]["tag"], sorted(UNION_TAGS))
    if kind == "union_tag_not_found":
        return f"is required; available: {', '.join(sorted(UNION_TAGS))}"
    if kind == "missing":
        return "is required"
    text = "expected a list" if kind == "tuple_type" else str(entry["msg"]).removeprefix("Value error, ")
    text = text.replace("Input should be ", "expected ").replace("a valid integer", "a whole number")
    text = text[:1].lower() + text[1:]
    if kind == "value_error" or found is None or isinstance(found, dict):
        return text
    return f"{text}, got {found!r}{_nearest_choice(entry)}"


def _nearest_choice(entry: Any) -> str:
    """A hint at the choice that is spelled most like the text that was given."""
    if entry["type"] != "literal_error":
        return ""
    close = get_close_matches(str(entry["input"]), re.findall(r"'([^']*)'", entry["ctx"]["expected"]), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _settings(location: tuple[int | str, ...], title: str) -> tuple[str, ...]:
    """The settings that the table at `location` may have; `title` names the declaration at the root."""
    # the innermost declaration on the path
    for step in reversed(location):
        for name in (str(step), str(step).removesuffix("s")):  # `columns` is a list of `Column`
            known = _SETTINGS.get(name) or _BY_LAST_WORD.get(name)
            if known is not None:
                return known
    return _SETTINGS.get(title.lower(), ())
