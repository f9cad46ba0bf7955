"""The latest values of a part: by how much each of them is likelier or less likely to come again."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from domaintoolkit.model.config import EventModelConfig

__all__ = ["Gains", "RecentValues", "recent_positions"]

BANDS = (1, 3, 8, 21)
"""The events ago at which a new band begins: the event before, 1 to 2 before it, 3 to 7, 8 to 20, and the rest."""


class Gains(NamedTuple):
    """The numbers that are added to some scores of each of n rows; columns that occur twice in a row get both."""

    columns: Tensor
    """int64 (n, K)"""
    values: Tensor
    """(n, K), 0 if nothing is added."""

    def pick(self, rows: Any) -> Gains:
        """Some of the rows."""
        return Gains(self.columns[rows], self.values[rows])

    def add_to(self, scores: Tensor) -> Tensor:
        """Scores (n, columns) with the gains added, in place."""
        return scores.scatter_add_(1, self.columns, self.values.to(scores.dtype))


class RecentValues(nn.Module):
    """The gains of the values of a part in the latest K events: for each band of events, a factor that the context
    gives, times the logarithm of one more than the number of times that the value came there.

    Which value comes again, or does not, is thus one thing to learn for all values of a part, rare ones included: a
    shop's visitors go back to what they have looked at, and nobody reviews a lipstick twice. The idea is that of
    pointer networks (https://arxiv.org/abs/1609.07843), here in the scores.
    """

    def __init__(self, config: EventModelConfig, parts: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(parts, config.width + 1, len(BANDS) + 1) * 0.02)
        lags = torch.arange(config.recent)
        # (K,) the band of each event, the latest first
        self.register_buffer("band", torch.bucketize(lags, torch.tensor(BANDS), right=True), persistent=False)

    @staticmethod
    def parameters_of(config: EventModelConfig, parts: int) -> int:
        """The number of parameters, without building them."""
        return parts * (config.width + 1) * (len(BANDS) + 1)

    def forward(self, part: int, contexts: Tensor, numbers: Tensor) -> Gains:
        """The gains of n rows, given their contexts (n, width) and the numbers (n, K) that the values of the latest
        events have among the candidates of the part, the latest first; -1 if there is none."""
        weight = self.weight[part].to(contexts.dtype)
        # (n, bands)
        factors = contexts @ weight[:-1] + weight[-1]
        most = int(numbers.shape[1])
        band = self.get_buffer("band")[:most]
        # (n, K) equal values of a band lie side by side
        order = (numbers * (len(BANDS) + 1) + band).argsort(1)
        columns, band = numbers.gather(1, order), band.expand_as(order).gather(1, order)
        steps = torch.arange(most, device=numbers.device)
        begins = torch.ones_like(columns, dtype=torch.bool)
        begins[:, 1:] = (columns[:, 1:] != columns[:, :-1]) | (band[:, 1:] != band[:, :-1])
        # (n, K) how often the value has come in its band so far
        count = steps - torch.where(begins, steps, 0).cummax(1).values + 1
        # the second time adds log2(3) - log2(2), and so on: together log2(1 + times)
        more = torch.log2((count + 1) / count).to(factors.dtype)
        values = torch.where(columns < 0, 0.0, factors.gather(1, band) * more)
        return Gains(columns.clamp(min=0), values)


def recent_positions(documents: Tensor, at: Tensor, count: int) -> Tensor:
    """(n, count) the positions `at` (n,) and those before them in their histories, -1 if there are none.

    Positions are numbered through `documents` (B, T).
    """
    back = torch.arange(min(count, documents.shape[1]), device=at.device)
    found = at[:, None] - back
    flat = documents.flatten()
    # (n, K) in the same row, and of the same history
    there = ((at % documents.shape[1])[:, None] >= back) & (flat[found.clamp(min=0)] == flat[at][:, None])
    return torch.where(there, found, -1)
