"""`FinetuneSettings`: the settings of a fine-tuning run, frozen and validated; in TOML the table `[finetune]`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field as Constraint
from pydantic import model_validator

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.model import DEFAULT_POOLING, PoolingName
from domaintoolkit.schema.convert import from_dict, read_toml, toml_key, toml_value
from domaintoolkit.schema.declaration import Listed, Real, Whole, declaration

__all__ = ["FinetuneSettings", "load_settings", "settings_to_toml"]

Count = Annotated[Whole, Constraint(ge=1)]
Positive = Annotated[Real, Constraint(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[Real, Constraint(ge=0, allow_inf_nan=False)]
Share = Annotated[Real, Constraint(ge=0, lt=1)]


@declaration
class FinetuneSettings:
    """The head, the part of the model that is trained with it, and the optimization.

    A step is a batch of about `batch` label rows, and an epoch takes each training row once. Training ends after
    `epochs`, or after `patience` of its `evaluations` without a better score on validation rows; the weights with the
    best score are kept.
    """

    task: str | None = None
    """The task of the label table; needed if it has several."""
    objective: Literal["target", "ranking"] = "target"
    """The target's own kind (binary, multi-class, regression), or the order of the rows by their target."""
    group: str | None = None
    """For ranking: the column of the label table whose rows of one value are ranked. Without one, all rows are."""
    tuned: Literal["all", "last", "head"] = "all"
    """The part of the model that is trained: all of it, its last `layers`, or only the new head."""
    layers: Count = 1
    pooling: PoolingName = DEFAULT_POOLING
    """The vector of a history: the mean of all positions, a mean whose weights were trained, the last position, or last
    and mean side by side."""
    window: Annotated[Whole, Constraint(ge=2)] | None = None
    """Positions of a history that are read together; None is the model's block."""
    columns: Listed[str] = ()
    """Columns of the label table that join the history: numbers and categories that are known as of the date."""

    head_width: Annotated[Whole, Constraint(ge=0)] = 64
    """Width of the head's hidden layer; 0 is a linear head."""
    frequencies: Count = 8
    """Periodic functions of each number of `columns`."""
    crosses: Annotated[Whole, Constraint(ge=0)] = 2
    """Cross layers over `columns`."""
    dropout: Share = 0.1

    epochs: Positive | None = None
    """None is 5, or as many as 300 steps take if the table is small."""
    batch: Count = 64
    learning_rate: Positive = 2e-3
    """Of the head; that of the model is `model_rate` times it."""
    model_rate: Positive = 0.3
    weight_decay: NotNegative = 0.01
    warmup: Share = 0.1
    """Share of the steps in which the learning rate rises; it then falls to 0 along a cosine."""
    clip: NotNegative = 1.0
    evaluations: Count = 20
    """Evaluations on validation rows in the whole run."""
    patience: Count = 5
    seed: Annotated[Whole, Constraint(ge=0, lt=1 << 63)] = 0

    @model_validator(mode="after")
    def _consistent(self) -> FinetuneSettings:
        found = []
        if self.layers != 1 and self.tuned != "last":
            found.append(Problem("layers", f"has no effect when tuned is {self.tuned!r}"))
        if self.group is not None and self.objective != "ranking":
            found.append(Problem("group", "has no effect without objective = 'ranking'"))
        if len(set(self.columns)) < len(self.columns):
            found.append(Problem("columns", f"names a column twice: {list(self.columns)!r}"))
        if found:
            raise SchemaError(found, "finetune")
        return self


def load_settings(path: str | Path) -> FinetuneSettings:
    """Read settings from a TOML file: from its table `[finetune]` if there is one, else from all of it."""
    data = read_toml(path)
    table = data.get("finetune", data)
    if not isinstance(table, dict):
        raise SchemaError([Problem("finetune", f"expected a table, got {table!r}")], str(path))
    return from_dict(FinetuneSettings, table, str(path))


def settings_to_toml(settings: FinetuneSettings) -> str:
    """Every setting, defaults included, as lines of TOML that read back to equal settings."""
    given = {name: value for name, value in asdict(settings).items() if value is not None}
    listed = ((name, list(value) if isinstance(value, tuple) else value) for name, value in given.items())
    return "".join(f"{toml_key(name)} = {toml_value(value)}\n" for name, value in listed)
