"""Scores of the next token of histories, with a cache of keys and values of what was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from domaintoolkit.generate.draft import Line
from domaintoolkit.model.layers.decoder import Cache
from domaintoolkit.model.token_model import TokenModel

__all__ = ["Scores", "TokenScores"]


class Scores(Protocol):
    """A model that reads B lines at once. Each call goes on from the one before; tokens taken back are forgotten."""

    def next(self, lines: Sequence[Line]) -> Tensor:
        """Float32 (B, V + 1) on the CPU: logits of the next token, and of going on without one.

        The row of a line that is done has any values.
        """

    def pick(self, rows: Sequence[int]) -> None:
        """Go on with these lines; a line may be picked several times."""


class TokenScores:
    """The scores of a token model, which never goes on without a token."""

    def __init__(self, model: TokenModel, count: int) -> None:
        self.model, self.cache = model, Cache()
        self.read: list[list[int]] = [[] for _ in range(count)]
        """The tokens of each line that are in the cache and valid."""
        self.columns: list[list[int]] = [[] for _ in range(count)]
        """The column of each of them in the cache."""

    def next(self, lines: Sequence[Line]) -> Tensor:
        """Logits, float32 (B, V + 1) on the CPU."""
        fresh = [self._unread(row, line) for row, line in enumerate(lines)]
        ids = torch.zeros(len(lines), max(map(len, fresh)), dtype=torch.long)  # (B, longest of fresh)
        real = torch.zeros_like(ids, dtype=torch.bool)
        # the column of the first fresh token, which is the same for all rows
        begin = 0 if self.cache.valid is None else self.cache.valid.shape[1]
        for row, tokens in enumerate(fresh):
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            real[row, : len(tokens)] = True
            self.read[row] += tokens
            self.columns[row] += range(begin, begin + len(tokens))
        device = self.model.device
        hidden = self.model.read(ids.to(device), real.to(device), self.cache)  # (B, T, width)
        # rows are padded on the right
        last = torch.tensor([max(0, len(tokens) - 1) for tokens in fresh])
        logits = self.model.logits(hidden[torch.arange(len(lines)), last]).float().cpu()
        # (B, V) to (B, V + 1)
        return torch.nn.functional.pad(logits, (0, 1), value=-torch.inf)

    def _unread(self, row: int, line: Line) -> list[int]:
        """The tokens of a line that are not in the cache, at least the last one; what was taken back is invalid."""
        if line.done:
            return []
        read, context = self.read[row], list(line.context)
        # the last token is always read: the cache holds keys and values, not the hidden state that is scored
        keep = min(len(read), len(context) - 1)
        if read[:keep] != context[:keep]:
            keep = next(at for at in range(keep) if read[at] != context[at])
        if keep < len(read):
            assert self.cache.valid is not None
            # columns are shared by all rows: what one row takes back stays, and the mask hides it
            self.cache.valid[row, self.columns[row][keep:]] = False
            del read[keep:], self.columns[row][keep:]
        return context[keep:]

    def pick(self, rows: Sequence[int]) -> None:
        """Go on with these lines."""
        self.cache.pick(torch.tensor(list(rows), device=self.model.device))
        self.read = [list(self.read[row]) for row in rows]
        self.columns = [list(self.columns[row]) for row in rows]
