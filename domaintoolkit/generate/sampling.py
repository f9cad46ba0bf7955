"""Drawing the next token from its scores."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field as Constraint
from torch import Tensor

from domaintoolkit.schema.declaration import declaration

__all__ = ["Sampling", "draw"]


COLDEST = 1e-30
"""The lowest temperature that is used; only the likeliest token is left well above it, and float32 overflows below."""


@declaration
class Sampling:
    """Settings of the draw: from the `top_k` likeliest tokens, or the fewest that hold `top_p` of the probability.

    Both look only at tokens that the grammar allows; `temperature` comes first.
    """

    temperature: Annotated[float, Constraint(gt=0, allow_inf_nan=False)] = 1.0
    top_k: Annotated[int, Constraint(ge=1)] | None = None
    top_p: Annotated[float, Constraint(gt=0, le=1)] | None = None
    seed: Annotated[int, Constraint(ge=0, lt=1 << 63)] = 0


def draw(scores: Tensor, allowed: NDArray[np.bool_], sampling: Sampling, generator: torch.Generator) -> int:
    """Draw one of the allowed entries by their logits, (V + 1,)."""
    scores = (scores / max(sampling.temperature, COLDEST)).masked_fill(~torch.from_numpy(allowed), -torch.inf)
    if sampling.top_k is not None and sampling.top_k < len(scores):
        # tokens as likely as the last one of these stay too
        scores = scores.masked_fill(scores < scores.topk(sampling.top_k).values[-1], -torch.inf)
    probabilities: Any = scores.softmax(0)
    if sampling.top_p is not None:
        ordered, order = probabilities.sort(descending=True, stable=True)
        # the probability before each token, so that the likeliest one is always kept
        beyond = ordered.cumsum(0) - ordered >= sampling.top_p
        probabilities[order[beyond]] = 0
    return int(torch.multinomial(probabilities, 1, generator=generator))
