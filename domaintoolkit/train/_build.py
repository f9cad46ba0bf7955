"""The model that a recipe names, for one vocabulary."""

from __future__ import annotations

from typing import Any

import torch

from domaintoolkit.composite import CompositeModel
from domaintoolkit.model import EventModel, TokenModel, counting_events, event_preset, preset
from domaintoolkit.train._recipe import Recipe

__all__ = ["build_model", "flops_per_batch"]


def build_model(
    recipe: Recipe, vocabulary: Any, grammar: Any, composites: CompositeModel | None = None
) -> TokenModel | EventModel:
    """A fresh model, its weights drawn from the recipe's seed.

    Where the recipe puts `composites` in, the model says so, and knows how many events begin in each.
    """
    settings: dict[str, Any] = {**recipe.model, "block": recipe.block}
    layout = grammar
    if recipe.segmentation != "base":
        settings["composites"] = True
        if composites is not None:
            tokens, _, offsets = composites.flat_pieces
            layout = counting_events(grammar, tokens, offsets, composites.ids)
    torch.manual_seed(recipe.seed)
    if recipe.family == "event":
        return EventModel(event_preset(recipe.preset, len(vocabulary), **settings), layout, vocabulary.hash)
    return TokenModel(preset(recipe.preset, len(vocabulary), **settings), layout, vocabulary.hash)


def flops_per_batch(model: Any, recipe: Recipe) -> float:
    """Multiplications and additions of a batch, forward and backward: 6 a parameter that a position goes through
    (Kaplan et al. 2020), and those of causal attention over a full block."""
    config = model.config
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if recipe.family == "token" and not config.tied:
        parameters -= config.vocabulary_size * config.width
    return float((6 * parameters + 6 * config.layers * config.width * recipe.block) * recipe.positions)
