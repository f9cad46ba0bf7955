"""`PadCollator`: streams of a `DataLoader` as one batch of tensors with a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from domaintoolkit.errors import LookupFailedError
from domaintoolkit.vocabulary import Vocabulary

__all__ = ["PadCollator"]

IGNORED = -100
"""The label that PyTorch's and transformers' losses leave out."""


class PadCollator:
    """Makes a batch of streams, for `DataLoader(streams, batch_size=8, collate_fn=PadCollator(vocabulary))`.

    Each batch has `input_ids` and `attention_mask` (streams, length), int64, as models of transformers take them.
    Shorter streams are filled up with `[PAD]` on one `side`, of those longer than `length` the last tokens are kept.
    With `labels`, it also has the ids as labels, -100 for what is filled up.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        length: int | None = None,
        side: Literal["right", "left"] = "right",
        labels: bool = False,
    ) -> None:
        if side not in ("right", "left"):
            raise LookupFailedError("side", side, ("right", "left"))
        self.pad, self.length, self.side, self.labels = vocabulary.id("[PAD]"), length, side, labels

    def __repr__(self) -> str:
        return f"PadCollator(length={self.length}, side={self.side!r}, labels={self.labels})"

    def __call__(self, streams: Sequence[NDArray[np.integer[Any]]]) -> dict[str, torch.Tensor]:
        """The batch of some streams."""
        kept = [ids if self.length is None else ids[max(len(ids) - self.length, 0) :] for ids in streams]
        size = max((len(ids) for ids in kept), default=0)
        batch = torch.full((len(kept), size), self.pad, dtype=torch.int64)
        mask = torch.zeros(len(kept), size, dtype=torch.int64)
        for row, ids in enumerate(kept):
            places = slice(0, len(ids)) if self.side == "right" else slice(size - len(ids), size)
            batch[row, places] = torch.from_numpy(ids.astype(np.int64))
            mask[row, places] = 1
        found = {"input_ids": batch, "attention_mask": mask}
        return found | {"labels": batch.masked_fill(mask == 0, IGNORED)} if self.labels else found
