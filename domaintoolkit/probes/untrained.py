"""A model of the same shape that has learned nothing."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["untrained_twin"]


def untrained_twin(model: Any, seed: int = 0) -> Any:
    """A new model of the same kind and shape, bound to the same vocabulary, with fresh weights."""
    # the weights of the twin must not move the random numbers of the caller
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        twin = type(model)(model.config, model.layout, model.vocabulary_hash)
    return twin.to(model.device)
