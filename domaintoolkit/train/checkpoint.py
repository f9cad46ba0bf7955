"""Checkpoints: folders of safetensors and JSON that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from domaintoolkit.errors import ArtifactError
from domaintoolkit.util.artifacts import file_checksum, read_json, write_json
from domaintoolkit.util.partials import remove_folder, replacing_folder

__all__ = ["Checkpoints", "Tensors"]

Tensors = dict[str, Tensor]

FORMAT, VERSION = "domaintoolkit checkpoint", 1
STATE = "state.json"


class Checkpoints:
    """The checkpoints of one run, `step-00000100` and so on: the last `keep`, and the best."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self.keep = folder, keep

    def __repr__(self) -> str:
        return f"<Checkpoints in {str(self.folder)!r}: {self.describe()}>"

    def path(self, step: int) -> Path:
        """The folder of a step's checkpoint."""
        return self.folder / f"step-{step:08d}"

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, in ascending order."""
        return sorted(int(path.name[5:]) for path in self.folder.glob("step-*") if path.name[5:].isdecimal())

    def describe(self) -> str:
        """The last checkpoint in words, for the message of a run that ends early."""
        kept = self.steps()
        return f"the last checkpoint is that of step {kept[-1]}" if kept else "there is no checkpoint yet"

    def save(self, step: int, tensors: Mapping[str, Tensors], state: Mapping[str, Any], best: int | None) -> None:
        """Write a checkpoint of named groups of tensors and of plain data, then remove those no longer kept."""
        with replacing_folder(self.path(step)) as folder:
            for name, group in tensors.items():
                # safetensors refuses tensors that share memory, as tied weights do: each gets its own
                copies = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in group.items()}
                safetensors.torch.save_file(copies, folder / f"{name}.safetensors", metadata={"format": "pt"})
            files = {file.name: file_checksum(file) for file in sorted(folder.iterdir())}
            write_json(folder / STATE, FORMAT, VERSION, {**state, "files": files})
        self.prune(best)

    def prune(self, best: int | None) -> None:
        """Remove the checkpoints that are neither among the last `keep` nor the best."""
        for old in self.steps()[: -self.keep]:
            if old != best:
                remove_folder(self.path(old))

    def load(self, step: int) -> tuple[dict[str, Tensors], dict[str, Any]]:
        """The tensors and the state of a checkpoint; raises `ArtifactError` if one of its files is damaged."""
        folder = self.path(step)
        state = read_json(folder / STATE, FORMAT, VERSION)
        files = state.pop("files", None)
        if not isinstance(files, dict) or any(Path(name).name != name for name in files):
            raise ArtifactError(str(folder / STATE), f"does not list the files of a checkpoint: {files!r}")
        return {Path(name).stem: _read(folder / name, checksum) for name, checksum in files.items()}, state

    def load_last(self) -> tuple[dict[str, Tensors], dict[str, Any]]:
        """`load` of the last checkpoint; if that is damaged, the error says how to continue without it."""
        steps = self.steps()
        try:
            return self.load(steps[-1])
        except ArtifactError as error:
            if len(steps) == 1:
                raise
            reason = f"{error.reason}; delete {self.path(steps[-1])} to continue from step {steps[-2]}"
            raise ArtifactError(error.path, reason) from None


def _read(path: Path, checksum: str) -> Tensors:
    try:
        if file_checksum(path) != checksum:
            raise ArtifactError(str(path), "was altered: its content does not match its checksum")
        return dict(safetensors.torch.load_file(path))
    except (OSError, SafetensorError) as error:
        raise ArtifactError(str(path), str(error)) from error
