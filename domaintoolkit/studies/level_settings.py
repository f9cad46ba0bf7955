"""The settings of a study's levels: those of a recipe, and those that only a study has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field as Constraint

from domaintoolkit.errors import Problem, unknown_name
from domaintoolkit.schema.declaration import Real, Whole, declaration
from domaintoolkit.train import Recipe

__all__ = ["LevelSettings", "Settings", "clashes", "merge_settings", "unknown_settings"]

Settings = dict[str, Any]
Positive = Annotated[Real, Constraint(gt=0, allow_inf_nan=False)]
ADDED = ("model", "fields")
"""Tables whose entries add up; of other settings one replaces the other."""


@declaration
class KeptEvents:
    """The events that are kept: those whose `column` begins with a text."""

    column: str
    begins: str


@declaration
class LevelSettings:
    """The settings of a level beside those of the recipe."""

    share: Annotated[Real, Constraint(gt=0, le=1)] = 1.0
    """The share of the training entities."""
    composites: Annotated[Whole, Constraint(ge=0)] = 0
    """Composites learned in encoding."""
    fields: dict[str, dict[str, Any]] = Constraint(default_factory=dict)
    """Changes of the schema's fields."""
    where: KeptEvents | None = None
    start: dict[str, str] | None = None
    """The levels of the run whose weights are the start, as far as they differ from those of this one."""
    domain: str | None = None
    multiply_rate: Positive = 1.0
    """A factor of the learning rate."""
    seconds: Positive | None = None
    """The time whose steps are done."""


OWN = tuple(LevelSettings.__dataclass_fields__)


def merge_settings(recipe: Mapping[str, Any], levels: Iterator[Mapping[str, Any]]) -> tuple[Settings, Settings]:
    """(settings of the recipe, those that only a study has) of a run."""
    merged: Settings = dict(recipe)
    for level in levels:
        for name, value in level.items():
            if name in ADDED and isinstance(value, Mapping):
                merged[name] = _add(merged.get(name, {}), value)
            else:
                merged[name] = value
    return {name: value for name, value in merged.items() if name not in OWN}, {
        name: value for name, value in merged.items() if name in OWN
    }


def _add(table: Mapping[str, Any], more: Mapping[str, Any]) -> Settings:
    """The entries of both; the changes of one field add up too."""
    return dict(table) | {
        name: {**table[name], **value} if isinstance(value, Mapping) and isinstance(table.get(name), Mapping) else value
        for name, value in more.items()
    }


def unknown_settings(path: str, settings: Mapping[str, Any]) -> Iterator[Problem]:
    """The settings that neither a recipe nor a study has."""
    known = sorted({*Recipe.__dataclass_fields__, *OWN} - {"seed"})
    for name in settings:
        if name == "seed":
            yield Problem(f"{path}.seed", "cannot be set here: the seeds of a form or of a grid are used")
        elif name not in known:
            yield Problem(f"{path}.{name}", unknown_name("setting", name, known))


def clashes(levels: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """(a setting, two axes whose levels give it different values) in the levels of one run."""
    seen: dict[str, tuple[str, Any]] = {}
    for axis, settings in levels.items():
        for name, value in _flatten(settings):
            other, known = seen.setdefault(name, (axis, value))
            if other != axis and known != value:
                yield name, other, axis


def _flatten(settings: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping) and (path or name in ADDED):
            yield from _flatten(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
