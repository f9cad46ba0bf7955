"""The kernels for a GPU, run by Triton's interpreter where there is none: what they compute, not how fast.

    pip install triton && TRITON_INTERPRET=1 pytest tests/model/test_kernels.py

Triton is too large for an extra, and reads the variable when it is imported. A GPU runs the kernels in test_gpu.py.
"""

from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from domaintoolkit.model.kernels import TRITON
from domaintoolkit.model.layers.attention import attend, attend_together, pack

pytestmark = [
    pytest.mark.skipif(
        not TRITON or not os.environ.get("TRITON_INTERPRET"), reason="needs TRITON_INTERPRET and Triton"
    ),
    pytest.mark.filterwarnings("default"),
]


def gradients(result: Tensor, by: list[Tensor]) -> list[Tensor]:
    torch.manual_seed(5)
    return list(torch.autograd.grad(result, by, torch.randn(result.shape)))


def same(ours: list[Tensor], theirs: list[Tensor]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("rows", "length", "heads", "width"), [(3, 50, 2, 16), (1, 128, 1, 32), (2, 90, 1, 64)])
def test_attention_is_that_under_the_dense_mask(rows: int, length: int, heads: int, width: int) -> None:
    torch.manual_seed(1)
    documents = (torch.rand(rows, length) < 0.05).long().cumsum(1)
    documents[0, -7:] = -1
    parts = torch.randn(rows, length, 3, heads, width, requires_grad=True)
    shape, device = (rows, length), documents.device
    found = attend_together(parts, pack(documents, shape, width, device, "histories"))
    query, key, value = (each.transpose(1, 2) for each in parts.unbind(2))
    wanted = attend(query, key, value, pack(documents, shape, width, device, "dense"))
    same([found, *gradients(found, [parts])], [wanted, *gradients(wanted, [parts])])


@pytest.mark.parametrize("gelu", [False, True])
def test_the_gated_layer_is_its_formula(gelu: bool) -> None:
    from domaintoolkit.model.kernels.gated import gated_feed_forward

    torch.manual_seed(2)
    rows, up, down = (torch.randn(shape) / 8 for shape in ((150, 64), (160, 64), (64, 80)))
    by = [each.requires_grad_() for each in (rows, up, down)]
    found = gated_feed_forward(rows, up, down, gelu)
    value, gate = (rows @ up.t()).chunk(2, 1)
    wanted = (value * (functional.gelu(gate) if gelu else functional.silu(gate))) @ down.t()
    same([found, *gradients(found, by)], [wanted, *gradients(wanted, by)])


@pytest.mark.parametrize(("size", "columns", "held"), [(50, 64, 64), (64, 64, 64), (50, 64, 16), (60, 64, 32)])
def test_costs_and_their_gradient_are_those_of_torch(
    size: int, columns: int, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from domaintoolkit.model.kernels import softmax as _softmax

    monkeypatch.setattr(_softmax, "LONGEST", held)
    torch.manual_seed(3)
    logits, targets = torch.randn(7, columns) * 3, torch.tensor([-1, 0, 1, size - 1, -1, 3, 3])
    used = logits[:, :size].clone().requires_grad_()
    wanted = functional.cross_entropy(used, targets, ignore_index=-1, reduction="none")
    (gradient,) = torch.autograd.grad(wanted.sum(), [used])
    found = _softmax.softmax_gradient(logits, targets, size)
    same([found, logits[:, :size], logits[:, size:]], [wanted, gradient, torch.zeros(7, columns - size)])
