"""The model of a recipe, for one vocabulary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from domaintoolkit.composite import CompositeModel
from domaintoolkit.errors import SchemaError
from domaintoolkit.grammar import Grammar, Syntax
from domaintoolkit.model import (
    EventModel,
    EventModelConfig,
    TokenModel,
    TokenModelConfig,
    event_preset,
    preset,
)
from domaintoolkit.train.recipe import Recipe
from domaintoolkit.vocabulary import Vocabulary

__all__ = ["build_config", "build_model", "flops_per_batch"]


def build_model(
    recipe: Recipe, vocabulary: Vocabulary, grammar: Grammar, composites: CompositeModel | None = None
) -> TokenModel | EventModel:
    """A new model, its weights drawn from the recipe's seed.

    If the recipe uses `composites`, the model stores that, and how many events begin in each.
    """
    config = build_config(recipe, len(vocabulary))
    syntax: Syntax = grammar
    # one token may begin several events, and the loss is reported for each event
    if recipe.segmentation != "base" and composites is not None:
        tokens, _, offsets = composites.flat_pieces
        syntax = grammar.with_composites(composites.ids, tokens, offsets)
    # just before the weights are drawn, so that nothing else moves them
    torch.manual_seed(recipe.seed)
    if isinstance(config, EventModelConfig):
        return EventModel(config, syntax, vocabulary.hash)
    return TokenModel(config, syntax, vocabulary.hash)


def build_config(recipe: Recipe, vocabulary_size: int) -> TokenModelConfig | EventModelConfig:
    """The shape of a recipe's model; its problems are reported as those of the recipe's table `model`."""
    settings: dict[str, Any] = {**recipe.model, "block": recipe.block}
    if recipe.segmentation != "base":
        settings["composites"] = True
    shape = event_preset if recipe.family == "event" else preset
    try:
        return shape(recipe.preset, vocabulary_size, **settings)
    except SchemaError as error:
        own = [replace(each, path=f"model.{each.path}" if each.path else "model") for each in error.problems]
        raise SchemaError(own, "recipe") from None


def flops_per_batch(model: TokenModel | EventModel, recipe: Recipe) -> float:
    """Multiplications and additions of a batch, forward and backward.

    They are 6 for each parameter and position (Kaplan et al. 2020), and those of causal attention over a full block.
    """
    config = model.config
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if recipe.family == "token" and not config.tied:
        parameters -= config.vocabulary_size * config.width  # the input table is only looked up in
    return float((6 * parameters + 6 * config.layers * config.width * recipe.block) * recipe.positions)
