"""The objective of the entity: what a history has been so far predicts the events that come later, in any order.

The next event mostly follows from the last few. To predict all that come later, whatever their order, a mean of the
hidden states so far has to hold what stays the same in an entity. The weights of that mean are trained with it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from domaintoolkit.model.config import EventModelConfig

__all__ = ["LaterAggregates", "LaterEvents", "LaterRange", "WeightedMean", "later_means", "running_means"]

EVERY = 8
"""One position in so many is measured, since neighbours ask nearly the same."""
MOST = 512
"""Positions of a batch that are measured at most."""


LEAST_VARIANCE = 1e-4
"""Aggregates that vary less among the positions of a batch are left out of it."""

LIMIT = 4.0
"""Bound of the logarithm of a position's weight, so that sums of weights stay exact."""


class WeightedMean(nn.Module):
    """The trained pooling: a mean of hidden states, its weights given by the states themselves.

    Each head weighs its own share of the width. At first all weights are 1.
    """

    def __init__(self, config: EventModelConfig) -> None:
        super().__init__()
        self.width = config.width
        self.scores = nn.Linear(config.width, config.heads, bias=False)
        nn.init.zeros_(self.scores.weight)

    def weigh(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """(weighted states (B, T, width), their weights (B, T, heads))."""
        # (B, T, heads) within exp(-LIMIT) and exp(LIMIT), so that no position can take all
        weights = (LIMIT * torch.tanh(self.scores(hidden) / LIMIT)).exp()
        return hidden * self._spread(weights), weights

    def divide(self, sums: Tensor, weights: Tensor) -> Tensor:
        """(n, width): sums of weighted states (n, width) over sums of weights (n, heads)."""
        return sums / self._spread(weights)

    def _spread(self, weights: Tensor) -> Tensor:
        """(..., heads) to (..., width): a head's weight for each number of its share."""
        return weights.repeat_interleave(self.width // weights.shape[-1], -1)

    def forward(self, hidden: Tensor, rows: Tensor, ends: Tensor) -> Tensor:
        """As `model.pooling.Pooler` says."""
        weighted, weights = self.weigh(hidden)
        # running sums serve all ends of a row
        return self.divide(weighted.cumsum(1)[rows, ends], weights.cumsum(1)[rows, ends])


class LaterEvents(nn.Module):
    """Queries (n, P, cell) from what a history has been, one for each part."""

    def __init__(self, config: EventModelConfig, parts: int) -> None:
        super().__init__()
        self.pooling = WeightedMean(config)
        self.weight = nn.Parameter(torch.randn(parts, config.width, config.cell) * config.width**-0.5)

    @staticmethod
    def parameters_of(config: EventModelConfig, parts: int) -> int:
        """The number of parameters, without building them."""
        return parts * config.width * config.cell + config.width * config.heads

    def pool(self, hidden: Tensor, documents: Tensor, chosen: Tensor) -> Tensor:
        """(n, width): the weighted means up to the chosen of the B * T positions of `hidden` (B, T, width)."""
        weighted, weights = self.pooling.weigh(hidden)
        # numbers of positions cancel, so a weighted mean is the quotient of two means
        means = (running_means(each, documents, chosen) for each in (weighted, weights))
        return self.pooling.divide(*means)

    def forward(self, pooled: Tensor) -> Tensor:
        """From pooled histories (n, width)."""
        return torch.einsum("nw,pwc->npc", pooled, self.weight)

    @staticmethod
    def choose(source: Tensor) -> Tensor:
        """Some of the positions that others follow, evenly spread; which, depends on the batch alone."""
        # one in `EVERY`, or fewer if that would be more than `MOST`
        step = max(EVERY, -(-len(source) // MOST))
        return source[len(source) % step :: step] if len(source) > step else source[-1:]


class LaterRange(NamedTuple):
    """The events that come later than each position."""

    documents: Tensor
    """(B, T) the history of each position."""
    chosen: Tensor
    """(n,) the positions that they come after."""


class LaterAggregates(nn.Module):
    """Aggregates of the events that come later, predicted by a linear layer from what a history has been.

    Of each part, the mean and the deviation of where its tokens lie among all of the part, from 0 to 1: tokens of
    numbers and times are ordered and spaced as their buckets are, those of categories by how often they occur. Besides,
    the logarithm of the number of events, and the share of them that open a session.
    """

    def __init__(self, config: EventModelConfig, parts: int) -> None:
        super().__init__()
        self.linear = nn.Linear(config.width, 2 * parts + 2)

    @staticmethod
    def parameters_of(config: EventModelConfig, parts: int) -> int:
        """The number of parameters, without building them."""
        return (config.width + 1) * (2 * parts + 2)

    def forward(self, pooled: Tensor, places: Tensor, there: Tensor, session: Tensor, events: LaterRange) -> Tensor:
        """(): the share of the variance of aggregates that is not explained, their mean over all aggregates.

        `pooled` (n, width) are histories up to n positions, `places` (B, T, P) where the tokens of events lie in their
        parts, if they are `there` (B, T, P), and `session` (B, T) if they open a session.
        """
        # (B, T, P, 2) for the mean and the mean of squares
        values = torch.stack((places, places.square()), -1) * there[..., None]
        means, counts = later_means(values, there, *events)
        # (n, P); rounding can make a variance slightly negative
        deviations = (means[..., 1] - means[..., 0].square()).clamp(min=0).sqrt()
        whole = torch.ones_like(session, dtype=torch.bool)[..., None]
        # every position counts: (n, 1, 1) the share of sessions and (n, 1) the number of events
        opened, number = later_means(session[..., None, None].float(), whole, *events)
        # (n, 2 * P + 2) aggregates, and which of them there are
        wanted = torch.cat((means[..., 0], deviations, number.log1p(), opened[..., 0]), 1)
        known = torch.cat((counts > 0, counts > 1, number >= 0, number > 0), 1)
        # (2 * P + 2,) over the positions that have the aggregate
        sizes = known.sum(0).clamp(min=1)
        centre = (wanted * known).sum(0) / sizes
        spread = ((wanted - centre).square() * known).sum(0) / sizes
        missed = ((self.linear(pooled) - wanted).square() * known).sum(0) / sizes
        # what hardly differs among the positions of this batch says nothing
        told = spread > LEAST_VARIANCE
        shares: Tensor = missed / spread.clamp(min=LEAST_VARIANCE) * told
        return shares.sum() / told.sum().clamp(min=1)


def running_means(hidden: Tensor, documents: Tensor, chosen: Tensor) -> Tensor:
    """(n, width): means of `hidden` (B, T, width) over a history up to each of the chosen of the B * T positions."""
    first, _ = _bounds(documents)
    sums = _sums(hidden)
    # (n,) the row of each chosen position, and its place and that of its history's first position there
    row, at = chosen // documents.shape[1], chosen % documents.shape[1]
    begin = first.flatten()[chosen]
    return ((sums[row, at + 1] - sums[row, begin]) / (at - begin + 1)[:, None]).float()


def later_means(values: Tensor, there: Tensor, documents: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """(means (n, P, cell), counts (n, P)) over the positions of a history after each chosen one.

    `values` (B, T, P, cell) are zero if not `there` (B, T, P), and do not count then.
    """
    _, last = _bounds(documents)
    row, at = chosen // documents.shape[1], chosen % documents.shape[1]
    # (n,) the last position of the history, in its row
    end = last.flatten()[chosen]
    sums, counts = _sums(values), _sums(there)
    # (n, P) from the position after the chosen one to the last of its history
    found = counts[row, end + 1] - counts[row, at + 1]
    means = (sums[row, end + 1] - sums[row, at + 1]) / found.clamp(min=1)[..., None]
    return means.float(), found.float()


def _sums(values: Tensor) -> Tensor:
    """(B, T + 1, ...): the sums of all positions before each; in float64, since differences of them are taken."""
    sums = values.double().cumsum(1)
    return torch.cat((torch.zeros_like(sums[:, :1]), sums), 1)


def _bounds(documents: Tensor) -> tuple[Tensor, Tensor]:
    """(first, last) places in its row, (B, T) each, of the history of each position."""
    places = torch.arange(documents.shape[1], device=documents.device).expand_as(documents)
    # (B, T) True for the first and for the last position of each history
    opens = torch.ones_like(documents, dtype=torch.bool)
    opens[:, 1:] = documents[:, 1:] != documents[:, :-1]
    closes = torch.ones_like(opens)
    closes[:, :-1] = opens[:, 1:]
    # the latest opening so far, and, from the right, the nearest closing
    first = torch.where(opens, places, 0).cummax(1).values
    last = torch.where(closes, places, documents.shape[1]).flip(1).cummin(1).values.flip(1)
    return first, last
