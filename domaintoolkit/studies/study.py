"""`Study`: a grid of training runs as declared data, and the studies that the package ships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import Field as Constraint
from pydantic import model_validator

from domaintoolkit.errors import LookupFailedError, Problem, SchemaError
from domaintoolkit.schema.convert import from_dict, read_toml
from domaintoolkit.schema.declaration import Flag, Real, Whole, declaration
from domaintoolkit.train import Recipe

__all__ = ["Finding", "Grid", "Study", "StudyFigure", "StudyForm", "load_study", "study_names"]

Settings = dict[str, Any]
CATALOG = "domaintoolkit.studies"
OWN_SETTINGS = ("share", "composites", "fields", "where", "start", "domain", "multiply_rate", "seconds")
"""The settings of a level beside the recipe: the share of the training entities, composites learned in encoding,
changes of the schema's fields, the events that are kept, the level of another grid whose weights are the start, another
domain, a factor of the learning rate, and the seconds whose steps are done."""

NUMBERS = ("steps", "seconds", "learning_rate")
"""Columns of numbers that an axis may have the name of: the results hold the number, and not the level."""
RESERVED = ("cell", "seed", "is_chosen", "bits", "validation", "parameters", "inner_parameters", "flops")


@declaration
class Grid:
    """The runs of every combination of some levels, each with every seed."""

    axes: dict[str, tuple[str, ...]]
    """For each axis its levels; the one level `best` stands for the best of an earlier grid."""
    seeds: tuple[Whole, ...] | None = None
    """The seeds, if they are not those of the form."""
    by: tuple[str, ...] = ()
    """For `best`: the axes whose levels each have a best of their own."""


@declaration
class StudyForm:
    """One size of a study: its data, the recipe of every run, and the grids."""

    grids: tuple[Grid, ...]
    events: Whole | None = None
    """Events of the domain's sample."""
    seeds: tuple[Whole, ...] = (0,)
    recipe: Settings = Constraint(default_factory=dict)


@declaration
class StudyFigure:
    """One picture of a study's page.

    `law` fits a power law of `y` in `x`; `curves` draws `y` over `x`, a line for each level of `lines`; `bars`
    compares the levels of `x`, each with the spread of its seeds. `only` keeps the runs of some levels.
    """

    kind: Literal["law", "curves", "bars"]
    title: str
    x: str
    y: str = "bits"
    lines: str | None = None
    only: dict[str, str] = Constraint(default_factory=dict)
    without: dict[str, str] = Constraint(default_factory=dict)
    """Levels whose runs are left out."""
    every_run: Flag = False
    """True if the runs of a tuning are drawn too, and not only the best."""
    base: str | None = None
    """The level that others are compared with."""
    log_x: Flag = False


@declaration
class Finding:
    """A finding of others, and the way to tell from the runs of a study if it holds for them.

    `compare` takes the mean of `y` over the runs with the levels `these`, less that of `those`, for each level of the
    axes `by`. `level` compares the mean of `y` over `these` with zero. `law` predicts the largest of `x` from the
    others; `data_need` and `data_gain` compare sizes over shares of the data; `optimum` fits the loss in size and data;
    `more_steps`, `least_batch` and `least_time` compare sizes and batches at fixed times. `untested` has a `reason`.
    """

    claim: str
    source: str
    kind: Literal["compare", "level", "law", "data_need", "data_gain", "optimum", "more_steps", "least_batch",
                  "least_time", "untested"]  # fmt: skip
    expect: Literal["lower", "higher", "equal"] = "lower"
    y: str = "bits"
    x: str = "inner_parameters"
    these: dict[str, str] = Constraint(default_factory=dict)
    """`first` and `last` stand for the first and the last level of an axis that has runs."""
    those: dict[str, str] = Constraint(default_factory=dict)
    only: dict[str, str] = Constraint(default_factory=dict)
    by: tuple[str, ...] = ()
    published: Real | None = None
    """The relative change that others report."""
    margin: Real = 0.01
    """The relative difference up to which two are called equal, or a prediction right."""
    after_steps: Whole | None = None
    """The steps from which on the finding is said to hold."""
    reason: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Finding:
        needed = {"compare": ("these", "those"), "level": ("these",), "untested": ("reason",)}.get(self.kind, ())
        found = [Problem(name, f"is required for kind = {self.kind!r}") for name in needed if not getattr(self, name)]
        if found:
            raise SchemaError(found, "finding")
        return self


@declaration
class Study:
    """A question, the axes along which runs differ, its forms, and its pictures."""

    title: str
    question: str
    axes: dict[str, dict[str, Settings]]
    """For each axis its levels, and for each level the settings of the recipe, or of `OWN_SETTINGS`, that it has."""
    forms: dict[str, StudyForm]
    figures: tuple[StudyFigure, ...] = ()
    domain: str | None = None
    """The domain whose sample is used, unless another is given."""
    findings: tuple[Finding, ...] = ()
    """Findings of others, to compare with."""
    downstream: Flag = False
    """True if embeddings are probed for the labels of the events."""

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        found = [Problem("forms", "has no form")] if not self.forms else []
        known = {*Recipe.__dataclass_fields__, *OWN_SETTINGS}
        for axis, levels in self.axes.items():
            if axis in RESERVED:
                found.append(Problem(f"axes.{axis}", "is a column of the results; give the axis another name"))
            for level, settings in levels.items():
                found += [
                    Problem(f"axes.{axis}.{level}.{name}", "is neither a setting of a recipe nor one of a study")
                    for name in settings if name not in known
                ]  # fmt: skip
        for form, each in self.forms.items():
            for number, grid in enumerate(each.grids):
                found += list(self._grid_problems(f"forms.{form}.grids[{number}]", grid))
        for number, figure in enumerate(self.figures):
            found += list(self._figure_problems(f"figures[{number}]", figure))
        for number, finding in enumerate(self.findings):
            axes = {*finding.these, *finding.those, *finding.only, *finding.by}
            found += [
                Problem(f"findings[{number}]", f"there is no axis {axis!r}") for axis in sorted(axes - {*self.axes})
            ]
        if found:
            raise SchemaError(found, "study")
        return self

    def _figure_problems(self, path: str, figure: StudyFigure) -> Iterator[Problem]:
        named = {
            "only": figure.only,
            "without": figure.without,
            "lines": () if figure.lines is None else (figure.lines,),
        }
        have = ", ".join(self.axes)
        for setting, axes in named.items():
            for axis in axes:
                if axis not in self.axes:
                    yield Problem(f"{path}.{setting}", f"there is no axis {axis!r}; the axes are {have}")
        if figure.kind != "bars" and self._has_names(figure.x):
            said = f"{figure.x!r} is an axis, whose levels are names; a figure of kind {figure.kind!r} needs a number"
            yield Problem(f"{path}.x", f"{said}, such as inner_parameters, or kind = 'bars'")
        if self._has_names(figure.y):
            yield Problem(
                f"{path}.y", f"{figure.y!r} is an axis, whose levels are names; it needs a number such as bits"
            )

    def _has_names(self, column: str) -> bool:
        """True for an axis some of whose levels are not called by a number."""
        return column not in NUMBERS and any(not _is_number(level) for level in self.axes.get(column, ()))

    def _grid_problems(self, path: str, grid: Grid) -> list[Problem]:
        found = []
        for axis, levels in grid.axes.items():
            if axis not in self.axes:
                found.append(Problem(f"{path}.axes", f"there is no axis {axis!r}; the axes are {', '.join(self.axes)}"))
                continue
            unknown = [level for level in levels if level not in self.axes[axis] and level != "best"]
            if unknown:
                have = ", ".join(self.axes[axis])
                found.append(Problem(f"{path}.axes.{axis}", f"has no level {unknown[0]!r}; its levels are {have}"))
        return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def study_names() -> list[str]:
    """The studies that the package ships."""
    return sorted(entry.name.removesuffix(".toml") for entry in files(CATALOG).joinpath("catalog").iterdir()
                  if entry.name.endswith(".toml"))  # fmt: skip


def load_study(name: str | Path) -> Study:
    """A study of the package by its name, or one in a TOML file."""
    path = Path(name)
    if path.suffix != ".toml" and not path.is_file():
        if str(name) not in study_names():
            raise LookupFailedError("study", str(name), study_names(), note="or give a file that ends in .toml")
        path = Path(str(files(CATALOG).joinpath("catalog", f"{name}.toml")))
    data: Mapping[str, Any] = read_toml(path)
    return from_dict(Study, dict(data), str(path))
