"""Cross-entropy of a linear layer, over slices of positions: the full table of logits is never held."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["cross_entropy"]

SLICE = 1 << 19
"""Logits held at once on a CPU: 2 MiB in fp32, which stay in its cache; 64 times as many on a GPU."""


class _CrossEntropy(torch.autograd.Function):
    """Mean nats, and the nats of each position; the gradient is made on the way, while the logits are at hand.

    Three matrix products, as without slices, and nothing computed twice. Only the mean has a gradient.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        dtype = _precision(hidden)
        rows, matrix = hidden.to(dtype), weight.to(dtype)
        nats = torch.empty(len(targets), device=hidden.device)
        grad_hidden, grad_weight = torch.empty_like(rows), torch.zeros_like(weight)
        for part in _slices(len(targets), weight):
            probabilities, nats[part] = _softmax(rows[part] @ matrix.t(), targets[part])
            difference = probabilities.to(dtype)
            torch.mm(difference, matrix, out=grad_hidden[part])
            if dtype == grad_weight.dtype:
                grad_weight.addmm_(difference.t(), rows[part])
            else:
                grad_weight += difference.t() @ rows[part]
        count = (targets >= 0).sum().clamp(min=1)
        ctx.save_for_backward((grad_hidden / count).to(hidden.dtype), grad_weight.div_(count))
        ctx.mark_non_differentiable(nats)
        return nats.sum() / count, nats

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        grad_hidden, grad_weight = ctx.saved_tensors
        return grad_hidden * grads[0], grad_weight * grads[0], None


def cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(mean nats with its gradient, nats of each position) of targets (N,) under `hidden @ weight.T`.

    A position whose target is -1 costs nothing and does not count.
    """
    if torch.is_grad_enabled():
        result: tuple[Tensor, Tensor] = _CrossEntropy.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
        return result
    dtype = _precision(hidden)
    rows, matrix = hidden.to(dtype), weight.to(dtype)
    parts = [_softmax(rows[part] @ matrix.t(), targets[part])[1] for part in _slices(len(targets), weight)]
    nats = torch.cat(parts) if parts else torch.zeros(0, device=hidden.device)
    return nats.sum() / (targets >= 0).sum().clamp(min=1), nats


def _softmax(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient by the logits of each row's nats, and those nats; both 0 where the target is -1."""
    found = logits.float()
    found = found.sub_(found.logsumexp(1, keepdim=True))
    at, keep = targets.clamp(min=0)[:, None], targets >= 0
    nats = -found.gather(1, at).squeeze(1) * keep
    found.exp_()
    found.scatter_add_(1, at, torch.full_like(at, -1, dtype=found.dtype))
    return found.mul_(keep[:, None]), nats


def _precision(tensor: Tensor) -> torch.dtype:
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype


def _slices(count: int, weight: Tensor) -> list[slice]:
    size = max(1, (SLICE if weight.device.type == "cpu" else SLICE * 64) // len(weight))
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
