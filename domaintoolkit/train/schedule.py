"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math

from domaintoolkit.train.recipe import Recipe

__all__ = ["learning_rate", "peak_rate"]


def peak_rate(recipe: Recipe, devices: int = 1) -> float:
    """The highest learning rate, scaled with the positions of a step."""
    ratio = recipe.positions * recipe.accumulation * devices / recipe.scaling_positions
    match recipe.scaling:
        case "linear":
            return recipe.learning_rate * ratio
        case "sqrt":
            return recipe.learning_rate * math.sqrt(ratio)
        case _:
            return recipe.learning_rate


def learning_rate(recipe: Recipe, step: int, steps: int, devices: int = 1) -> float:
    """The learning rate of step `step` (from 0) of `steps`: linear warm-up, then the schedule.

    The cosine reaches the floor at the last step; with restarts (Loshchilov and Hutter 2017), at the last one
    before each restart. Only the run warms up: a restart begins at the peak.
    """
    peak = peak_rate(recipe, devices)  # the highest
    warmup = recipe.warmup_steps(steps)
    if step < warmup:
        # the first step learns already, and the step after the warm-up is the first with the peak
        return peak * (step + 1) / (warmup + 1)
    if recipe.schedule == "constant":
        return peak
    begin, end = warmup, steps
    if recipe.schedule == "restarts":
        cycle, step = divmod(step, recipe.restart_every)
        # `step` counts within the cycle from here on, and only the first one has a warm-up
        begin, end = 0 if cycle else warmup, min(steps, recipe.restart_every)
    along = (step - begin) / max(1, end - 1 - begin)  # from 0 to 1 at the last step
    return peak * (recipe.floor + (1 - recipe.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, along))))
