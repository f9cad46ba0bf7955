from __future__ import annotations

import pytest
import torch
from torch import nn

from domaintoolkit.train.optimizer import build_optimizer, embedding_penalty
from domaintoolkit.train.recipe import Recipe


def test_only_matrices_decay() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer = build_optimizer(model, Recipe(weight_decay=0.5, learning_rate=0.1))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert torch.allclose(parameter, old * 0.95 if parameter.ndim == 2 else old)


def test_the_hinge_leaves_short_embeddings_alone() -> None:
    short = torch.full((3, 4), 0.1, requires_grad=True)
    long = torch.full((3, 4), 10.0, requires_grad=True)
    hinge = Recipe(embedding_penalty=0.1, embedding_penalty_form="hinge", embedding_norm=1.0)
    assert embedding_penalty(short, hinge).item() == 0
    embedding_penalty(short, hinge).backward()  # type: ignore[no-untyped-call]
    assert short.grad is not None
    assert (short.grad == 0).all()
    assert embedding_penalty(long, hinge).item() == pytest.approx(0.1 * 19**2)
    assert embedding_penalty(long, Recipe(embedding_penalty=0.1)).item() == pytest.approx(0.1 * 400)
