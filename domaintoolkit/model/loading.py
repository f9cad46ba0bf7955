"""The model of a run, whichever kind it is, and the threads that it computes in."""

from __future__ import annotations

from pathlib import Path

import torch

from domaintoolkit.errors import ArtifactError, Problem, SchemaError
from domaintoolkit.model.bound_model import CONFIG, FORMAT, VERSION
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.token_model import TokenModel
from domaintoolkit.util.artifacts import read_json

__all__ = ["limit_threads", "load_model"]

KINDS: dict[str, type[TokenModel] | type[EventModel]] = {kind.__name__: kind for kind in (TokenModel, EventModel)}


def load_model(run: str | Path, device: str | None = None) -> TokenModel | EventModel:
    """The model in the folder of a run, or in a folder that `save_pretrained` wrote.

    It goes to `device` (default: a GPU if there is one). Raises `ArtifactError` if there is no model, and
    `SchemaError` if there is no such device.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    _check_device(chosen)
    folder = Path(run) / "model" if (Path(run) / "model").is_dir() else Path(run)
    name = read_json(folder / CONFIG, FORMAT, VERSION).get("model")
    if name not in KINDS:
        raise ArtifactError(str(folder), f"holds a model of the unknown kind {name!r}")
    return KINDS[name].from_pretrained(folder, device=chosen)


def limit_threads(count: int) -> int:
    """Let models of this process compute in `count` threads; returns the number before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    return before


def _check_device(name: str) -> None:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # what builds of PyTorch without it raise
        reason = str(error).splitlines()[0]
        raise SchemaError([Problem("device", f"{name!r} is not available here ({reason})")], "options") from None
