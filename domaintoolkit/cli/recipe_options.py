"""One option for each setting of a recipe, and of fine-tuning."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from domaintoolkit.cli.completion import complete_model_settings, complete_presets
from domaintoolkit.train import Recipe

__all__ = ["finetune_options", "recipe_options"]

HELP = {
    "family": "Predict token by token, or event by event.",
    "preset": "Size of the model: 54k, 410k, 3m, 6m, 12m, 24m, 25m, 85m, 200m or 330m; of an event model also "
    "event-14k to event-85m.",
    "model": "Override a setting of the preset, such as position=rope. Repeatable.",
    "segmentation": "Composites of the token model: none, fixed, or drawn again each epoch.",
    "purpose": "Keep the weights that are best at the next event, at ranking its values, or at embeddings.",
    "held_out": "Hold out the entities that the streams keep for that, the last events of all, or nothing.",
    "block": "Positions per block.",
    "batch": "Blocks per batch and device.",
    "accumulation": "Batches per step.",
    "steps": "Number of steps.",
    "epochs": "Number of epochs, instead of --steps.",
    "learning_rate": "Peak learning rate.",
    "scaling": "Growth of the learning rate with the positions per step.",
    "scaling_positions": "Positions per step that --learning-rate is given for.",
    "schedule": "Course of the learning rate after the warm-up.",
    "warmup": "Steps of warm-up.  [default: 50, or a tenth of all steps if that is less]",
    "floor": "Final learning rate, as a share of its peak.",
    "restart_every": "Steps between warm restarts.",
    "beta1": "AdamW's first beta.",
    "beta2": "AdamW's second beta.",
    "epsilon": "AdamW's epsilon.",
    "weight_decay": "Decoupled weight decay, on matrices only.",
    "clip": "Largest norm of the gradient; 0 sets no limit.",
    "embedding_penalty": "Weight of the penalty on the norms of embeddings.",
    "embedding_penalty_form": "Penalize the squared norms, or the excess over --embedding-norm.",
    "embedding_norm": "Norm up to which the hinge form is zero.",
    "precision": "Number format of the forward pass.",
    "compile": "Compile the model with torch.compile.",
    "parallel": "Way that several devices share the work.",
    "seed": "Seed of the weights and of the order of the data.",
    "evaluate_every": "Steps between evaluations.",
    "evaluate_blocks": "Validation blocks per evaluation during training.",
    "patience": "Stop early after this many evaluations without a better loss.",
    "checkpoint_every": "Steps between checkpoints.",
    "keep": "Checkpoints to keep, in addition to the best.",
    "trackers": "Log to this tracker. Repeatable.",
}

COMPLETED = {"preset": {"shell_complete": complete_presets}, "model": {"shell_complete": complete_model_settings}}
"""The settings whose values a shell can offer, but for choices."""

FINETUNE_HELP = {
    "task": "Task of the label table, if it has several.",
    "objective": "Predict the target, or order rows by it.",
    "group": "Column whose rows of one value are ranked.  [default: all rows together]",
    "tuned": "Train all of the model, its last layers, or only the head.",
    "layers": "Last layers to train, with --tuned last.",
    "pooling": "Vector of a history: the mean of all positions, a mean whose weights were trained, the last position, "
    "or last and mean.",
    "window": "Positions of a history that are read together.  [default: the model's block]",
    "columns": "Column of the label table that joins the history. Repeatable.",
    "head_width": "Width of the head's hidden layer; 0 for a linear head.",
    "frequencies": "Periodic functions of each number of a column.",
    "crosses": "Cross layers over the columns.",
    "dropout": "Share of the head's inputs that are dropped in training.",
    "epochs": "Number of epochs.  [default: 5, or 300 steps if that is more]",
    "batch": "Label rows per step.",
    "learning_rate": "Peak learning rate of the head.",
    "model_rate": "Learning rate of the model, as a share of the head's.",
    "weight_decay": "Decoupled weight decay.",
    "warmup": "Share of the steps in which the learning rate rises.",
    "clip": "Largest norm of the gradient; 0 sets no limit.",
    "evaluations": "Evaluations on validation rows in the whole run.",
    "patience": "Stop after this many evaluations without a better score.",
    "seed": "Seed of the head and of the order of the rows.",
}
FLAGS = {"trackers": "--tracker", "columns": "--fuse"}
"""Options that are not named as their setting."""


def recipe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each setting of a recipe; the command takes those that the user gave as `settings`."""
    return _setting_options(function, Recipe, HELP)


def finetune_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for the settings of fine-tuning."""
    from domaintoolkit.finetune import FinetuneSettings

    return _setting_options(function, FinetuneSettings, FINETUNE_HELP)


def _setting_options(function: Callable[..., Any], kind: type[Any], help: Mapping[str, str]) -> Callable[..., Any]:
    hints = get_type_hints(kind)
    names = list(kind.__dataclass_fields__)

    @wraps(function)
    def command(**arguments: Any) -> Any:
        given = {name: arguments.pop(name) for name in names}
        # no option has a default: the recipe has its own
        settings = {name: value for name, value in given.items() if value not in (None, ())}
        if "model" in settings:
            settings["model"] = _parse_pairs(settings["model"])
        return function(settings=settings, **arguments)

    for name in reversed(names):
        flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
        settings = {**_click_type(hints[name]), **COMPLETED.get(name, {})}
        command = click.option(flag, name, help=help[name], default=None, **settings)(command)
    return command


def _click_type(hint: Any) -> Mapping[str, Any]:
    """The keyword arguments of `click.option` for a setting of this type."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    if get_origin(hint) is Literal:
        return {"type": click.Choice(get_args(hint))}
    if get_origin(hint) is tuple and get_args(hint)[0] is str:
        return {"metavar": "COLUMN", "multiple": True}
    if get_origin(hint) is tuple:
        return {"type": click.Choice(get_args(get_args(hint)[0])), "multiple": True}
    if get_origin(hint) is dict:
        return {"metavar": "NAME=VALUE", "multiple": True}
    if hint is bool:
        return {"is_flag": True}
    return {"type": hint, "metavar": {int: "N", float: "X", str: "NAME"}[hint]}


def _parse_pairs(texts: tuple[str, ...]) -> dict[str, Any]:
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
