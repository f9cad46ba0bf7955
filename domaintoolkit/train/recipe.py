"""`Recipe`: the settings of a training run, frozen and validated; in TOML a file of its own or the table `[train]`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator
from pydantic import Field as Constraint

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.schema.convert import from_dict, read_toml, toml_key, toml_value
from domaintoolkit.schema.declaration import Flag, Real, Whole, declaration

__all__ = ["Recipe", "default_recipe", "load_recipe", "recipe_to_toml", "replace_settings"]

Count = Annotated[Whole, Constraint(ge=1)]
Positive = Annotated[Real, Constraint(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[Real, Constraint(ge=0, allow_inf_nan=False)]
Share = Annotated[Real, Constraint(ge=0, lt=1)]


def _check_setting(value: object) -> object:
    """Refuse other types with one message; pydantic would give one for each member of the union."""
    if not isinstance(value, str | bool | int | float):
        raise ValueError(f"expected text, a number, true or false, got {value!r}")
    return value


Setting = Annotated[str | bool | int | float, BeforeValidator(_check_setting)]
CONDITIONAL: tuple[tuple[str, str, Callable[[Recipe], bool]], ...] = (
    ("restart_every", "schedule", lambda recipe: recipe.schedule == "restarts"),
    ("floor", "schedule", lambda recipe: recipe.schedule != "constant"),
    ("scaling_positions", "scaling", lambda recipe: recipe.scaling != "none"),
    ("embedding_norm", "embedding_penalty_form", lambda recipe: recipe.embedding_penalty_form == "hinge"),
)
"""Settings that have an effect only with some values of another: (setting, the other, the condition)."""


@declaration
class Recipe:
    """The model, its data and its optimization. It lasts for `steps` or `epochs`; without both, one epoch.

    A step is `accumulation` batches of `batch` blocks of `block` positions on each device. With `scaling`, the
    learning rate is that of a step of `scaling_positions` and grows with the positions of a step, or their
    square root. `embedding_penalty` times the mean squared norm of the token embeddings (`l2`), or times that of
    their excess over `embedding_norm` (`hinge`), is added to the loss.
    """

    family: Literal["token", "event"] = "token"
    preset: str = "410k"
    model: dict[str, Setting] = Constraint(default_factory=dict)
    """Settings of the model that replace its preset's."""
    segmentation: Literal["base", "greedy", "spr"] = "base"
    """Composites of the token model: none, always the same, or others each epoch."""
    held_out: Literal["entities", "last", "none"] = "entities"
    """The events that are not trained on: those of the entities that the streams keep for validation and test, the
    last two of every history (the last one for the test), or none."""

    purpose: Literal["events", "ranking", "entities"] = "events"
    """The best weights are those that do best on validation data: with the lowest cost of the next event, with the
    highest mean of 1 / rank of its values, or with the lowest cost of all later events given the mean of a history,
    which is its embedding."""

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
    """Steps in which the learning rate rises linearly; None is 50, or a tenth of all (or of a restart's) if fewer."""
    floor: Annotated[Real, Constraint(ge=0, le=1)] = 0.01
    """The lowest learning rate, as a share of its peak."""
    restart_every: Count = 1000
    """Steps from one warm restart to the next."""
    beta1: Share = 0.9
    beta2: Share = 0.95
    epsilon: Positive = 1e-8
    weight_decay: NotNegative = 0.1
    """Decoupled, and on matrices only."""
    clip: NotNegative = 1.0
    """The largest norm of the gradient; 0 means no limit."""
    embedding_penalty: NotNegative = 0.0
    embedding_penalty_form: Literal["l2", "hinge"] = "l2"
    embedding_norm: Positive = 1.0

    precision: Literal["fp32", "bf16"] = "fp32"
    compile: Flag = False
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """The way that several devices share the work; it has no effect on one."""
    seed: Annotated[Whole, Constraint(ge=0, lt=1 << 63)] = 0

    evaluate_every: Count = 100
    evaluate_blocks: Count | None = 64
    """Validation blocks of an evaluation during training; None is all of them."""
    patience: Count | None = None
    """Evaluations without a better validation loss after which training ends early."""
    checkpoint_every: Count = 100
    keep: Count = 2
    """The number of last checkpoints to keep; the best is also kept."""
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        found = []
        if self.steps is not None and self.epochs is not None:
            found.append(Problem("epochs", "give either steps or epochs, not both"))
        if self.warmup is not None and self.warmup >= (length := self._length(self.steps)):
            limit = "restart_every" if length == self.restart_every else f"the {length} steps"
            found.append(Problem("warmup", f"must be shorter than {limit}, got {self.warmup}"))
        if self.family == "event" and self.segmentation != "base":
            found.append(Problem("segmentation", "an event model reads base tokens"))
        if self.held_out == "last" and self.segmentation != "base":
            found.append(Problem("held_out", "last events can be held out in base tokens only"))
        if self.purpose == "entities" and (self.family != "event" or self.model.get("later") == 0):
            found.append(Problem("purpose", "'entities' needs an event model with later above 0"))
        if self.embedding_penalty_form == "hinge" and not self.embedding_penalty:
            found.append(Problem("embedding_penalty", "must be above 0 for the hinge form to have an effect"))
        if self.purpose == "ranking" and self.segmentation != "base":
            found.append(Problem("purpose", "'ranking' needs base tokens: a composite is of no one part"))
        if self.purpose == "ranking" and self.parallel == "fsdp":
            found.append(Problem("purpose", "'ranking' needs the whole model on each device, which fsdp does not keep"))
        for name, other, has_effect in CONDITIONAL:
            if getattr(self, name) != _DEFAULTS[name] and not has_effect(self):
                found.append(Problem(name, f"has no effect when {other} is {getattr(self, other)!r}"))
        fixed = sorted({"vocabulary_size", "block", "composites"} & set(self.model))
        found += [Problem(f"model.{name}", "cannot be set: it follows from other settings") for name in fixed]
        if found:
            raise SchemaError(found, "recipe")
        return self

    def _length(self, steps: int | None) -> float:
        """The steps of one rise and fall of the learning rate; infinite if unknown."""
        if self.schedule == "restarts":
            return self.restart_every
        return math.inf if steps is None or self.schedule == "constant" else steps

    def warmup_steps(self, steps: int) -> int:
        """The warm-up of a run of `steps` steps."""
        return min(50, int(min(self._length(steps), steps)) // 10) if self.warmup is None else self.warmup

    def resolve(self, steps: int) -> Recipe:
        """The recipe of a run of `steps` steps; raises `SchemaError` if its warm-up is longer."""
        return replace(self, steps=steps, epochs=None, warmup=self.warmup_steps(steps))

    @property
    def positions(self) -> int:
        """Positions of one batch on one device."""
        return self.block * self.batch


_DEFAULTS: dict[str, Any] = {name: Recipe.__dataclass_fields__[name].default for name, _, _ in CONDITIONAL}


def default_recipe(family: Literal["token", "event"] = "event", events: int = 200_000, gpu: bool = False) -> Recipe:
    """The recipe for a table of so many events, on a CPU or on a GPU.

    Small tables are gone through several times with a small model, in many small steps. Large ones get a wider model,
    larger batches and one pass. An event model takes far fewer steps than a token model. The steps are those of
    `PASSES` over the events, at least `FEWEST` and at most so many that a CPU ends within about an hour or two.
    """
    if family == "token":
        return Recipe()
    size = "small" if events < MIDDLE else "middle" if events < LARGE else "large"
    shape = SHAPES["gpu" if gpu else "cpu"][size]
    positions = shape["block"] * shape["batch"]
    # an event takes one position
    steps = max(FEWEST, min(round(PASSES[size] * events / positions), MOST["gpu" if gpu else "cpu"]))
    often = max(1, steps // 10)
    return Recipe(family="event", steps=steps, evaluate_every=often, checkpoint_every=often, **shape)


MIDDLE, LARGE = 1_000_000, 20_000_000
"""Events from which a table counts as middling, and as large."""
PASSES = {"small": 4, "middle": 2, "large": 1}
FEWEST, MOST = 500, {"cpu": 6_000, "gpu": 50_000}
SHAPES: dict[str, dict[str, dict[str, Any]]] = {
    "cpu": {
        "small": {"preset": "410k", "model": {"part_width": 64}, "block": 128, "batch": 8, "learning_rate": 4e-3},
        "middle": {"preset": "410k", "model": {"part_width": 64}, "block": 128, "batch": 16, "learning_rate": 4e-3},
        "large": {"preset": "3m", "block": 256, "batch": 32, "learning_rate": 2e-3},
    },
    "gpu": {
        "small": {"preset": "410k", "model": {"part_width": 64}, "block": 128, "batch": 16, "learning_rate": 4e-3},
        "middle": {"preset": "3m", "block": 256, "batch": 32, "learning_rate": 2e-3, "precision": "bf16"},
        "large": {"preset": "24m", "block": 512, "batch": 64, "learning_rate": 1e-3, "precision": "bf16"},
    },
}


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a TOML file: from its table `[train]` if there is one, else from all of it but `domain`."""
    data = read_toml(path)
    table = data.get("train", {name: value for name, value in data.items() if name != "domain"})
    if not isinstance(table, dict):
        raise SchemaError([Problem("train", f"expected a table, got {table!r}")], str(path))
    return from_dict(Recipe, table, str(path))


def replace_settings(recipe: Recipe, **settings: Any) -> Recipe:
    """The recipe with other settings; those that are None stay unchanged.

    `steps` replaces `epochs` and the other way round. Another family drops the settings of the old model; another
    schedule, scaling or form of penalty drops the settings that only the old one used.
    """
    new = {name: value for name, value in settings.items() if value is not None}
    for name, other, _ in CONDITIONAL:
        if new.get(other, getattr(recipe, other)) != getattr(recipe, other):
            new = {name: _DEFAULTS[name]} | new
    if new.get("family", recipe.family) != recipe.family:
        new = {"model": {}} | new
    if len({"steps", "epochs"} & set(new)) == 1:
        new = {"steps": None, "epochs": None} | new
    return replace(recipe, **new)


def recipe_to_toml(recipe: Recipe) -> str:
    """Every setting, defaults included, as TOML text that reads back to an equal recipe."""
    settings = {name: value for name, value in asdict(recipe).items() if value is not None}
    listed = ((name, list(value) if isinstance(value, tuple) else value) for name, value in settings.items())
    return "".join(f"{toml_key(name)} = {toml_value(value)}\n" for name, value in listed)
