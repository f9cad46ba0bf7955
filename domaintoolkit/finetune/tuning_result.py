"""The result of fine-tuning."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

from domaintoolkit.finetune.settings import FinetuneSettings

__all__ = ["TuningResult", "TuningRow"]


@dataclass(frozen=True, slots=True)
class TuningRow:
    """The metrics of one way to predict the test rows."""

    name: str
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class TuningResult:
    """The tuned model compared with what predicts the same rows without it."""

    folder: Path
    settings: FinetuneSettings
    kind: str
    target: str
    counts: dict[str, int]
    """Label rows in training, validation and test, and those of unknown entities or without events."""
    steps: int
    best_step: int
    """The step with the best score on validation rows, whose weights were kept."""
    metric: str
    """The metric that chose the weights."""
    seconds: float
    validation: tuple[tuple[int, float], ...]
    """(step, score) on validation rows."""
    split: str
    """The split that `rows` are of."""
    rows: tuple[TuningRow, ...]
    gain: tuple[float, float, float] | None
    """The tuned model's gain in `metric` over the best other row, and its 95% interval (bootstrap over entities)."""
    verdict: str
    """`beats`, `level`, `loses`, or `none` without held-out rows."""
    sentence: str
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data, without the folder and the time; a metric that is not defined is null."""
        data = asdict(self)
        for row in data["rows"]:
            row["metrics"] = {name: None if isnan(value) else value for name, value in row["metrics"].items()}
        del data["folder"], data["seconds"], data["verdict"], data["sentence"]
        return {**data, "comparison": {"verdict": self.verdict, "sentence": self.sentence}}

    def __str__(self) -> str:
        names = list(self.rows[-1].metrics) if self.rows else []
        counts = self.counts
        sizes = (
            f"{counts['train']:,} rows to train on, {counts['validation']:,} to validate, {counts['test']:,} to test"
        )
        lines = [
            f"{self.kind} target {self.target!r}: {sizes}",
            f"{self.steps:,} steps in {self.seconds:.0f} s; the best weights are those of step {self.best_step:,}",
            *self.notes,
            "",
            f"| {self.split} rows | " + " | ".join(names) + " |",
            "|---" * (len(names) + 1) + "|",
        ]
        for row in self.rows:
            cells = [row.name, *("-" if isnan(row.metrics[name]) else f"{row.metrics[name]:.4f}" for name in names)]
            lines += [f"| {' | '.join(cells)} |"]
        return "\n".join([*lines, "", self.sentence])
