"""Composites put into windows as they are read: always the same ones, or others each epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from domaintoolkit.composite import Arrays
from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train.recipe import Recipe
from domaintoolkit.windows.loader import Segment
from domaintoolkit.windows.packing import Windows

__all__ = ["BASE", "Segmentation", "build_segmentation"]


class Segmentation(NamedTuple):
    """The segmentation of training windows and of held-out ones; None leaves base tokens."""

    training: Segment | None
    held_out: Segment | None


BASE = Segmentation(None, None)


def build_segmentation(tokenizer: DomainTokenizer, recipe: Recipe) -> Segmentation:
    """The segmentation of a recipe; held-out windows are always segmented greedily.

    Raises `SchemaError` if the recipe asks for composites and the tokenizer has none.
    """
    if recipe.segmentation == "base":
        return BASE
    segmenter = tokenizer.segmenter
    if segmenter is None:
        raise SchemaError([Problem("segmentation", "the tokenizer has no composites")], "recipe")

    def segment_greedily(windows: Windows, _: int) -> Windows:
        return _replace_ids(windows, segmenter.greedy(segmenter.arrays(windows.ids, windows.offsets)))

    def segment_by_spr(windows: Windows, epoch: int) -> Windows:
        # A window's permutation depends on what it holds, not on its batch: the entity's number, and in the low 24
        # bits the number of its first event.
        keys = (windows.entities << 24) + windows.firsts
        streams = segmenter.arrays(windows.ids, windows.offsets)
        return _replace_ids(windows, segmenter.spr(streams, seed=recipe.seed, epoch=epoch, keys=keys))

    return Segmentation(segment_by_spr if recipe.segmentation == "spr" else segment_greedily, segment_greedily)


def _replace_ids(windows: Windows, segmented: Arrays) -> Windows:
    return replace(windows, ids=segmented.ids, offsets=segmented.offsets)
