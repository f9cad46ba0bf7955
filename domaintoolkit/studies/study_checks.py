"""The problems of a study that can be said before its runs, which may take hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

from domaintoolkit.errors import DomainToolkitError, LookupFailedError, Problem, SchemaError, unknown_name
from domaintoolkit.model import event_preset, preset
from domaintoolkit.schema.convert import from_dict
from domaintoolkit.studies.level_settings import OWN, LevelSettings, clashes, merge_settings, unknown_settings
from domaintoolkit.train import Recipe

if TYPE_CHECKING:
    from domaintoolkit.studies.study import Finding, Grid, Study, StudyFigure, StudyForm

__all__ = ["COLUMNS", "NEEDED_AXES", "study_problems"]

COLUMNS = (
    "cell", "seed", "is_chosen", "learning_rate", "seconds", "bits", "markov_bits", "unigram_bits", "validation_bits",
    "parameters", "inner_parameters", "steps", "best_step", "training_entities", "training_events", "events_seen",
    "tokens_seen", "test_events", "embedding_norm", "flops", "gain", "value_bits", "recall", "invalidation",
    "seconds_a_step",
)  # fmt: skip
"""Columns of the results beside the axes, in the order in which messages list them."""
FAMILIES = ("bits.", "recall.", "auroc.")
"""The beginnings of columns that are about a field, a part or a label."""
NEEDED_AXES = {
    "data_need": ("size",), "data_gain": ("size",),
    "more_steps": ("size", "batch", "seconds"), "least_batch": ("size", "batch", "seconds"),
    "least_time": ("size", "batch", "seconds"),
}  # fmt: skip
"""For a kind of finding, the axes that it reads, and `seconds` if runs are compared at fixed times."""
BEST = "best"
VOCABULARY = 1_000
"""Any size does: no other setting of a model depends on it."""


def study_problems(study: Study) -> list[Problem]:
    """Everything that is wrong with a study, each problem once."""
    found = [] if study.forms else [Problem("forms", "has no form")]
    for axis, levels in study.axes.items():
        found += _axis_problems(f"axes.{axis}", axis, levels)
    for number, figure in enumerate(study.figures):
        found += _figure_problems(study, f"figures[{number}]", figure)
    for number, finding in enumerate(study.findings):
        found += _finding_problems(study, f"findings[{number}]", finding)
    for name, form in study.forms.items():
        found += _form_problems(study, f"forms.{name}", form)
    if not found:
        # recipes are of use to nobody while names are wrong
        found = [
            problem for name, form in study.forms.items() for problem in _recipe_problems(study, f"forms.{name}", form)
        ]
    return list(dict.fromkeys(found))


def _axis_problems(path: str, axis: str, levels: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    if axis in COLUMNS or axis.startswith(FAMILIES):
        yield Problem(path, "is a column of the results; give the axis another name")
    if not levels:
        yield Problem(path, "has no level")
    for level, settings in levels.items():
        if level == BEST:
            yield Problem(
                f"{path}.{level}", f"{BEST!r} stands for the best level in a grid; give the level another name"
            )
        yield from unknown_settings(f"{path}.{level}", settings)
        try:
            from_dict(LevelSettings, {name: value for name, value in settings.items() if name in OWN})
        except SchemaError as error:
            yield from _below(f"{path}.{level}", error)


def _below(path: str, error: SchemaError) -> list[Problem]:
    return [replace(each, path=f"{path}.{each.path}") for each in error.problems]


def _level_problems(
    study: Study, path: str, levels: Mapping[str, str], extra: tuple[str, ...] = ()
) -> Iterator[Problem]:
    """The axes and levels that there are not."""
    yield from _axes_missing(study, path, levels)
    for axis, level in levels.items():
        known = study.axes.get(axis)
        if known is not None and level not in (*known, *extra):
            yield Problem(f"{path}.{axis}", unknown_name("level", level, known))


def _axes_missing(study: Study, path: str, axes: Iterable[str]) -> Iterator[Problem]:
    return (Problem(path, unknown_name("axis", axis, study.axes)) for axis in axes if axis not in study.axes)


def _column_problems(study: Study, path: str, column: str, needs_number: bool = True) -> Iterator[Problem]:
    if column in study.axes:
        if needs_number and not all(map(_is_number, study.axes[column])):
            yield Problem(path, f"{column!r} is an axis, whose levels are names; it needs a number such as bits")
    elif column not in COLUMNS and not column.startswith(FAMILIES):
        yield Problem(path, unknown_name("column", column, [*study.axes, *COLUMNS]))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _figure_problems(study: Study, path: str, figure: StudyFigure) -> Iterator[Problem]:
    yield from _level_problems(study, f"{path}.only", figure.only)
    yield from _level_problems(study, f"{path}.without", figure.without)
    if figure.lines is not None:
        yield from _axes_missing(study, f"{path}.lines", (figure.lines,))
    yield from _column_problems(study, f"{path}.x", figure.x, figure.kind != "bars")
    yield from _column_problems(study, f"{path}.y", figure.y)
    if figure.base is not None and figure.kind != "bars":
        yield Problem(f"{path}.base", "has an effect only with kind = 'bars'")
    elif figure.base is not None and figure.base not in (levels := study.axes.get(figure.x, {})):
        yield Problem(f"{path}.base", unknown_name("level", figure.base, levels))


def _finding_problems(study: Study, path: str, finding: Finding) -> Iterator[Problem]:
    for name in ("these", "those", "only"):
        yield from _level_problems(study, f"{path}.{name}", getattr(finding, name), ("first", "last"))
    yield from _axes_missing(study, f"{path}.by", finding.by)
    yield from _column_problems(study, f"{path}.y", finding.y)
    if finding.kind == "law":
        yield from _column_problems(study, f"{path}.x", finding.x)
    needed = NEEDED_AXES.get(finding.kind, ())
    for axis in needed:
        if axis not in study.axes and axis != "seconds":
            yield Problem(
                f"{path}.kind", f"{finding.kind!r} needs an axis {axis!r}; the axes are {', '.join(study.axes)}"
            )
    if "batch" in needed and not all(level.isdecimal() for level in study.axes.get("batch", ())):
        yield Problem(f"{path}.kind", f"{finding.kind!r} needs levels of the axis 'batch' that are called by its size")
    if "seconds" in needed and not any("seconds" in each for levels in study.axes.values() for each in levels.values()):
        yield Problem(f"{path}.kind", f"{finding.kind!r} needs an axis whose levels set 'seconds'")


def _form_problems(study: Study, path: str, form: StudyForm) -> Iterator[Problem]:
    yield from unknown_settings(f"{path}.recipe", form.recipe)
    if not form.grids:
        yield Problem(f"{path}.grids", "has no grid")
    tried: set[str] = set()
    for number, grid in enumerate(form.grids):
        yield from _grid_problems(study, f"{path}.grids[{number}]", grid, tried)
        if not (form.seeds if grid.seeds is None else grid.seeds):
            yield Problem(f"{path}.seeds" if grid.seeds is None else f"{path}.grids[{number}].seeds", "has no seed")
        tried |= {axis for axis, levels in grid.axes.items() if BEST not in levels}


def _grid_problems(study: Study, path: str, grid: Grid, tried: set[str]) -> Iterator[Problem]:
    yield from _axes_missing(study, f"{path}.axes", grid.axes)
    for axis, levels in grid.axes.items():
        if not levels:
            yield Problem(f"{path}.axes.{axis}", "has no level")
        for level in levels:
            yield from _level_problems(study, f"{path}.axes", {axis: level}, (BEST,))
        if BEST in levels and axis not in tried:
            yield Problem(f"{path}.axes.{axis}", f"{BEST!r} is that of an earlier grid, and none tries this axis")
    yield from _axes_missing(study, f"{path}.by", grid.by)
    for axis in grid.by:
        if axis in study.axes and axis not in grid.axes:
            yield Problem(f"{path}.by", f"{axis!r} is not an axis of this grid")
    if grid.by and not any(BEST in levels for levels in grid.axes.values()):
        yield Problem(f"{path}.by", f"has an effect only with the level {BEST!r}")


def _recipe_problems(study: Study, path: str, form: StudyForm) -> Iterator[Problem]:
    """The problems of the recipe of every run."""
    for number, grid in enumerate(form.grids):
        names = [axis for axis in study.axes if axis in grid.axes]
        choices = [[*study.axes[axis]] if BEST in grid.axes[axis] else [*grid.axes[axis]] for axis in names]
        for combination in product(*choices):
            levels = {axis: study.axes[axis][level] for axis, level in zip(names, combination, strict=True)}
            for setting, one, other in clashes(levels):
                reason = f"the axes {one!r} and {other!r} both set {setting}, to different values; a run can have one"
                yield Problem(f"{path}.grids[{number}].axes", reason)
            settings, own = merge_settings(form.recipe, iter(levels.values()))
            found = [*_run_problems(settings)]
            if own.get("start"):
                begun = dict(zip(names, combination, strict=True)) | own["start"]
                found += _start_problems(study, form, begun)
            yield from (_place(problem, path, levels, combination) for problem in found)


def _run_problems(settings: Mapping[str, Any]) -> Iterable[Problem]:
    """The problems of a recipe and of the shape of its model."""
    try:
        recipe = from_dict(Recipe, dict(settings))
        shape: Any = event_preset if recipe.family == "event" else preset
        shape(recipe.preset, VOCABULARY, **recipe.model, block=recipe.block)
    except LookupFailedError as error:
        return [Problem("preset", str(error))]
    except SchemaError as error:
        # a problem of the shape has the name of a model's setting
        return [
            each if each.path.split(".")[0].split("[")[0] in Recipe.__dataclass_fields__
            else replace(each, path=f"model.{each.path}")
            for each in error.problems
        ]  # fmt: skip
    except DomainToolkitError as error:
        return [Problem("model", str(error))]
    return []


def _place(
    problem: Problem, path: str, levels: Mapping[str, Mapping[str, Any]], combination: tuple[str, ...]
) -> Problem:
    """The problem with the path of the level, or of the recipe, that has the setting."""
    first, _, rest = problem.path.partition(".")
    for (axis, settings), level in zip(levels.items(), combination, strict=True):
        if first in settings and (first != "model" or not rest or rest in settings[first]):
            return replace(problem, path=f"axes.{axis}.{level}.{problem.path}")
    return replace(problem, path=f"{path}.recipe.{problem.path}")


def _start_problems(study: Study, form: StudyForm, levels: Mapping[str, str]) -> Iterator[Problem]:
    """A run that begins with another's weights needs that one in a grid."""
    wrong = list(_level_problems(study, "start", levels))
    yield from wrong
    grids = [grid.axes for grid in form.grids if set(grid.axes) == set(levels)]
    if not wrong and not any(
        all(level in axes[axis] or BEST in axes[axis] for axis, level in levels.items()) for axes in grids
    ):
        yield Problem(
            "start", f"no grid has the levels {', '.join(f'{axis} {level}' for axis, level in levels.items())}"
        )
