"""`Study`: a grid of training runs as declared data, and the studies that the package ships."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field as Constraint
from pydantic import model_validator

from domaintoolkit.errors import LookupFailedError, Problem, SchemaError
from domaintoolkit.schema.convert import from_dict, read_toml
from domaintoolkit.schema.declaration import Flag, Real, Whole, declaration
from domaintoolkit.studies.level_settings import Settings
from domaintoolkit.studies.study_checks import study_problems

__all__ = ["Finding", "Grid", "Study", "StudyFigure", "StudyForm", "load_study", "study_names"]

CATALOG = "domaintoolkit.studies"


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
    events: Annotated[Whole, Constraint(ge=1)] | None = None
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
    margin: Annotated[Real, Constraint(ge=0)] = 0.01
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
    """For each axis its levels, and for each level the settings of the recipe, or of `LevelSettings`, that it has."""
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
        found = study_problems(self)
        if found:
            raise SchemaError(found, "study")
        return self


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
