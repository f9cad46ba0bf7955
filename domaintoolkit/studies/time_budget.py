"""The cells and steps that fit a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.studies.cells import StudyCell
from domaintoolkit.train import Recipe, replace_settings
from domaintoolkit.util.artifacts import canonical_json

__all__ = ["TimePlan", "apply_plan", "fit_budget", "shape_of"]

FEWEST_STEPS = 30
OVERHEAD = 12.0
"""Seconds of a cell beside its steps: starting, baselines, and measuring."""
RESERVE = 0.85
"""The share of the time that is planned for: machines are slower at times."""


@dataclass(frozen=True, slots=True)
class TimePlan:
    """A factor for the steps of every cell, and the seeds that are kept."""

    factor: float
    seeds: int
    seconds: float
    """The expected time of all cells."""


def shape_of(recipe: Recipe) -> str:
    """The settings that the time of a step depends on."""
    names = ("family", "preset", "block", "batch", "accumulation", "segmentation", "precision")
    return canonical_json([dict(recipe.model), *(getattr(recipe, name) for name in names)])


def fit_budget(cells: Sequence[StudyCell], step_seconds: Mapping[str, float], budget: float, jobs: int) -> TimePlan:
    """Fewer steps for all, at least thirty; if that is not enough, fewer seeds, at least one.

    Raises `SchemaError` if not even that fits.
    """
    most = max((seeds for seeds in _seed_counts(cells)), default=1)
    allowed = budget * RESERVE * jobs
    for seeds in range(most, 0, -1):
        kept = _first_seeds(cells, seeds)
        fixed = OVERHEAD * len(kept)
        working = sum((each.recipe.steps or FEWEST_STEPS) * step_seconds[shape_of(each.recipe)] for each in kept)
        factor = min(1.0, (allowed - fixed) / working) if working else 1.0
        fewest = max((FEWEST_STEPS / (each.recipe.steps or FEWEST_STEPS) for each in kept), default=1.0)
        # a quarter of the steps is better than fewer seeds; less than that is not
        if factor >= max(0.25, fewest) or seeds == 1:
            factor = max(factor, fewest if seeds == 1 else factor)
            plan = TimePlan(factor, seeds, (fixed + working * factor) / jobs)
            if plan.seconds > budget:
                least = f"{FEWEST_STEPS} steps of each run with one seed take about {plan.seconds:,.0f} s here"
                raise SchemaError([Problem("budget", f"is too short: {least}; drop levels, or give more")], "study")
            return plan
    return TimePlan(1.0, most, 0.0)


def _seed_counts(cells: Sequence[StudyCell]) -> list[int]:
    groups: dict[tuple[tuple[str, str], ...], set[int]] = {}
    for cell in cells:
        groups.setdefault(cell.levels, set()).add(cell.seed)
    return [len(seeds) for seeds in groups.values()]


def _first_seeds(cells: Sequence[StudyCell], count: int) -> list[StudyCell]:
    seen: dict[tuple[tuple[str, str], ...], list[int]] = {}
    kept = []
    for cell in cells:
        seeds = seen.setdefault(cell.levels, [])
        if cell.seed not in seeds and len(seeds) >= count:
            continue
        seeds.append(cell.seed)
        kept.append(cell)
    return kept


def apply_plan(cells: Sequence[StudyCell], plan: TimePlan) -> list[StudyCell]:
    """The cells of a plan, with its steps."""
    kept = _first_seeds(cells, plan.seeds)
    return [_with_steps(each, plan.factor) for each in kept] if plan.factor < 1.0 else kept


def _with_steps(cell: StudyCell, factor: float) -> StudyCell:
    return cell if cell.recipe.steps is None else replace(cell, recipe=_shorten(cell.recipe, factor))


def _shorten(recipe: Recipe, factor: float) -> Recipe:
    assert recipe.steps is not None
    steps = max(FEWEST_STEPS, math.floor(recipe.steps * factor))
    every = max(1, math.ceil(recipe.evaluate_every * steps / recipe.steps))
    warmup = None if recipe.warmup is None else min(recipe.warmup, steps // 10)
    return replace_settings(recipe, steps=steps, evaluate_every=every, checkpoint_every=every, warmup=warmup)
