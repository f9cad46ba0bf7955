from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from domaintoolkit.model.layers import cross_entropy as _cross_entropy
from domaintoolkit.model.layers.cross_entropy import cross_entropy
from domaintoolkit.model.layers.recent import Gains


@given(st.integers(1, 9), st.integers(1, 7), st.integers(1, 30), st.integers(0, 99))
def test_equals_torch_with_its_gradients(count: int, size: int, held: int, seed: int) -> None:
    torch.manual_seed(seed)
    hidden = torch.randn(count, 4, requires_grad=True)
    weight = torch.randn(size, 4, requires_grad=True)
    targets = torch.randint(-1, size, (count,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cross_entropy, "SLICE", held)
        mean, nats = cross_entropy(hidden, weight, targets)
        with torch.no_grad():
            assert torch.equal(cross_entropy(hidden, weight, targets)[1], nats)
    found = torch.autograd.grad(mean * 3, [hidden, weight])
    each = functional.cross_entropy(hidden @ weight.t(), targets, ignore_index=-1, reduction="none")
    wanted = each.sum() / (targets >= 0).sum().clamp(min=1)
    torch.testing.assert_close(nats, each.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mean, wanted, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(found, torch.autograd.grad(wanted * 3, [hidden, weight]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@given(st.integers(1, 9), st.integers(1, 7), st.integers(1, 5), st.integers(1, 30), st.integers(0, 99))
def test_gains_are_added_to_their_scores(count: int, size: int, most: int, held: int, seed: int) -> None:
    torch.manual_seed(seed)
    hidden, weight = torch.randn(count, 4, requires_grad=True), torch.randn(size, 4, requires_grad=True)
    # a column may occur twice in a row
    columns, values = torch.randint(size, (count, most)), torch.randn(count, most, requires_grad=True)
    targets = torch.randint(-1, size, (count,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cross_entropy, "SLICE", held)
        mean, nats = cross_entropy(hidden, weight, targets, Gains(columns, values))
        with torch.no_grad():
            assert torch.equal(cross_entropy(hidden, weight, targets, Gains(columns, values))[1], nats)
    logits = (hidden @ weight.t()).scatter_add(1, columns, values)
    each = functional.cross_entropy(logits, targets, ignore_index=-1, reduction="none")
    wanted = each.sum() / (targets >= 0).sum().clamp(min=1)
    torch.testing.assert_close(nats, each.detach(), rtol=1e-4, atol=1e-5)
    inputs = [hidden, weight, values]
    found = torch.autograd.grad(mean * 3, inputs)
    for ours, theirs in zip(found, torch.autograd.grad(wanted * 3, inputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_half_precision_keeps_the_types_of_the_gradients() -> None:
    hidden, weight = torch.randn(5, 8, requires_grad=True), torch.randn(6, 8, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        mean, _ = cross_entropy(hidden, weight, torch.arange(5))
    mean.backward()
    assert mean.dtype == torch.float32
    assert hidden.grad is not None
    assert hidden.grad.dtype == torch.float32
