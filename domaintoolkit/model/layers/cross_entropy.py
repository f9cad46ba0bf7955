"""Cross-entropy of a linear layer, over slices of positions: the full table of logits is never held."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from domaintoolkit.model.kernels import TRITON
from domaintoolkit.model.layers.recent import Gains

__all__ = ["cross_entropy", "precision"]

SLICE = 1 << 19
"""Logits held at once on a CPU: 2 MiB in fp32, which stay in its cache."""

GPU_SLICE = 1 << 28
"""Logits held at once on a GPU: 512 MiB in 16 bits. In smaller slices the products are slower."""

ALIGNED = 64
"""On a GPU the table of logits has a multiple of so many columns: matrix units are several times slower at others."""


class _CrossEntropy(torch.autograd.Function):
    """Mean nats, and the nats of each position; the gradient is made on the way, while the logits are at hand.

    Three matrix products, as without slices, and nothing computed twice. Only the mean has a gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, columns: Tensor | None, gains: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        dtype = precision(hidden)
        rows, matrix = hidden.to(dtype), _align_rows(weight.to(dtype))
        # (N,), (N, width) and (V, width), filled slice by slice
        nats = torch.empty(len(targets), device=hidden.device)
        grad_hidden, grad_weight = torch.empty_like(rows), torch.zeros_like(weight)
        given = None if columns is None or gains is None else Gains(columns, gains)
        # (N, K)
        grad_gains = None if given is None else torch.empty_like(given.values)
        for part in _slices(len(targets), weight):
            # (slice, V), with the columns that are there for the alignment
            gradient, nats[part] = _softmax(_score(rows, matrix, part, given), targets[part], len(weight))
            difference = gradient.to(dtype)
            if given is not None and grad_gains is not None:
                grad_gains[part] = difference.gather(1, given.columns[part])
            torch.mm(difference, matrix, out=grad_hidden[part])
            # those columns belong to no row of the weight
            difference = difference[:, : len(weight)]
            if dtype == grad_weight.dtype:
                grad_weight.addmm_(difference.t(), rows[part])
            else:
                grad_weight += difference.t() @ rows[part]
        count = (targets >= 0).sum().clamp(min=1)  # ()
        grad_gains = None if grad_gains is None else grad_gains / count
        ctx.save_for_backward((grad_hidden / count).to(hidden.dtype), grad_weight.div_(count), grad_gains)
        ctx.mark_non_differentiable(nats)
        return nats.sum() / count, nats

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        grad_hidden, grad_weight, grad_gains = ctx.saved_tensors
        grad_gains = None if grad_gains is None else grad_gains * grads[0]
        return grad_hidden * grads[0], grad_weight * grads[0], None, None, grad_gains


def cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, gains: Gains | None = None) -> tuple[Tensor, Tensor]:
    """(mean nats with its gradient, nats of each position) of targets (N,) under `hidden @ weight.T`, plus `gains`.

    A position whose target is -1 costs nothing and does not count.
    """
    if torch.is_grad_enabled():
        result: tuple[Tensor, Tensor] = _CrossEntropy.apply(  # type: ignore[no-untyped-call]
            hidden, weight, targets, *(gains or (None, None))
        )
        return result
    dtype = precision(hidden)
    rows, matrix = hidden.to(dtype), _align_rows(weight.to(dtype))
    slices = _slices(len(targets), weight)
    parts = [_softmax(_score(rows, matrix, part, gains), targets[part], len(weight))[1] for part in slices]
    nats = torch.cat(parts) if parts else torch.zeros(0, device=hidden.device)
    return nats.sum() / (targets >= 0).sum().clamp(min=1), nats


def _score(rows: Tensor, matrix: Tensor, part: slice, gains: Gains | None) -> Tensor:
    """(slice, V): the logits of a slice of the positions."""
    logits = rows[part] @ matrix.t()
    return logits if gains is None else gains.pick(part).add_to(logits)


def _softmax(logits: Tensor, targets: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The gradient by the logits of each row's nats, and those nats; both 0 if the target is -1.

    Columns from `size` on are there for the alignment alone. The logits may be written over.
    """
    if TRITON and logits.is_cuda:
        from domaintoolkit.model.kernels.softmax import softmax_gradient

        nats = softmax_gradient(logits, targets, size)
        return logits, nats
    # (slice, columns) in fp32: sums of many small weights in bf16 lose digits
    found = logits.float()
    if size < logits.shape[1]:
        found[:, size:] = -torch.inf
    # logarithms of probabilities, written over the logits; then the probabilities
    found = found.sub_(found.logsumexp(1, keepdim=True))
    at, keep = targets.clamp(min=0)[:, None], targets >= 0
    # (slice,)
    nats = -found.gather(1, at).squeeze(1) * keep
    found.exp_()
    if torch.compiler.is_compiling():
        # for a scatter the compiler would hold the whole table in fp32
        found = torch.where(torch.arange(logits.shape[1], device=logits.device) == at, found - 1, found)
    else:
        found.scatter_add_(1, at, torch.full_like(at, -1, dtype=found.dtype))
    return found.mul_(keep[:, None]), nats


def _align_rows(matrix: Tensor) -> Tensor:
    """(V, width), with rows of zeros up to a multiple that a GPU likes."""
    missing = -len(matrix) % ALIGNED if matrix.device.type == "cuda" else 0
    return functional.pad(matrix, (0, 0, 0, missing)) if missing else matrix


def precision(tensor: Tensor) -> torch.dtype:
    """The type of products of a tensor: autocast's if that is on."""
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype


def _slices(count: int, weight: Tensor) -> list[slice]:
    size = max(1, (SLICE if weight.device.type == "cpu" else GPU_SLICE) // len(weight))  # positions a slice
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
