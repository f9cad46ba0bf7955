"""A trained model out of the folder of its run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domaintoolkit._files import read_json
from domaintoolkit.errors import ArtifactError

__all__ = ["load_model", "model_folder"]


def model_folder(run: Path) -> Path:
    """Where the model of a run is: in `model`, or in the folder itself."""
    return run / "model" if (run / "model").is_dir() else run


def load_model(run: Path, device: str | None) -> Any:
    """The token or event model in a run's folder, on a GPU where there is one unless told otherwise."""
    import torch

    from domaintoolkit.model import EventModel, TokenModel

    folder = model_folder(run)
    name = read_json(folder / "config.json", "domaintoolkit model", 1).get("model")
    kinds = {kind.__name__: kind for kind in (TokenModel, EventModel)}
    if name not in kinds:
        raise ArtifactError(str(folder), f"holds a model of no known kind: {name!r}")
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return kinds[name].from_pretrained(folder, device=chosen)
