"""`Recipe`: how a model is trained, as frozen, validated data; in TOML a file of its own or the table `[train]`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator
from pydantic import Field as Constraint

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.schema.convert import _key, _toml, from_dict, read_toml
from domaintoolkit.schema.declaration import Flag, Real, Whole, declaration

__all__ = ["Recipe", "changed", "default_recipe", "load_recipe", "resolved_toml"]

Count = Annotated[Whole, Constraint(ge=1)]
Positive = Annotated[Real, Constraint(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[Real, Constraint(ge=0, allow_inf_nan=False)]
Share = Annotated[Real, Constraint(ge=0, lt=1)]


def _setting(value: Any) -> Any:
    """One message for what is none of the four."""
    if not isinstance(value, str | bool | int | float):
        raise ValueError(f"expected text, a number, true or false, got {value!r}")
    return value


Setting = Annotated[str | bool | int | float, BeforeValidator(_setting)]
MEANING: tuple[tuple[str, str, Callable[[Recipe], bool]], ...] = (
    ("restart_every", "schedule", lambda recipe: recipe.schedule == "restarts"),
    ("floor", "schedule", lambda recipe: recipe.schedule != "constant"),
    ("scaling_positions", "scaling", lambda recipe: recipe.scaling != "none"),
    ("embedding_norm", "embedding_penalty_form", lambda recipe: recipe.embedding_penalty_form == "hinge"),
)
"""Settings that say something only where another setting lets them."""


@declaration
class Recipe:
    """The model, its data and its optimization. `steps` or `epochs` says how long; both left out is one epoch.

    A step is `accumulation` batches of `batch` blocks of `block` positions on each device. With `scaling`, the
    learning rate is that of a step of `scaling_positions` and grows with the positions of a step, or their
    square root. `embedding_penalty` is added to the loss: the mean squared norm of the embeddings of the tokens
    (`l2`), or of what their norms are above `embedding_norm` (`hinge`).
    """

    family: Literal["token", "event"] = "token"
    preset: str = "410k"
    model: dict[str, Setting] = Constraint(default_factory=dict)
    """Settings of the model that differ from its preset's."""
    segmentation: Literal["base", "greedy", "spr"] = "base"
    """Composites of the token model: none, always the same ones, or others each epoch."""

    block: Annotated[Whole, Constraint(ge=8)] = 256
    batch: Count = 16
    accumulation: Count = 1
    steps: Count | None = None
    epochs: Positive | None = None

    learning_rate: Positive = 3e-3
    scaling: Literal["none", "linear", "sqrt"] = "none"
    scaling_positions: Count = 65_536
    schedule: Literal["cosine", "constant", "restarts"] = "cosine"
    warmup: Annotated[Whole, Constraint(ge=0)] | None = None
    """Steps in which the learning rate rises linearly; left out, 50 or a tenth of all (or of a restart's), if fewer."""
    floor: Annotated[Real, Constraint(ge=0, le=1)] = 0.01
    """What the learning rate falls to, as a share of its peak."""
    restart_every: Count = 1000
    """Steps from one warm restart to the next."""
    beta1: Share = 0.9
    beta2: Share = 0.95
    epsilon: Positive = 1e-8
    weight_decay: NotNegative = 0.1
    """Decoupled, and on matrices only."""
    clip: NotNegative = 1.0
    """Largest norm of the gradient; 0 is no limit."""
    embedding_penalty: NotNegative = 0.0
    embedding_penalty_form: Literal["l2", "hinge"] = "l2"
    embedding_norm: Positive = 1.0

    precision: Literal["fp32", "bf16"] = "fp32"
    compile: Flag = False
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """How several devices share the work; with one it says nothing."""
    seed: Annotated[Whole, Constraint(ge=0, lt=1 << 63)] = 0

    evaluate_every: Count = 100
    evaluate_blocks: Count | None = 64
    """Validation blocks that an evaluation in the course of training looks at; the last one looks at all."""
    patience: Count | None = None
    """Evaluations without a better validation loss after which training ends early."""
    checkpoint_every: Count = 100
    keep: Count = 2
    """Checkpoints that are kept, besides the best."""
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        found = []
        if self.steps is not None and self.epochs is not None:
            found.append(Problem("epochs", "say either steps or epochs"))
        if self.warmup is not None and self.warmup >= (length := self._length(self.steps)):
            what = "restart_every" if length == self.restart_every else f"the {length} steps"
            found.append(Problem("warmup", f"must be shorter than {what}, got {self.warmup}"))
        if self.family == "event" and self.segmentation != "base":
            found.append(Problem("segmentation", "an event model reads base tokens"))
        if self.embedding_penalty_form == "hinge" and not self.embedding_penalty:
            found.append(Problem("embedding_penalty", "must be above 0 for the hinge form to do anything"))
        for name, other, meant in MEANING:
            if getattr(self, name) != _DEFAULTS[name] and not meant(self):
                found.append(Problem(name, f"says nothing where {other} is {getattr(self, other)!r}"))
        fixed = sorted({"vocabulary_size", "block", "composites"} & set(self.model))
        found += [Problem(f"model.{name}", "follows from the rest and cannot be set") for name in fixed]
        if found:
            raise SchemaError(found, "recipe")
        return self

    def _length(self, steps: int | None) -> float:
        """The steps of one rise and fall of the learning rate, as far as they are known."""
        if self.schedule == "restarts":
            return self.restart_every
        return math.inf if steps is None or self.schedule == "constant" else steps

    def warmup_of(self, steps: int) -> int:
        """The warm-up of `steps` steps."""
        return min(50, int(min(self._length(steps), steps)) // 10) if self.warmup is None else self.warmup

    def resolved(self, steps: int) -> Recipe:
        """The recipe of `steps` steps. Raises `SchemaError` where its warm-up is longer than they are."""
        return replace(self, steps=steps, epochs=None, warmup=self.warmup_of(steps))

    @property
    def positions(self) -> int:
        """Positions of one batch on one device."""
        return self.block * self.batch


_DEFAULTS: dict[str, Any] = {name: Recipe.__dataclass_fields__[name].default for name, _, _ in MEANING}


def default_recipe() -> Recipe:
    """What trains on a sample in minutes on a CPU: an event model, which takes far fewer steps than a token model.

    On 200,000 simulated shop events it passes the Markov baseline after about 200 of its 400 steps; on 20,000
    it would have seen each event 60 times by then, and overfits.
    """
    return Recipe(
        family="event",
        preset="410k",
        model={"sequential": True, "part_width": 64},
        block=128,
        batch=8,
        steps=400,
        learning_rate=4e-3,
        evaluate_every=200,
        checkpoint_every=200,
    )


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a TOML file: its table `[train]` where it has one, else all of it but `domain`."""
    data = read_toml(path)
    table = data.get("train", {name: value for name, value in data.items() if name != "domain"})
    if not isinstance(table, dict):
        raise SchemaError([Problem("train", f"expected a table, got {table!r}")], str(path))
    return from_dict(Recipe, table, str(path))


def changed(recipe: Recipe, **settings: Any) -> Recipe:
    """The recipe with other settings, those that are None left as they are.

    An end in steps replaces one in epochs, another family has none of the settings of the model before, and what only
    the replaced schedule, scaling or form of penalty had a use for goes with it.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    for name, other, _ in MEANING:
        if given.get(other, getattr(recipe, other)) != getattr(recipe, other):
            given = {name: _DEFAULTS[name]} | given
    if given.get("family", recipe.family) != recipe.family:
        given = {"model": {}} | given
    if len({"steps", "epochs"} & set(given)) == 1:
        given = {"steps": None, "epochs": None} | given
    return replace(recipe, **given)


def resolved_toml(recipe: Recipe) -> str:
    """Every setting, the defaults too, as TOML text that reads back to an equal recipe."""
    settings = {name: value for name, value in asdict(recipe).items() if value is not None}
    listed = ((name, list(value) if isinstance(value, tuple) else value) for name, value in settings.items())
    return "".join(f"{_key(name)} = {_toml(value)}\n" for name, value in listed)
