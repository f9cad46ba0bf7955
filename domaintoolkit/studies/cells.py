"""The cells of a study: each combination of levels and seed, with its recipe and its data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from domaintoolkit.schema.convert import from_dict
from domaintoolkit.studies.level_settings import LevelSettings, merge_settings
from domaintoolkit.studies.study import Grid, Study, StudyForm
from domaintoolkit.train import Recipe, replace_settings
from domaintoolkit.util.artifacts import canonical_json

__all__ = ["DataPlan", "StudyCell", "expand_grid"]


@dataclass(frozen=True, slots=True)
class DataPlan:
    """The encoded folder of a cell."""

    domain: str | None = None
    """Another domain than the study's."""
    composites: int = 0
    fields: tuple[tuple[str, str], ...] = ()
    """(field, JSON of the settings that differ)."""
    where: tuple[str, str] | None = None
    """(column, the beginning of its text) of the events that are kept."""
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class StudyCell:
    """One run. Cells of equal content have the same name, so that none is done twice."""

    levels: tuple[tuple[str, str], ...]
    """(axis, level) in the order of the axes."""
    seed: int
    recipe: Recipe
    data: DataPlan
    start: tuple[tuple[str, str], ...] | None = None
    """The levels of the cell, of the same seed, whose weights are the start."""
    seconds: float | None = None
    """The time that its steps take together; their number follows from that of one."""

    @property
    def name(self) -> str:
        """A hash of what the cell does."""
        content = canonical_json(
            [_plain(asdict(self.recipe)), _plain(asdict(self.data)), self.start or [], self.seconds]
        )
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        """Its levels and its seed, for people."""
        return ", ".join([*(f"{axis} {level}" for axis, level in self.levels), f"seed {self.seed}"])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value


def expand_grid(
    study: Study, form: StudyForm, grid: Grid, best: Mapping[tuple[str, ...], Mapping[str, str]]
) -> Iterator[StudyCell]:
    """The cells of a grid. `best` has, for the levels of the axes `by`, the best level of each tuned axis."""
    names = [axis for axis in study.axes if axis in grid.axes]
    for combination in product(*(grid.axes[axis] for axis in names)):
        levels = dict(zip(names, combination, strict=True))
        key = tuple(levels[axis] for axis in grid.by if axis in levels)
        levels = {axis: best[key][axis] if level == "best" else level for axis, level in levels.items()}
        for seed in form.seeds if grid.seeds is None else grid.seeds:
            yield _cell(study, form, levels, seed)


def _cell(study: Study, form: StudyForm, levels: dict[str, str], seed: int) -> StudyCell:
    settings, more = merge_settings(form.recipe, (study.axes[axis][level] for axis, level in levels.items()))
    own = from_dict(LevelSettings, more, "the levels of a study")
    recipe = from_dict(Recipe, {**settings, "seed": seed}, "the recipe of a study")
    if own.multiply_rate != 1:
        recipe = replace_settings(recipe, learning_rate=recipe.learning_rate * own.multiply_rate)
    data = DataPlan(
        domain=own.domain,
        composites=own.composites,
        fields=tuple((name, canonical_json(changes)) for name, changes in sorted(own.fields.items())),
        where=None if own.where is None else (own.where.column, own.where.begins),
        share=own.share,
    )
    began = None if own.start is None else tuple((axis, own.start.get(axis, level)) for axis, level in levels.items())
    return StudyCell(tuple(levels.items()), seed, recipe, data, began, own.seconds)
