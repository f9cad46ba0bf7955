"""The result of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from domaintoolkit.evaluate import ModelComparison
from domaintoolkit.train.recipe import Recipe

__all__ = ["Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """The trained model compared with its baselines, and the run that made it."""

    folder: Path
    recipe: Recipe
    steps: int
    best_step: int
    """The step with the lowest validation loss, whose weights were kept."""
    parameters: int
    """The number of parameters of the whole model."""
    inner_parameters: int
    """Without the embeddings."""
    seconds: float
    losses: tuple[float, ...]
    """Mean nats a token of each batch that this process trained on."""
    validation: tuple[tuple[int, float], ...]
    """(step, bits an event) on validation entities."""
    comparison: ModelComparison
    predictions: tuple[str, ...]
    """Lines of text: a held-out history, and the next event that the model expects."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data, without the folder, the time and the losses of single batches."""
        data = asdict(self)
        del data["folder"], data["seconds"], data["losses"]
        return {**data, "comparison": self.comparison.to_json()}

    def __str__(self) -> str:
        size = f"{self.parameters:,} parameters ({self.inner_parameters:,} without embeddings)"
        run = f"{self.steps:,} steps in {self.seconds:.0f} s; the best weights are those of step {self.best_step:,}"
        lines = [f"{size}, {run}", *self.notes, "", self.comparison.table(), "", self.comparison.sentence]
        return "\n".join([*lines, *(["", *self.predictions] if self.predictions else [])])
