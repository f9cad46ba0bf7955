"""AdamW with decay on matrices only, and the penalty on embeddings."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from domaintoolkit.train.recipe import Recipe

__all__ = ["build_optimizer", "embedding_penalty"]


def build_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019); vectors, such as the gains of norms, do not decay."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # gains and biases are vectors; decay would pull them to 0
    groups: list[dict[str, Any]] = [
        {"params": [entry for entry in parameters if entry.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [entry for entry in parameters if entry.ndim < 2], "weight_decay": 0.0},
    ]
    betas = (recipe.beta1, recipe.beta2)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=betas, eps=recipe.epsilon, fused=True)


def embedding_penalty(embedding: Tensor, recipe: Recipe) -> Tensor:
    """(): the recipe's share of the mean squared norm of the rows of (V, width), or of its excess over the target."""
    if recipe.embedding_penalty_form == "l2":
        return recipe.embedding_penalty * embedding.square().sum(1).mean()
    # 1e-12: the square root has no finite gradient at 0
    excess = (embedding.square().sum(1) + 1e-12).sqrt() - recipe.embedding_norm
    return recipe.embedding_penalty * excess.clamp(min=0).square().mean()
