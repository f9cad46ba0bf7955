"""Composites put into windows as they are read: always the same ones, or others each epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domaintoolkit.composite import Arrays
from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.train.recipe import Recipe
from domaintoolkit.windows.loader import Segment
from domaintoolkit.windows.packing import Windows

__all__ = ["segmentation"]


def segmentation(tokenizer: Any, recipe: Recipe) -> tuple[Segment | None, Segment | None]:
    """What the recipe does to training and to held-out windows; the latter are always segmented greedily.

    Raises `SchemaError` where the recipe wants composites and the tokenizer has none.
    """
    if recipe.segmentation == "base":
        return None, None
    segmenter = tokenizer.segmenter
    if segmenter is None:
        raise SchemaError([Problem("segmentation", "the tokenizer has no composites")], "recipe")

    def greedy(windows: Windows, _: int) -> Windows:
        return _replaced(windows, segmenter.greedy(segmenter.arrays(windows.ids, windows.offsets)))

    def spr(windows: Windows, epoch: int) -> Windows:
        keys = (windows.entities << 24) + windows.firsts
        return _replaced(
            windows,
            segmenter.spr(segmenter.arrays(windows.ids, windows.offsets), seed=recipe.seed, epoch=epoch, keys=keys),
        )

    return (spr if recipe.segmentation == "spr" else greedy), greedy


def _replaced(windows: Windows, made: Arrays) -> Windows:
    return replace(windows, ids=made.ids, offsets=made.offsets)
