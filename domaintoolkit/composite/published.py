"""Vocabularies in the format of the published ActionPiece code (Hou et al. 2025), to use and to compare.

The file is a JSON object. `token2feat` lists the tokens: first `[-1, -1]`, the padding; then the initial features
`[field index, value]`, `n_init_feats` entries with the padding; then the merges `[-1, left, right]`, whose two
numbers are positions in this list. `priority` holds the weight of each token, 0 for features. `n_categories` is
the number of fields. Other entries are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.composite_model import CompositeModel
from domaintoolkit.errors import ArtifactError

__all__ = ["PublishedVocabulary"]


@dataclass(frozen=True)
class PublishedVocabulary:
    """A published vocabulary: its initial features, its merges as positions in its list of tokens, and weights."""

    features: tuple[tuple[int, Any], ...]
    """(field index, value); feature i is token i + 1 of the file."""
    merges: NDArray[np.int64]
    """(n, 2) left and right."""
    weights: NDArray[np.float64]

    @classmethod
    def load(cls, path: str | Path) -> PublishedVocabulary:
        """Read a file; raises `ArtifactError` if it is not in this format."""
        try:
            return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise ArtifactError(str(path), str(error)) from None
        except ArtifactError as error:
            raise ArtifactError(str(path), error.reason) from None

    @classmethod
    def from_json(cls, data: Any) -> PublishedVocabulary:
        """The vocabulary in JSON data that has been read already."""
        try:
            tokens, initial = data["token2feat"], int(data["n_init_feats"])
            features = tuple((int(field), value) for field, value in tokens[1:initial])
            merges = np.array([(left, right) for _, left, right in tokens[initial:]], np.int64).reshape(-1, 2)
            weights = np.array(data["priority"][initial:], np.float64)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ArtifactError("vocabulary", f"not a published ActionPiece vocabulary: {error!r}") from None
        earlier = initial + np.arange(len(merges))[:, None]  # (n, 1) the position of each merge in the list
        if (
            len(weights) != len(merges)
            or not np.isfinite(weights).all()
            or initial < 1
            or ((merges < 1) | (merges >= earlier)).any()
        ):
            raise ArtifactError("vocabulary", "a merge joins tokens that are not before it, or has no weight")
        return cls(features, merges, weights)

    def model(self, ids: Sequence[int], base_size: int) -> CompositeModel:
        """The undirected model of these merges, over a vocabulary of `base_size` tokens.

        `ids` are the ids of `features` there; composites become the ids from `base_size` on.
        """
        if len(ids) != len(self.features):
            raise ValueError(f"{len(ids)} ids for {len(self.features)} features")
        # (tokens of the file,) the id of each; position 0 is the padding, which no merge takes
        numbers = np.array([-1, *ids, *range(base_size, base_size + len(self.merges))], np.int64)
        # (n, 2) the smaller id first, as in all undirected pairs, and (n,)
        halves, own = np.sort(numbers[self.merges], axis=1), numbers[1 + len(ids) :]
        merges = np.column_stack([halves, np.zeros_like(own), own])
        nothing = np.zeros((0, 2), np.int64)
        return CompositeModel(merges, self.weights, np.zeros(len(merges), np.int64), nothing, directed=False)
