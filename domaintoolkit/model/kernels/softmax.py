"""The cost of logits and its gradient, in Triton: read once, and written over."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.library import triton_op, wrap_triton

__all__ = ["softmax_gradient"]

LONGEST = 16_384
"""Columns that a program holds; of more it makes two passes."""


@triton.jit
def _costs(
    logits, targets, nats, size,
    COLUMNS: tl.constexpr, BLOCK: tl.constexpr, ONE: tl.constexpr,
):  # fmt: skip
    # a program takes one row
    row = tl.program_id(0)
    target = tl.load(targets + row)
    # a row without a target has the nats 0 and the gradient 0
    counts = tl.where(target >= 0, 1.0, 0.0)
    start = logits + row.to(tl.int64) * COLUMNS
    column = tl.arange(0, BLOCK)
    # the row fits into the registers of a program: it is read once and written once
    if ONE:
        value = tl.load(start + column, column < size, float("-inf")).to(tl.float32)
        highest = tl.max(value, 0)
        weight = tl.exp(value - highest)
        total = tl.sum(weight, 0)
        own = tl.sum(tl.where(column == target, value, 0.0), 0)
        gradient = (weight / total - tl.where(column == target, 1.0, 0.0)) * counts
        tl.store(start + column, gradient.to(logits.dtype.element_ty), column < COLUMNS)
    else:
        # online: one pass for the sum of all columns, one for the gradient
        highest, total, own = float("-inf"), 0.0, 0.0
        for first in range(0, size, BLOCK):
            at = first + column
            value = tl.load(start + at, at < size, float("-inf")).to(tl.float32)
            higher = tl.maximum(highest, tl.max(value, 0))
            total = total * tl.exp(highest - higher) + tl.sum(tl.exp(value - higher), 0)
            own += tl.sum(tl.where(at == target, value, 0.0), 0)
            highest = higher
        # columns from `size` on have the weight 0, and so the gradient 0
        for first in range(0, COLUMNS, BLOCK):
            at = first + column
            value = tl.load(start + at, at < size, float("-inf")).to(tl.float32)
            gradient = (tl.exp(value - highest) / total - tl.where(at == target, 1.0, 0.0)) * counts
            tl.store(start + at, gradient.to(logits.dtype.element_ty), at < COLUMNS)
    tl.store(nats + row, (highest + tl.log(total) - own) * counts)


@triton_op("domaintoolkit::softmax_gradient", mutates_args=("logits",))
def softmax_gradient(logits: Tensor, targets: Tensor, size: int) -> Tensor:
    """The nats (N,) of `targets` under `logits` (N, columns), which their gradient by the logits is written over.

    Only the first `size` columns are logits. A row whose target is -1 costs nothing.
    """
    count, columns = logits.shape
    nats = logits.new_empty(count, dtype=torch.float32)
    # Triton takes powers of 2; the columns beyond the row are masked
    block = min(triton.next_power_of_2(columns), LONGEST)
    settings: dict[str, Any] = {"num_warps": min(max(block // 512, 4), 16)}
    wrap_triton(_costs)[(count,)](
        logits, targets, nats, size, COLUMNS=columns, BLOCK=block, ONE=columns <= block, **settings
    )
    return nats
