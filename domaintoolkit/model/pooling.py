"""From the hidden states of windows to one vector for each beginning of a history."""

from __future__ import annotations

from typing import Literal, Protocol

import torch
from torch import Tensor

__all__ = ["POOLINGS", "Pooler", "Pooling", "pool", "pool_mean", "pooled_width"]


class Pooler(Protocol):
    """A pooling of its own, such as a trained one."""

    width: int
    """Numbers of a vector."""

    def __call__(self, hidden: Tensor, rows: Tensor, ends: Tensor) -> Tensor:
        """(n, width): vector i pools the positions 0 to `ends[i]` of row `rows[i]` of `hidden` (B, T, model width).

        Positions after `ends[i]` are the future, or padding.
        """
        ...


Pooling = Literal["last", "mean"] | Pooler
POOLINGS = ("last", "mean")


def pool(hidden: Tensor, rows: Tensor, ends: Tensor, pooling: Pooling) -> Tensor:
    """(n, width) as `Pooler` says."""
    if pooling == "last":
        return hidden[rows, ends]
    return pool_mean(hidden, rows, ends) if pooling == "mean" else pooling(hidden, rows, ends)


def pool_mean(hidden: Tensor, rows: Tensor, ends: Tensor) -> Tensor:
    """(n, width) the means of positions 0 to `ends[i]`: running sums serve all ends of a row."""
    if len(rows) == len(hidden) and bool((rows == torch.arange(len(rows), device=rows.device)).all()):
        # one end a row needs no running sums, which take as much memory as `hidden`
        there = torch.arange(hidden.shape[1], device=hidden.device) <= ends[:, None]
        # a zero times NaN would be NaN, so padding is chosen away
        return torch.where(there[..., None], hidden, 0).sum(1) / (ends + 1)[:, None]
    return hidden.cumsum(1)[rows, ends] / (ends + 1)[:, None]


def pooled_width(pooling: Pooling, width: int) -> int:
    """Numbers of a vector, for a model of this width."""
    return width if isinstance(pooling, str) else pooling.width
