"""The head of a fine-tuned run on disk: its weights, its columns and its objective."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from domaintoolkit.errors import ArtifactError
from domaintoolkit.finetune.fused_columns import ColumnFit, ColumnValues
from domaintoolkit.finetune.network import TargetHead
from domaintoolkit.finetune.objectives import Objective
from domaintoolkit.finetune.settings import FinetuneSettings, load_settings
from domaintoolkit.model import EventModel, TokenModel, find_pooler
from domaintoolkit.model.evaluation_mode import evaluation_mode
from domaintoolkit.util.artifacts import read_json, write_json
from domaintoolkit.util.partials import replacing_folder, write_atomic

__all__ = ["HEAD", "TunedHead", "load_head", "save_head"]

HEAD, DESCRIPTION, WEIGHTS = "head", "head.json", "head.safetensors"
FORMAT, VERSION = "domaintoolkit head", 1
STEP = 4_096
"""Rows that a head takes at a time."""


@dataclass(frozen=True, slots=True)
class TunedHead:
    """A head and what it was fitted for."""

    head: TargetHead
    objective: Objective
    fits: tuple[ColumnFit, ...]
    settings: FinetuneSettings

    @torch.no_grad()
    def predict(self, vectors: NDArray[np.float32], columns: ColumnValues) -> NDArray[np.float64]:
        """The predictions of n rows, as `Objective.predict` gives them."""
        with evaluation_mode(self.head):
            device = self.head.center.device
            found = [np.zeros((0, self.objective.outputs))]  # so that no rows have a shape too
            for low in range(0, len(vectors), STEP):
                rows = np.arange(low, min(low + STEP, len(vectors)))
                raw = self.head(torch.from_numpy(vectors[rows]).to(device), to_tensors(columns.take(rows), device))
                found.append(raw.double().cpu().numpy())
        return self.objective.predict(np.concatenate(found))


def to_tensors(columns: ColumnValues, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The columns as a head takes them."""
    numbers, missing, codes = map(torch.from_numpy, (columns.numbers, columns.missing, columns.codes))
    return numbers.to(device), missing.to(device), codes.to(device)


def save_head(folder: Path, tuned: TunedHead) -> None:
    """Write the head of a run."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in tuned.head.state_dict().items()}
    data = safetensors.torch.save(weights, metadata={"format": "pt"})
    with replacing_folder(folder / HEAD) as partial:
        write_atomic(partial / WEIGHTS, data)
        description = {
            "objective": tuned.objective.to_json(),
            "columns": [asdict(fit) for fit in tuned.fits],
            "weights": hashlib.sha256(data).hexdigest(),
        }
        write_json(partial / DESCRIPTION, FORMAT, VERSION, description)


def load_head(run: Path, model: TokenModel | EventModel) -> TunedHead:
    """The head of a fine-tuned run, for its model; raises `ArtifactError` if the run has none, or it was altered."""
    folder = run / HEAD
    if not folder.is_dir():
        raise ArtifactError(str(run), "has no head: it was pre-trained, and not fine-tuned for a target (`finetune`)")
    data = read_json(folder / DESCRIPTION, FORMAT, VERSION)
    settings = load_settings(run / "recipe.toml")
    objective = Objective.from_json(data["objective"])
    fits = tuple(_read_fit(entry) for entry in data["columns"])
    try:
        raw = (folder / WEIGHTS).read_bytes()
        if hashlib.sha256(raw).hexdigest() != data["weights"]:
            raise ArtifactError(str(folder / WEIGHTS), "was altered: its content does not match its checksum")
        weights = safetensors.torch.load(raw)
    except (OSError, SafetensorError) as error:
        raise ArtifactError(str(folder / WEIGHTS), str(error)) from error
    head = TargetHead(find_pooler(settings.pooling, model).width, objective.start(), fits, settings)
    head.load_state_dict(weights)
    return TunedHead(head.to(model.device).eval(), objective, fits, settings)


def _read_fit(entry: dict[str, Any]) -> ColumnFit:
    return ColumnFit(entry["name"], entry["kind"], tuple(entry["knots"]), tuple(entry["categories"]))
