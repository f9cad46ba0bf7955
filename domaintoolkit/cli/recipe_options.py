"""A recipe's settings as options: one for each, whatever a recipe has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from domaintoolkit.train import Recipe

__all__ = ["recipe_options"]

HELP = {
    "family": "A model of tokens, or of events.",
    "preset": "The model's size: 54k, 410k, 3m, 6m, 12m, 24m, 25m, 85m, 200m or 330m.",
    "model": "A setting of the model that differs from its preset's, such as position=rope. Repeatable.",
    "segmentation": "Composites of the token model: none, always the same, or others each epoch.",
    "block": "Positions of a block.",
    "batch": "Blocks of a batch, on each device.",
    "accumulation": "Batches of a step.",
    "steps": "How many steps.",
    "epochs": "How many epochs, in place of steps.",
    "learning_rate": "Peak of the learning rate.",
    "scaling": "How the learning rate grows with the positions of a step.",
    "scaling_positions": "Positions of a step that the learning rate is meant for.",
    "schedule": "How the learning rate goes after the warm-up.",
    "warmup": "Steps in which the learning rate rises; left out, 50 or a tenth of all, if fewer.",
    "floor": "What the learning rate falls to, as a share of its peak.",
    "restart_every": "Steps from one warm restart to the next.",
    "beta1": "AdamW's first beta.",
    "beta2": "AdamW's second beta.",
    "epsilon": "AdamW's epsilon.",
    "weight_decay": "Decoupled weight decay, on matrices only.",
    "clip": "Largest norm of the gradient; 0 is no limit.",
    "embedding_penalty": "Weight of the penalty on the norms of embeddings.",
    "embedding_penalty_form": "Penalty on the squared norms, or on what they are above --embedding-norm.",
    "embedding_norm": "The norm below which the hinge form is zero.",
    "precision": "Numbers of the forward pass.",
    "compile": "Compile the model with torch.compile.",
    "parallel": "How several devices share the work.",
    "seed": "Seed of weights and order.",
    "evaluate_every": "Steps between evaluations.",
    "evaluate_blocks": "Validation blocks of an evaluation on the way.",
    "patience": "Evaluations without a better loss after which training ends early.",
    "checkpoint_every": "Steps between checkpoints.",
    "keep": "Checkpoints to keep, besides the best.",
    "trackers": "Where to log. Repeatable.",
}


def recipe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each setting of a recipe; the command takes those that were given as `settings`."""
    hints = get_type_hints(Recipe)
    names = list(Recipe.__dataclass_fields__)

    @wraps(function)
    def command(**arguments: Any) -> Any:
        given = {name: arguments.pop(name) for name in names}
        settings = {name: value for name, value in given.items() if value not in (None, ())}
        if "model" in settings:
            settings["model"] = _pairs(settings["model"])
        return function(settings=settings, **arguments)

    for name in reversed(names):
        flag = f"--{name.removesuffix('s') if name == 'trackers' else name.replace('_', '-')}"
        command = click.option(flag, name, help=HELP[name], default=None, **_kind(hints[name]))(command)
    return command


def _kind(hint: Any) -> Mapping[str, Any]:
    """How click reads a value of this type."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    if get_origin(hint) is Literal:
        return {"type": click.Choice(get_args(hint))}
    if get_origin(hint) is tuple:
        return {"type": click.Choice(get_args(get_args(hint)[0])), "multiple": True}
    if get_origin(hint) is dict:
        return {"metavar": "NAME=VALUE", "multiple": True}
    if hint is bool:
        return {"is_flag": True}
    return {"type": hint, "metavar": {int: "N", float: "X", str: "NAME"}[hint]}


def _pairs(texts: tuple[str, ...]) -> dict[str, Any]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--model takes NAME=VALUE, got {text!r}")
        try:
            pairs[name] = json.loads(value)
        except ValueError:
            pairs[name] = value
    return pairs
