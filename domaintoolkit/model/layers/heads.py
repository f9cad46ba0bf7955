"""Heads of the event model: a query for each part of the next event, and what the part's token then costs."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from domaintoolkit.model.config import EventModelConfig
from domaintoolkit.model.layers.cross_entropy import cross_entropy
from domaintoolkit.model.layers.recent import Gains

__all__ = ["HeaderHeads", "Heads", "log_partition", "part_loss"]

PROBED = 256
"""Positions on which the exact nats of a part are measured while it trains on something cheaper."""


class Heads(nn.Module):
    """Hidden states to contexts (N, P, width) and queries (N, P, cell width), one of each a part.

    To a query is added what the same part was in the event before, by as much as the context says: values near that one
    gain with it, such as the same hour, or the next.

    Independent parts share the hidden state as their context. Sequential ones add to it what the session flag and
    the earlier parts of the same event are, each through its own matrix.
    """

    def __init__(self, config: EventModelConfig, parts: int) -> None:
        super().__init__()
        width, cell = config.width, config.cell
        self.sequential = config.sequential
        self.weight = nn.Parameter(torch.randn(parts, width, cell) * width**-0.5)
        self.repeat = nn.Parameter(torch.zeros(parts, width + 1))
        if self.sequential:
            self.before = nn.Parameter(torch.randn(parts, cell, width) * cell**-0.5)
            self.flag = nn.Parameter(torch.zeros(width))
            self.mix = nn.Linear(width, width, bias=False)

    @staticmethod
    def parameters_of(config: EventModelConfig, parts: int) -> int:
        """The number of parameters of the heads, without building them."""
        width, cell = config.width, config.cell
        alone = parts * (width * cell + width + 1)
        return alone + (parts * cell * width + width + width**2 if config.sequential else 0)

    def forward(self, hidden: Tensor, session: Tensor, cells: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """(contexts, queries) for `hidden` (N, width), given the true session flags (N,) and cells (N, P, cell).

        `before` (N, P, cell) are the rows that the values of the event before are scored with, or zero.
        """
        contexts = self._contexts(hidden, session, cells)
        # (N, P)
        push = (contexts * self.repeat[:, :-1]).sum(2) + self.repeat[:, -1]
        return contexts, torch.einsum("npw,pwc->npc", contexts, self.weight) + push[..., None] * before

    def _contexts(self, hidden: Tensor, session: Tensor, cells: Tensor) -> Tensor:
        if not self.sequential:
            return hidden[:, None].expand(-1, len(self.weight), -1)
        known = torch.einsum("npc,pcw->npw", cells, self.before)  # (N, P, width)
        # (N, P, width): the sum over the parts before each, since its own is taken off
        earlier = known.cumsum(1) - known
        base = self.mix(hidden) + session[:, None] * self.flag
        return functional.gelu(base[:, None] + earlier) + hidden[:, None]


class HeaderHeads(nn.Module):
    """Cells (N, H, cell) of headers to contexts (N, H, width) and queries (N, H, cell width), one of each a part.

    There is nothing before a header, so each part is predicted from the parts before it alone.
    """

    def __init__(self, config: EventModelConfig, parts: int) -> None:
        super().__init__()
        width, cell = config.width, config.cell
        self.begin = nn.Parameter(torch.randn(width))
        self.weight = nn.Parameter(torch.randn(parts, width, cell) * width**-0.5)
        self.before = nn.Parameter(torch.randn(parts, cell, width) * cell**-0.5)

    @staticmethod
    def parameters_of(config: EventModelConfig, parts: int) -> int:
        """The number of parameters, without building them."""
        return config.width * (1 + 2 * parts * config.cell)

    def forward(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        known = torch.einsum("npc,pcw->npw", cells, self.before)  # (N, H, width)
        # (N, H, width): each from the sum over the parts before it
        contexts = functional.gelu(self.begin + known.cumsum(1) - known)
        return contexts, torch.einsum("npw,pwc->npc", contexts, self.weight)


def part_loss(
    query: Tensor, weight: Tensor, targets: Tensor, gains: Gains | None, config: EventModelConfig, training: bool
) -> tuple[Tensor, Tensor]:
    """(summed loss with its gradient, exact nats (N,)) of targets (N,) among the rows of `weight`, with the `gains` of
    their scores.

    If training uses a cheaper loss, the nats are the mean of those of some positions.
    """
    if not training or config.large == "softmax" or len(weight) <= config.large_from:
        mean, nats = cross_entropy(query, weight, targets, gains)
        return mean * len(targets), nats.detach()
    loss = _compute_sampled_loss(query, weight, targets, gains, config.negatives)
    with torch.no_grad():
        # every `step`-th position, so that at most PROBED are measured
        some = slice(None, None, -(-len(targets) // PROBED))
        mean, _ = cross_entropy(query[some], weight, targets[some], None if gains is None else gains.pick(some))
    return loss, mean.expand(len(targets))


def _compute_sampled_loss(
    query: Tensor, weight: Tensor, targets: Tensor, gains: Gains | None, negatives: int
) -> Tensor:
    """Softmax whose sum over all candidates is estimated in two strata.

    The distinct targets of the batch, which are the frequent candidates, count in full. Of the others, `negatives`
    are drawn uniformly, and each stands for an equal share of them; the estimate of the sum is unbiased. Draws from
    all candidates alone would miss the few that have most of the probability. Values of recent events are targets of
    the same batch, so their gains are exact too.
    """
    # (U,) the distinct targets, rising, and (N,) the place of each target among them
    known, which = torch.unique(targets, return_inverse=True)
    # (U + negatives, cell + 1) and (U + negatives,): the known ones come first, so that `which` is their place
    rows, shares = _draw_candidates(weight, known, negatives)
    scores = (query @ rows.t()).float() + shares
    if gains is not None:
        # (N, K) where the columns are among the rows; the padding of a row has no gain
        places = torch.searchsorted(known, gains.columns).clamp(max=len(known) - 1)
        scores = scores.scatter_add(1, places, gains.values.float())
    return functional.cross_entropy(scores, which, reduction="sum")


def _draw_candidates(weight: Tensor, known: Tensor, negatives: int) -> tuple[Tensor, Tensor]:
    """(rows of `weight`, what is added to their scores): the known ones, which rise, and others for the rest."""
    size, device = len(weight), weight.device
    # (negatives,) from 0 to K - U - 1, moved up past the known ones
    drawn = torch.randint(max(1, size - len(known)), (negatives,), device=device)
    drawn = drawn + torch.searchsorted(known - torch.arange(len(known), device=device), drawn, right=True)
    # each drawn one stands for (K - U) / negatives candidates; with none left, for nothing
    share = math.log(max(size - len(known), 1e-30) / negatives)
    rows = torch.cat((weight[known], weight[drawn.clamp(max=size - 1)]))
    return rows, functional.pad(torch.full((negatives,), share, device=device), (len(known), 0))


def log_partition(query: Tensor, weight: Tensor, seen: Tensor, config: EventModelConfig) -> Tensor:
    """(n,): the logarithm of the sum over all K rows of `weight`.

    Of many rows it is estimated as in `_compute_sampled_loss`; the numbers `seen` are those that count in full.
    """
    if config.large == "softmax" or len(weight) <= config.large_from:
        return (query @ weight.t()).float().logsumexp(1)
    rows, shares = _draw_candidates(weight, torch.unique(seen), config.negatives)
    return ((query @ rows.t()).float() + shares).logsumexp(1)
