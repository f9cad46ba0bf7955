"""The model that a recipe names, for one vocabulary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from domaintoolkit.composite import CompositeModel
from domaintoolkit.errors import SchemaError
from domaintoolkit.model import (
    EventModel,
    EventModelConfig,
    TokenModel,
    TokenModelConfig,
    event_preset,
    preset,
)
from domaintoolkit.train.recipe import Recipe

__all__ = ["build_model", "flops_per_batch", "model_config"]


def build_model(
    recipe: Recipe, vocabulary: Any, grammar: Any, composites: CompositeModel | None = None
) -> TokenModel | EventModel:
    """A fresh model, its weights drawn from the recipe's seed.

    Where the recipe puts `composites` in, the model says so, and knows how many events begin in each.
    """
    config, layout = model_config(recipe, len(vocabulary)), grammar
    if recipe.segmentation != "base" and composites is not None:
        tokens, _, offsets = composites.flat_pieces
        layout = grammar.with_composites(composites.ids, tokens, offsets)
    torch.manual_seed(recipe.seed)
    if isinstance(config, EventModelConfig):
        return EventModel(config, layout, vocabulary.hash)
    return TokenModel(config, layout, vocabulary.hash)


def model_config(recipe: Recipe, vocabulary_size: int) -> TokenModelConfig | EventModelConfig:
    """The shape of the model that a recipe names; its problems are those of the recipe's table `model`."""
    settings: dict[str, Any] = {**recipe.model, "block": recipe.block}
    if recipe.segmentation != "base":
        settings["composites"] = True
    shape = event_preset if recipe.family == "event" else preset
    try:
        return shape(recipe.preset, vocabulary_size, **settings)
    except SchemaError as error:
        own = [replace(each, path=f"model.{each.path}" if each.path else "model") for each in error.problems]
        raise SchemaError(own, "recipe") from None


def flops_per_batch(model: Any, recipe: Recipe) -> float:
    """Multiplications and additions of a batch, forward and backward: 6 a parameter that a position goes through
    (Kaplan et al. 2020), and those of causal attention over a full block."""
    config = model.config
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if recipe.family == "token" and not config.tied:
        parameters -= config.vocabulary_size * config.width
    return float((6 * parameters + 6 * config.layers * config.width * recipe.block) * recipe.positions)
