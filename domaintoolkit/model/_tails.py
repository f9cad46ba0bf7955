"""Cells of variable width: text, spelled values, levels of a hierarchy.

Read, a tail is the mean of its tokens' embeddings, each weighted by a learned factor of its place. Predicted, it
is a sequence of its own: a GRU that begins from the event's context and the cell's first token gives, at every
step, a normalised distribution over the part's continuation tokens, the 256 bytes and the end.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from domaintoolkit.model._config import EventModelConfig
from domaintoolkit.model._cross_entropy import cross_entropy

__all__ = ["TailDecoder", "TailEncoder", "Tails", "can_continue"]

FACTORS = 32
"""Places in a tail that are told apart; later ones count as the last."""
BYTE = -1


class Tails(NamedTuple):
    """Tails of C cells in one line, with the bounds of each; `length` may be 0."""

    tokens: Tensor
    start: Tensor
    length: Tensor


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
        owner = torch.repeat_interleave(at, sizes, output_size=len(embedded))
        step = torch.arange(len(embedded), device=cells.device) - torch.repeat_interleave(offsets[:-1], sizes)
        share = self.factors[step.clamp(max=FACTORS - 1)] / torch.repeat_interleave(sizes, sizes)
        return cells.index_add(0, owner, (embedded * share[:, None]).to(cells.dtype))


class TailDecoder(nn.Module):
    """What a tail costs, given the context of its event and its cell's first token."""

    def __init__(self, config: EventModelConfig) -> None:
        super().__init__()
        self.begin = nn.Linear(config.width, config.cell)
        self.steps = nn.GRU(config.cell, config.cell, batch_first=True)
        self.end = nn.Parameter(torch.zeros(1, config.cell))

    def tabulate(self, place: Tensor, start: Tensor) -> None:
        """The alphabets: of every part its continuation tokens by rising id, then the bytes, then the end."""
        rank = torch.zeros(len(place), dtype=torch.long, device=place.device)
        self.bytes = (place == BYTE).nonzero().flatten()
        rank[self.bytes] = torch.arange(len(self.bytes), device=place.device)
        self.pieces: dict[int, Tensor] = {}
        for part in torch.unique(place[(place >= 0) & ~start]).tolist():
            ids = ((place == part) & ~start).nonzero().flatten()
            self.pieces[part] = ids
            rank[ids] = torch.arange(len(ids), device=place.device)
        self.register_buffer("rank", rank, persistent=False)
        self.register_buffer("is_byte", place == BYTE, persistent=False)

    def loss(
        self, part: int, context: Tensor, first: Tensor, tails: Tails, embedding: Tensor, output: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(summed nats with their gradient, the same without) of C tails; `first` (C, cell) are the first tokens.

        `embedding` (V, cell) is read, `output` (V, cell) is scored against.
        """
        device = context.device
        pieces = self.pieces.get(part, torch.zeros(0, dtype=torch.long)).to(device)
        steps = torch.arange(int(tails.length.max()), device=device)
        at = (tails.start[:, None] + steps).clamp(max=max(0, len(tails.tokens) - 1))
        padded = tails.tokens[at] if len(tails.tokens) else at
        targets = self._ranked(padded, len(pieces))
        targets = nn.functional.pad(targets, (0, 1)).scatter(1, tails.length[:, None], len(pieces) + len(self.bytes))
        lengths = (tails.length + 1).cpu()
        with torch.autocast(device.type, enabled=False):
            inputs = torch.cat((first[:, None].float(), embedding[padded].float()), 1)
            begin = torch.tanh(self.begin(context.float()))[None]
            packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
            states, _ = self.steps(packed, begin)
        wanted = pack_padded_sequence(targets, lengths, batch_first=True, enforce_sorted=False).data
        rows = torch.cat((output[pieces], output[self.bytes.to(device)], self.end))
        mean, nats = cross_entropy(states.data, rows, wanted)
        return mean * len(wanted), nats.detach().sum()

    def _ranked(self, tokens: Tensor, pieces: int) -> Tensor:
        rank, is_byte = self.get_buffer("rank"), self.get_buffer("is_byte")
        return rank[tokens] + is_byte[tokens] * pieces
