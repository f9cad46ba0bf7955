"""`TuningProgress`: the state of a fine-tuning run, as data and as one line."""

from __future__ import annotations

from dataclasses import dataclass

from domaintoolkit.display import fit_parts
from domaintoolkit.util.pulse import show_minutes

__all__ = ["TuningProgress"]


@dataclass(frozen=True, slots=True)
class TuningProgress:
    """The state of a run: a step of tuning, or how far a stage before or after it is."""

    stage: str
    """`embedding` before the first step, `tuning`, then `comparing`."""
    done: int
    """Steps of tuning; of other stages, label rows."""
    total: int | None
    loss: float | None = None
    """Mean loss of the steps since the last report."""
    metric: str = ""
    """The name of the measure that chooses the weights."""
    validation: float | None = None
    """Its latest value on validation rows."""
    seconds_left: float | None = None
    is_kept: bool = False
    """The step was evaluated."""

    def __str__(self) -> str:
        return self.fit(1_000)

    @property
    def pulse(self) -> str:
        """The text for a pipe while nothing is reported."""
        return str(self)

    def fit(self, width: int) -> str:
        """As one line of at most `width` characters: the parts that fit, the least important left out first."""
        return fit_parts(self._parts(), width)

    def _parts(self) -> list[tuple[str, int]]:
        """The parts of the line in order, each with its rank: 0 is the most important."""
        head = "step" if self.stage == "tuning" else self.stage
        parts = [(f"{head} {self.done:,}" + ("" if self.total is None else f"/{self.total:,}"), 0)]
        if self.total is None:
            parts = [(self.stage, 0)]
        if self.loss is not None:
            parts.append((f"loss {self.loss:.4f}", 3))
        if self.validation is not None:
            parts.append((f"validation {self.metric} {self.validation:.4f}", 1))
        if self.seconds_left is not None:
            parts.append((f"{show_minutes(self.seconds_left)} left", 2))
        return parts
