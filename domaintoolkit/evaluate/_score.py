"""What held-out events cost, in nats and bits, part by part."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEADER", "Score", "gathered"]

HEADER = "[header]"
"""The name of what tokens of a history's header cost; it is part of no event."""


@dataclass(frozen=True, slots=True)
class Score:
    """The cost of the same events under one model or baseline.

    Every token of an event is paid for: its parts, spelled and text tokens, session tokens, and tokens that did
    not fit into a block, at the uniform cost. The events lie in groups of whole blocks, whose spread says how
    sure a figure is.
    """

    name: str
    parts: tuple[str, ...]
    nats: NDArray[np.float64]
    """(groups, parts)"""
    events: NDArray[np.int64]
    """(groups,)"""
    tokens: int
    """Tokens that were predicted, those of the header too where it is a part."""

    @property
    def nats_per_token(self) -> float:
        """Mean nats of a predicted token."""
        return float(self.nats.sum()) / max(1, self.tokens)

    @property
    def bits_per_event(self) -> float:
        """Bits of an event's tokens; a history's header is not in it."""
        return float(self.event_nats.sum()) / math.log(2) / max(1, int(self.events.sum()))

    @property
    def bits_by_part(self) -> dict[str, float]:
        """Bits an event of each part."""
        bits = self.nats.sum(0) / math.log(2) / max(1, int(self.events.sum()))
        return {part: float(value) for part, value in zip(self.parts, bits, strict=True)}

    @property
    def event_nats(self) -> NDArray[np.float64]:
        """(groups,): nats of events' tokens."""
        return self.nats_without(())

    def nats_without(self, parts: Collection[str]) -> NDArray[np.float64]:
        """(groups,): nats of events' tokens but those of `parts`."""
        counted = [number for number, part in enumerate(self.parts) if part != HEADER and part not in parts]
        return np.asarray(self.nats[:, counted].sum(1), np.float64)


def gathered(
    name: str, parts: tuple[str, ...], batches: Iterable[Any], loss: Callable[[Any], Any], lost_nats: float
) -> Score:
    """The score of a model, a group for each batch.

    `batches` are a model's batch, its events and the tokens that it lost; `loss` gives a `LossReport` for one,
    and `lost_nats` is what a lost token costs.
    """
    nats, counts, tokens = [], [], 0
    for batch, events, lost in batches:
        report = loss(batch)
        row = report.nats_by_part.detach().double().cpu().numpy()
        nats.append(np.append(row, lost * lost_nats))
        counts.append(events)
        tokens += int(report.tokens) + lost
    table = np.array(nats, np.float64).reshape(len(nats), len(parts) + 1)
    return Score(name, (*parts, "[cut off]"), table, np.array(counts, np.int64), tokens)
