"""The record of a run in its folder: its recipe, its result and its log."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domaintoolkit.errors import ArtifactError
from domaintoolkit.train import Recipe, load_run_recipe, read_log, read_result

__all__ = ["RunRecord", "read_run"]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A finished run."""

    folder: Path
    recipe: Recipe
    result: dict[str, Any]
    log: list[dict[str, Any]]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The log's reports after steps, in order."""
        return [line for line in self.log if line["kind"] == "step"]

    @property
    def begun(self) -> dict[str, Any]:
        """The data and the device on which it last went on; empty without a log."""
        return next((line for line in reversed(self.log) if line["kind"] == "begin"), {})

    @property
    def seconds(self) -> float | None:
        """The time of all its parts that came to their end."""
        ends = [line["seconds"] for line in self.log if line["kind"] == "end"]
        return sum(ends) if ends else None

    @property
    def data(self) -> Path | None:
        """The encoded folder that it was trained on, if it is still there."""
        path = self.begun.get("data")
        return Path(path) if path and (Path(path) / "manifest.json").exists() else None

    @property
    def bits(self) -> dict[str, float]:
        """Bits an event of the model and of each baseline on the test split."""
        return {row["name"]: row["bits_per_event"] for row in self.result["comparison"]["rows"]}

    @property
    def has_new_entities(self) -> bool:
        """True if the model never saw the entities that the streams hold out."""
        return self.recipe.held_out == "entities" and self.has_new_events

    @property
    def has_new_events(self) -> bool:
        """True if the model was not trained on the events of its score."""
        return bool(self.result["comparison"]["verdict"] != "none")

    @property
    def measured_on(self) -> str:
        """The events of its score, in a word or two: `test`, `validation`, `the last events` or `training`."""
        return str(self.result["comparison"]["split"]) or "training"

    @property
    def command(self) -> str:
        """The command that repeats it."""
        data, recipe = (shlex.quote(str(path)) for path in (self.begun.get("data", "OUT"), self.folder / "recipe.toml"))
        return f"domaintoolkit train {data} --recipe {recipe} -o NEW-RUN"


def read_run(folder: Path) -> RunRecord:
    """Read a run's files; raises `ArtifactError` if it is not finished, or was fine-tuned."""
    recipe = load_run_recipe(folder)
    if recipe is None:
        raise ArtifactError(str(folder), "is neither an encoded folder nor the folder of a training run")
    result = read_result(folder)
    if "rows" not in result["comparison"]:
        reason = "was fine-tuned: its table is in result.json, and the page is about the run that it was tuned from"
        raise ArtifactError(str(folder), reason)
    return RunRecord(folder, recipe, result, read_log(folder))
