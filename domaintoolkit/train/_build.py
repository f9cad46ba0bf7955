"""The model that a recipe names, for one vocabulary."""

from __future__ import annotations

from typing import Any

import torch

from domaintoolkit.model import EventModel, TokenModel, event_preset, preset
from domaintoolkit.train._recipe import Recipe

__all__ = ["build_model", "flops_per_batch"]


def build_model(recipe: Recipe, vocabulary: Any, grammar: Any) -> TokenModel | EventModel:
    """A fresh model, its weights drawn from the recipe's seed; it says whether it is of composites."""
    settings: dict[str, Any] = {**recipe.model, "block": recipe.block}
    if recipe.segmentation != "base":
        settings["composites"] = True
    torch.manual_seed(recipe.seed)
    if recipe.family == "event":
        return EventModel(event_preset(recipe.preset, len(vocabulary), **settings), grammar, vocabulary.hash)
    return TokenModel(preset(recipe.preset, len(vocabulary), **settings), grammar, vocabulary.hash)


def flops_per_batch(model: Any, recipe: Recipe) -> float:
    """Multiplications and additions of a batch, forward and backward: 6 a parameter that a position goes through
    (Kaplan et al. 2020), and those of causal attention over a full block."""
    config = model.config
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if recipe.family == "token" and not config.tied:
        parameters -= config.vocabulary_size * config.width
    return float((6 * parameters + 6 * config.layers * config.width * recipe.block) * recipe.positions)
