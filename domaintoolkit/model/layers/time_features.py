"""Hybrid time features: half of the width from the calendar, half from the time since the previous event.

Both are read off the time tokens: a bucket of the calendar is an angle, and a bucket of the elapsed time, which
the encoder spaces evenly in its logarithm, a point between 0 and 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from domaintoolkit.grammar import Syntax

__all__ = ["Clock", "ranks", "time_parts"]

CALENDAR = ("year", "month", "day", "weekday", "hour", "minute")
WAVES = 4
"""Sines and cosines a part."""


def time_parts(syntax: Syntax) -> tuple[list[int], list[int]]:
    """Places of the event parts that say the calendar time, and of those that say the elapsed time."""
    words = [name.rpartition(".")[2] if "." in name else "" for name in syntax.part_names]
    places = range(syntax.header_parts, syntax.header_parts + syntax.event_parts)
    return [p for p in places if words[p] in CALENDAR], [p for p in places if words[p] == "delta"]


def ranks(place: Tensor, start: Tensor, part: int) -> tuple[Tensor, Tensor]:
    """Ids of the tokens that can begin a part, rising, and for every id its number among them (0 for others)."""
    chosen = (place == part) & start
    rank = torch.where(chosen, chosen.long().cumsum(0) - 1, 0)
    return chosen.nonzero().flatten(), rank


class Clock(nn.Module):
    """Features (..., width) of the time parts of events, given the ids (..., H + P) of all parts."""

    def __init__(self, calendar: list[int], elapsed: list[int], width: int) -> None:
        super().__init__()
        self.calendar, self.elapsed = calendar, elapsed
        half = width // 2
        self.absolute = nn.Linear(2 * WAVES * len(calendar), half, bias=False) if calendar else None
        self.relative = nn.Linear((2 * WAVES + 1) * len(elapsed), width - half, bias=False) if elapsed else None
        self.width = width

    @staticmethod
    def parameters_of(calendar: int, elapsed: int, width: int) -> int:
        """The number of parameters of a clock, without building it."""
        half = width // 2
        return 2 * WAVES * calendar * half + (2 * WAVES + 1) * elapsed * (width - half)

    def tabulate(self, place: Tensor, start: Tensor) -> None:
        """The position of each token of a vocabulary in its part, between 0 and 1."""
        fraction = torch.zeros(len(place), device=place.device)
        for part in (*self.calendar, *self.elapsed):
            ids, rank = ranks(place, start, part)
            fraction[ids] = rank[ids].float() / max(1, len(ids))
        self.register_buffer("fraction", fraction, persistent=False)
        for name, parts in (("calendar_parts", self.calendar), ("elapsed_parts", self.elapsed)):
            self.register_buffer(name, torch.tensor(parts, dtype=torch.long, device=place.device), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        found: Tensor = self.get_buffer("fraction")
        half = self.width // 2
        blank = torch.zeros(*ids.shape[:-1], self.width, device=ids.device)
        sides = [blank[..., :half], blank[..., half:]]
        if self.absolute is not None:
            # (..., calendar parts): the calendar comes round, so its angles go the whole way
            calendar = found[ids.index_select(-1, self.get_buffer("calendar_parts"))]
            sides[0] = self.absolute(_waves(calendar, 2 * math.pi))
        if self.relative is not None:
            # (..., elapsed parts): the least and the most time must not look alike, so these go half the way
            elapsed = found[ids.index_select(-1, self.get_buffer("elapsed_parts"))]
            sides[1] = self.relative(torch.cat((elapsed, _waves(elapsed, math.pi)), -1))
        return torch.cat(sides, -1)


def _waves(fraction: Tensor, turn: float) -> Tensor:
    # (..., parts, WAVES)
    angles = fraction[..., None] * (turn * torch.arange(1, WAVES + 1, device=fraction.device))
    return torch.cat((angles.sin(), angles.cos()), -1).flatten(-2)
