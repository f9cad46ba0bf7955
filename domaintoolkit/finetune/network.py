"""The head of a trained model, with columns beside the history, and the part of the model that is trained with it.

Numbers are embedded as in "On Embeddings for Numerical Features" (Gorishniy et al. 2022), and columns crossed as in
DCN V2 (Wang et al. 2021); nuFormer (2025) trains both together with a transformer over the history, as is done here.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from domaintoolkit.finetune.fused_columns import ColumnFit
from domaintoolkit.finetune.settings import FinetuneSettings
from domaintoolkit.model import EventModel, TokenModel

__all__ = ["ColumnNetwork", "TargetHead", "free_parameters"]

Model = TokenModel | EventModel

WIDTH = 8
"""Width of the embedding of a column."""
SPREAD = 0.5
"""Standard deviation of the frequencies at first, in turns over a unit of a number."""


class ColumnNetwork(nn.Module):
    """The columns of n rows to (n, `width`)."""

    def __init__(self, fits: tuple[ColumnFit, ...], frequencies: int, crosses: int) -> None:
        super().__init__()
        self.numbers = sum(fit.kind == "number" for fit in fits)
        categories = [fit for fit in fits if fit.kind == "category"]
        self.frequencies = nn.Parameter(torch.randn(self.numbers, frequencies) * SPREAD)  # (numbers, frequencies)
        # a number's own value, whether it is missing, and its sines and cosines
        self.periodic = nn.Parameter(torch.randn(self.numbers, 2 * frequencies + 2, WIDTH) * 0.3)
        self.offset = nn.Parameter(torch.zeros(self.numbers, WIDTH))
        self.tables = nn.ModuleList(nn.Embedding(len(fit.categories) + 2, WIDTH) for fit in categories)
        self.width = len(fits) * WIDTH
        self.crosses = nn.ModuleList(nn.Linear(self.width, self.width) for _ in range(crosses))
        for cross in self.crosses:
            nn.init.normal_(cross.weight, std=0.1 * self.width**-0.5)  # type: ignore[arg-type] # a layer's weight

    def forward(self, numbers: Tensor, missing: Tensor, codes: Tensor) -> Tensor:
        """As `ColumnValues` has them, as tensors."""
        angles = 2 * math.pi * numbers[..., None] * self.frequencies  # (n, numbers, frequencies)
        # (n, numbers, 2 * frequencies + 2)
        waves = torch.cat((angles.sin(), angles.cos(), numbers[..., None], missing[..., None]), 2)
        embedded = torch.relu(torch.einsum("nkf,kfw->nkw", waves, self.periodic) + self.offset)  # (n, numbers, WIDTH)
        found = [embedded.flatten(1), *(table(codes[:, at]) for at, table in enumerate(self.tables))]
        first = torch.cat(found, 1)  # (n, width)
        x = first
        for cross in self.crosses:
            # a cross layer of DCN V2: products of every column with the first layer's, one degree more in each layer
            x = first * cross(x) + x
        return x


class TargetHead(nn.Module):
    """Vectors of histories (n, vector) and columns beside them to outputs (n, outputs).

    Vectors are first brought to mean 0 and deviation 1, as those of the training rows were before fine-tuning: the
    hidden states of a history differ little from those of another. A linear layer and a small network add up.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, vector: int, start: Tensor, fits: tuple[ColumnFit, ...], settings: FinetuneSettings) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(vector))
        self.register_buffer("scale", torch.ones(vector))
        self.columns = ColumnNetwork(fits, settings.frequencies, settings.crosses) if fits else None
        width = vector + (self.columns.width if self.columns is not None else 0)
        self.dropout = nn.Dropout(settings.dropout)
        self.linear = nn.Linear(width, len(start))
        # the head begins as the constant that `start` gives, and the small network adds little to it
        nn.init.zeros_(self.linear.weight)
        self.linear.bias.data.copy_(start)
        self.deep: nn.Module | None = None
        if settings.head_width:
            out = nn.Linear(settings.head_width, len(start), bias=False)
            nn.init.normal_(out.weight, std=0.1 * settings.head_width**-0.5)
            self.deep = nn.Sequential(nn.Linear(width, settings.head_width), nn.GELU(), self.dropout, out)

    def standardize(self, vectors: Tensor) -> None:
        """Keep the mean and the deviation of training vectors (n, vector)."""
        self.center.copy_(vectors.mean(0))
        self.scale.copy_(vectors.std(0, unbiased=False).clamp(min=1e-6))

    def forward(self, vectors: Tensor, columns: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """`columns` are those of `ColumnValues`; they have no entries if none were fitted."""
        # far beyond what training rows had, a vector says no more than that it is far
        x = ((vectors - self.center) / self.scale).clamp(-10, 10)
        if self.columns is not None:
            x = torch.cat((x, self.columns(*columns)), 1)
        x = self.dropout(x)
        out: Tensor = self.linear(x)
        return out if self.deep is None else out + self.deep(x)


def free_parameters(model: Model, settings: FinetuneSettings) -> list[nn.Parameter]:
    """Let only those parameters of the model be trained that `settings.tuned` names; gives them."""
    model.requires_grad_(settings.tuned == "all")
    if settings.tuned == "last":
        decoder: Any = model.decoder if isinstance(model, EventModel) else model.transformer.attn_layers
        # each layer is two blocks: attention and feed-forward
        for block in decoder.layers[-2 * settings.layers :]:
            block.requires_grad_(True)
        decoder.final_norm.requires_grad_(True)
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
