"""`FrozenReader`: hidden states of whole streams by a model whose weights stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.inference.event_input import EventInput
from domaintoolkit.model.inference.frozen_decoder import FrozenDecoder
from domaintoolkit.model.token_model import TokenModel

__all__ = ["FrozenReader"]

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]


class FrozenReader:
    """Reads streams whose ids are all among `ids`, if the model is an event model."""

    def __init__(self, model: TokenModel | EventModel, ids: Ints) -> None:
        self.model = model
        decoder: Any = model.decoder if isinstance(model, EventModel) else model.transformer.attn_layers
        self.decoder = FrozenDecoder(decoder, model.config)
        self.input = EventInput(model, ids) if isinstance(model, EventModel) else None

    def __call__(self, ids: Ints, offsets: Longs) -> Tensor:
        """Hidden states (B, T, width) of streams without an event that is cut short; padding comes after them."""
        x = self._read_tokens(ids, offsets) if self.input is None else self.input(ids, offsets)
        return self.decoder.run(x)

    def _read_tokens(self, ids: Ints, offsets: Longs) -> Tensor:
        model = self.model
        assert isinstance(model, TokenModel)
        sizes = np.diff(offsets)
        length = int(sizes.max(initial=1))
        padded = np.zeros((len(sizes), length), np.int64)
        padded[np.arange(length) < sizes[:, None]] = ids
        wrapper = model.transformer
        x: Tensor = wrapper.token_emb(torch.from_numpy(padded).to(model.device))
        if "learned" in model.config.position:
            if length > model.config.block:
                reason = f"longer than the block of {model.config.block} that the learned positions are for"
                raise DataError([Refusal(None, None, reason)])
            x = x + wrapper.pos_emb(x, pos=torch.arange(length, device=x.device).expand(x.shape[:2]))
        normed: Tensor = wrapper.post_emb_norm(x)
        return normed.contiguous()
