"""The model of a run, whichever kind it is."""

from __future__ import annotations

from pathlib import Path

import torch

from domaintoolkit._files import read_json
from domaintoolkit.errors import ArtifactError
from domaintoolkit.model._event_model import EventModel
from domaintoolkit.model._stored import CONFIG, FORMAT, VERSION
from domaintoolkit.model._token_model import TokenModel

__all__ = ["load_model"]

KINDS: dict[str, type[TokenModel] | type[EventModel]] = {kind.__name__: kind for kind in (TokenModel, EventModel)}


def load_model(run: str | Path, device: str | None = None) -> TokenModel | EventModel:
    """The model in the folder of a run, or in a folder that `save_pretrained` wrote.

    It goes to `device` (left out: a GPU where there is one). Raises `ArtifactError` where there is no model.
    """
    folder = Path(run) / "model" if (Path(run) / "model").is_dir() else Path(run)
    name = read_json(folder / CONFIG, FORMAT, VERSION).get("model")
    if name not in KINDS:
        raise ArtifactError(str(folder), f"holds a model of no known kind: {name!r}")
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return KINDS[name].from_pretrained(folder, device=chosen)
