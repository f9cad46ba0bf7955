"""Composites put into windows as they are read: always the same ones, or others each epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite import Arrays
from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.streams._packing import Windows
from domaintoolkit.train._loader import Segment
from domaintoolkit.train._recipe import Recipe

__all__ = ["segmentation"]


def segmentation(tokenizer: Any, recipe: Recipe) -> tuple[Segment | None, Segment | None]:
    """What the recipe does to training and to held-out windows; the latter are always segmented greedily.

    Raises `SchemaError` where the recipe wants composites and the tokenizer has none.
    """
    if recipe.segmentation == "base":
        return None, None
    segmenter, grammar = tokenizer.segmenter, tokenizer.grammar
    if segmenter is None:
        raise SchemaError([Problem("segmentation", "the tokenizer has no composites")], "recipe")

    def greedy(windows: Windows, _: int) -> Windows:
        return _replaced(windows, segmenter.greedy(_arrays(windows, grammar)))

    def spr(windows: Windows, epoch: int) -> Windows:
        keys = (windows.entities << 24) + windows.firsts
        return _replaced(windows, segmenter.spr(_arrays(windows, grammar), seed=recipe.seed, epoch=epoch, keys=keys))

    return (spr if recipe.segmentation == "spr" else greedy), greedy


def _replaced(windows: Windows, made: Arrays) -> Windows:
    return replace(windows, ids=made.ids, offsets=made.offsets)


def _arrays(windows: Windows, grammar: Any) -> Arrays:
    """Windows with the places where their events begin: at a session token, or else at their first part."""
    ids = windows.ids
    opens = np.flatnonzero(grammar.start[ids] & (grammar.place[ids] == grammar.header_parts))
    starts: NDArray[np.int64] = opens - (ids[opens - 1] == grammar.session)
    counts = np.searchsorted(starts, windows.offsets)
    return Arrays(ids, windows.offsets, starts, counts)
