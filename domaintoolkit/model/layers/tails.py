"""Cells of variable width: text, spelled values, levels of a hierarchy.

Read, a tail is the mean of its tokens' embeddings, each weighted by a learned factor of its place. Predicted, it
is a sequence of its own: a GRU that begins from the event's context and the cell's first token gives, at every
step, a normalised distribution over the part's continuation tokens, the 256 bytes and the end. While the tail is
that of the same part in the event before, what came next there is made likelier, by as much as the step says.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from domaintoolkit.grammar import Place
from domaintoolkit.model.config import EventModelConfig
from domaintoolkit.model.layers.cross_entropy import cross_entropy

__all__ = ["SPREAD", "TailDecoder", "TailEncoder", "Tails", "can_continue"]

FACTORS = 32
"""Places in a tail that have an embedding of their own; later ones share the last."""
SPREAD = 0.01
"""Standard deviation of embeddings at first; what is read of them is divided by it."""


class Tails(NamedTuple):
    """Tails of C cells in one line, with the bounds of each; `length` may be 0."""

    tokens: Tensor  # (tokens of all tails,)
    start: Tensor  # (C,)
    length: Tensor  # (C,)

    def pad(self, steps: int) -> Tensor:
        """(C, steps): the first tokens of each tail, and any after its end."""
        at = self.start[:, None] + torch.arange(steps, device=self.start.device)
        return self.tokens[at.clamp(max=len(self.tokens) - 1)] if len(self.tokens) else torch.zeros_like(at)


def can_continue(place: Tensor, start: Tensor, fusible: Tensor) -> Tensor:
    """bool[V]: tokens that begin a part and may be followed by others of it: markers of spelling and text, and
    every first token of a part that has continuation tokens of its own."""
    own = torch.zeros(int(place.max().clamp(min=0)) + 1, dtype=torch.bool, device=place.device)
    own[place[(place >= 0) & ~start].long()] = True
    return start & (~fusible | own[place.clamp(min=0).long()])


class TailEncoder(nn.Module):
    """Adds to cells (N, cell) the mean of their tails."""

    def __init__(self) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.ones(FACTORS))

    def forward(self, cells: Tensor, at: Tensor, offsets: Tensor, embedded: Tensor) -> Tensor:
        """`embedded` (M, cell) lie one after another; cell `at[i]` has those from `offsets[i]` to `offsets[i + 1]`."""
        sizes = offsets.diff()
        # (M,) each: the cell of a token, its place in the tail, and the length of the tail
        owner = torch.repeat_interleave(at, sizes, output_size=len(embedded))
        step = torch.arange(len(embedded), device=cells.device) - torch.repeat_interleave(
            offsets[:-1], sizes, output_size=len(embedded)
        )
        among = torch.repeat_interleave(sizes, sizes, output_size=len(embedded))
        share = self.factors[step.clamp(max=FACTORS - 1)] / among
        return cells.index_add(0, owner, (embedded * share[:, None]).to(cells.dtype))


class TailDecoder(nn.Module):
    """The cost of a tail, given the context of its event and its cell's first token."""

    def __init__(self, config: EventModelConfig) -> None:
        super().__init__()
        self.begin = nn.Linear(config.width, config.cell)
        self.steps = nn.GRU(config.cell, config.cell, batch_first=True)
        self.query = nn.Linear(config.cell, config.cell, bias=False)
        self.repeat = nn.Linear(config.cell, 1)
        self.end = nn.Parameter(torch.zeros(1, config.cell + 1))

    @staticmethod
    def parameters_of(config: EventModelConfig) -> int:
        """The number of parameters of a tail decoder, without building it."""
        cell = config.cell
        return (config.width + 1) * cell + 6 * cell * (cell + 1) + cell**2 + 2 * (cell + 1)

    def tabulate(self, place: Tensor, start: Tensor) -> None:
        """The alphabets: of every part its continuation tokens by rising id, then the bytes, then the end."""
        rank = torch.zeros(len(place), dtype=torch.long, device=place.device)
        self.bytes = (place == Place.BYTE).nonzero().flatten()
        rank[self.bytes] = torch.arange(len(self.bytes), device=place.device)
        self.pieces: dict[int, Tensor] = {}
        for part in torch.unique(place[(place >= 0) & ~start]).tolist():
            ids = ((place == part) & ~start).nonzero().flatten()
            self.pieces[part] = ids
            rank[ids] = torch.arange(len(ids), device=place.device)
        self.register_buffer("rank", rank, persistent=False)
        self.register_buffer("is_byte", place == Place.BYTE, persistent=False)

    def loss(
        self, part: int, context: Tensor, first: Tensor, tails: Tails, before: Tails, embedded: Tensor, scored: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(summed nats with their gradient, nats (C,)) of C tails; `first` (C, cell) are the first tokens.

        `before` are the tails that are expected again, with a length of -1 if none is. `embedded` (V, cell) is
        read, `scored` (V, cell + 1), the last column a bias, is scored against.
        """
        queries, rows, wanted = self._queries(part, context, first, tails, before, embedded, scored)
        mean, nats = cross_entropy(queries, rows, wanted.data)
        each, _ = pad_packed_sequence(wanted._replace(data=nats.detach()), batch_first=True)
        return mean * len(wanted.data), each.sum(1)

    def following(
        self, part: int, context: Tensor, first: Tensor, tails: Tails, before: Tails, embedded: Tensor, scored: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(log-probabilities (C, K) of what comes after C tails as far as they go, ids (K - 1,) of all but the last,
        which is the end)."""
        queries, rows, packed = self._queries(part, context, first, tails, before, embedded, scored)
        padded, _ = pad_packed_sequence(packed._replace(data=queries), batch_first=True)
        # (C, cell + 1): the query of the step after the tail so far
        last = padded[torch.arange(len(padded), device=padded.device), tails.length]
        alphabet = torch.cat((self._pieces(part, rows.device), self.bytes.to(rows.device)))
        return (last @ rows.t()).float().log_softmax(1), alphabet

    def _queries(
        self, part: int, context: Tensor, first: Tensor, tails: Tails, before: Tails, embedded: Tensor, scored: Tensor
    ) -> tuple[Tensor, Tensor, PackedSequence]:
        """(a query for each step of each tail and its end, the rows of the alphabet that they are scored against, the
        numbers in it of what comes at each step)."""
        device = context.device
        pieces = self._pieces(part, device)
        steps = int(tails.length.max())
        # (C, steps + 1) each
        targets, expected = self._targets(tails, len(pieces), steps), self._targets(before, len(pieces), steps)
        # 1 at every step before which the tail has been that of the event before
        fits = functional.pad((targets == expected)[:, :-1].cumprod(1), (1, 0), value=1)
        expected = torch.where((fits > 0) & (expected >= 0), expected, -1)
        lengths = (tails.length + 1).cpu()
        with torch.autocast(device.type, enabled=False):
            # (C, steps + 1, cell): the first token, then the tail
            inputs = torch.cat((first[:, None].float(), embedded[tails.pad(steps)].float()), 1)
            begin = torch.tanh(self.begin(context.float()))[None]
            states = self.steps(_pack(inputs, lengths), begin)[0].data
        rows = torch.cat((scored[pieces], scored[self.bytes.to(device)], self.end))
        # (steps of all tails,) -1 if nothing is expected
        likely = _pack(expected, lengths).data
        push = (self.repeat(states) * (likely >= 0)[:, None]) * rows[likely.clamp(min=0), :-1] / SPREAD
        return functional.pad(self.query(states) + push, (0, 1), value=1), rows, _pack(targets, lengths)

    def _pieces(self, part: int, device: torch.device) -> Tensor:
        return self.pieces.get(part, torch.zeros(0, dtype=torch.long)).to(device)

    def _targets(self, tails: Tails, pieces: int, steps: int) -> Tensor:
        """(C, steps + 1): numbers in the alphabet of what comes at each step; -1 after the end."""
        ranked = self._rank(tails.pad(steps + 1), pieces)
        at = torch.arange(steps + 1, device=ranked.device)
        there = torch.where(at == tails.length[:, None], pieces + len(self.bytes), ranked)
        return torch.where(at <= tails.length[:, None], there, -1)

    def _rank(self, tokens: Tensor, pieces: int) -> Tensor:
        rank, is_byte = self.get_buffer("rank"), self.get_buffer("is_byte")
        # in the alphabet of a part, the bytes come after its pieces
        return rank[tokens] + is_byte[tokens] * pieces


def _pack(values: Tensor, lengths: Tensor) -> PackedSequence:
    return pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
