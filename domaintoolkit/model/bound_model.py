"""The base of both models: bound to a vocabulary, saved and loaded, and resized with the vocabulary."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import safetensors.torch
import torch
from huggingface_hub import ModelHubMixin, snapshot_download
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import validate_repo_id
from numpy.typing import NDArray
from torch import Tensor, nn

from domaintoolkit.errors import ArtifactError, VocabularyMismatchError
from domaintoolkit.grammar import Syntax
from domaintoolkit.model.batches import EXTRA_PARTS, LossReport
from domaintoolkit.model.config import TokenModelConfig, resize_vocabulary
from domaintoolkit.schema.convert import from_dict, to_dict
from domaintoolkit.util.artifacts import read_json, write_json
from domaintoolkit.util.partials import write_atomic

__all__ = ["BoundModel", "VocabularyLike"]

Ints = NDArray[np.integer[Any]]

FORMAT, VERSION = "domaintoolkit model", 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"
TABLES = {
    "place": torch.int16,
    "start": torch.bool,
    "fills": torch.int16,
    "fusible": torch.bool,
    "events_in": torch.int32,
}
"""The arrays of a `Syntax` that are stored with the weights."""


class VocabularyLike(Protocol):
    """A vocabulary, as a model sees it."""

    @property
    def hash(self) -> str: ...
    @property
    def generations(self) -> tuple[tuple[int, str], ...]: ...


class BoundModel(nn.Module, ModelHubMixin):
    """A model bound to one vocabulary. It stores the syntax of streams, and so loads without a tokenizer."""

    config: TokenModelConfig
    config_type: type[TokenModelConfig] = TokenModelConfig
    place: Tensor
    start: Tensor
    fills: Tensor
    fusible: Tensor
    events_in: Tensor
    grows: tuple[str, ...] = ()
    """Names of the parameters that have a row for each token."""

    def bind(self, syntax: Syntax, vocabulary_hash: str) -> None:
        """Keep the hash of the vocabulary and its syntax."""
        self.vocabulary_hash = vocabulary_hash
        self.header_parts, self.event_parts = syntax.header_parts, syntax.event_parts
        self.names = syntax.part_names
        self._tables(syntax)

    def _tables(self, syntax: Syntax) -> None:
        for name, kind in TABLES.items():
            self.register_buffer(name, torch.as_tensor(np.array(getattr(syntax, name)), dtype=kind))

    def loss(self, batch: Any) -> LossReport:
        """The loss of a `TokenBatch` (token model) or an `EventBatch` (event model)."""
        raise NotImplementedError

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of the entries of `nats_by_part`: event parts, then `EXTRA_PARTS`."""
        return (*self.names[self.header_parts :], *EXTRA_PARTS)

    @property
    def layout(self) -> Syntax:
        """The syntax that the model is bound to."""
        tables = {name: getattr(self, name).cpu().numpy() for name in TABLES}
        return Syntax(self.header_parts, self.event_parts, self.names, **tables)

    @property
    def device(self) -> torch.device:
        """The device that holds the model."""
        return self.place.device

    def check_vocabulary(self, vocabulary: VocabularyLike) -> None:
        """Refuse streams of another vocabulary; of a later generation too, until `resize`."""
        if vocabulary.hash == self.vocabulary_hash:
            return
        later = self._generation() in tuple(vocabulary.generations)
        hint = "a later generation of it: resize the model first" if later else ""
        raise VocabularyMismatchError(self.vocabulary_hash, vocabulary.hash, hint)

    def _generation(self) -> tuple[int, str]:
        return self.config.vocabulary_size, self.vocabulary_hash

    @torch.no_grad()
    def resize(self, vocabulary: VocabularyLike, syntax: Syntax) -> None:
        """Grow to a later generation of the vocabulary: every old id keeps its rows, new ones start small.

        Make a new optimizer afterwards: the parameters that grow are new ones.
        """
        if vocabulary.hash == self.vocabulary_hash:
            return
        if self._generation() not in tuple(vocabulary.generations):
            raise VocabularyMismatchError(self.vocabulary_hash, vocabulary.hash, "not a later generation of it")
        size = len(syntax.place)
        for name in self.grows:
            old = self.get_parameter(name)
            grown = torch.empty(size, *old.shape[1:], dtype=old.dtype, device=old.device).normal_(std=0.01)
            grown[: len(old)] = old
            owner, _, leaf = name.rpartition(".")
            setattr(self.get_submodule(owner), leaf, nn.Parameter(grown))
        device = self.device
        self.config, self.vocabulary_hash = resize_vocabulary(self.config, size), vocabulary.hash
        self._tables(syntax)
        self.to(device)
        self.rebound()

    def rebound(self) -> None:
        """Make again what is derived from the tables, after they have changed."""

    def _save_pretrained(self, save_directory: Path) -> None:
        stored = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        weights = safetensors.torch.save(stored, metadata={"format": "pt"})
        write_atomic(save_directory / WEIGHTS, weights)
        data = {
            "model": type(self).__name__,
            "vocabulary": self.vocabulary_hash,
            "header_parts": self.header_parts,
            "event_parts": self.event_parts,
            "part_names": list(self.names),
            "config": to_dict(self.config),
            "weights": hashlib.sha256(weights).hexdigest(),
        }
        write_json(save_directory / CONFIG, FORMAT, VERSION, data)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **options: Any) -> Self:
        """The model in a folder, or of a name on the hub; raises `ArtifactError` if there is no such folder."""
        name = str(pretrained_model_name_or_path)
        if not Path(name).is_dir():
            try:
                validate_repo_id(name)
            except HFValidationError:
                raise ArtifactError(name, "does not exist, and is not the name of a model on the hub") from None
        made: Self = super().from_pretrained(pretrained_model_name_or_path, **options)
        return made

    @classmethod
    def _from_pretrained(
        cls, *, model_id: str, vocabulary: VocabularyLike | None = None, device: str = "cpu", **options: Any
    ) -> Self:
        # huggingface_hub gives the config that it has read; ours is read with its checksum
        options.pop("config", None)
        folder = Path(model_id)
        if not folder.is_dir():
            known = {"revision", "cache_dir", "force_download", "local_files_only", "token"}
            wanted = {name: value for name, value in options.items() if name in known}
            folder = Path(snapshot_download(model_id, allow_patterns=[CONFIG, WEIGHTS], **wanted))
        model = cls._read(folder)
        if vocabulary is not None:
            model.check_vocabulary(vocabulary)
        return model.to(device).eval()

    @classmethod
    def _read(cls, folder: Path) -> Self:
        """Build the model that a folder holds."""
        data = read_json(folder / CONFIG, FORMAT, VERSION)
        if data["model"] != cls.__name__:
            raise ArtifactError(str(folder / CONFIG), f"holds a {data['model']}, not a {cls.__name__}")
        weights = _weights(folder / WEIGHTS, data["weights"])
        try:
            tables = {name: weights[name].numpy() for name in TABLES}
            config = from_dict(cls.config_type, data["config"])
            syntax = Syntax(data["header_parts"], data["event_parts"], tuple(data["part_names"]), **tables)
            model = cls(config, syntax, data["vocabulary"])
            model.load_state_dict(weights)
        except (KeyError, RuntimeError) as error:
            reason = (
                f"holds a model that this version builds differently; train it again ({str(error).splitlines()[-1]})"
            )
            raise ArtifactError(str(folder), reason) from None
        return model


def _weights(path: Path, checksum: str) -> dict[str, Tensor]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ArtifactError(str(path), error.strerror or str(error)) from None
    if hashlib.sha256(raw).hexdigest() != checksum:
        raise ArtifactError(str(path), "was altered or cut short: it does not match the checksum in its config")
    found: dict[str, Tensor] = safetensors.torch.load(raw)
    return found
