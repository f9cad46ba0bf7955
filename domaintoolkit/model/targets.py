"""The events of a batch that are predicted, and the parts that they have.

On a GPU the program would wait for each of these answers, so they are computed before the batch goes there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from domaintoolkit.errors import DecodeError
from domaintoolkit.grammar import Syntax
from domaintoolkit.model.batches import EventBatch, EventTargets
from domaintoolkit.model.layers.attention import history_bounds
from domaintoolkit.model.layers.tails import can_continue

__all__ = ["TargetFinder", "event_targets", "find_continuing"]


def find_continuing(place: Tensor, start: Tensor, fusible: Tensor, fills: Tensor) -> Tensor:
    """bool (V,): tokens that begin a part, fill only that one, and that others of it may follow."""
    return can_continue(place, start, fusible) & (fills == 1)


def event_targets(batch: EventBatch, header_parts: int, place: Tensor, continues: Tensor) -> EventTargets:
    """The targets of a batch, given the tables of its vocabulary on the batch's device.

    Raises `DecodeError` if tokens follow one that nothing can follow.
    """
    documents, parts = batch.documents, batch.ids.shape[2]
    # (B, T) True if the next position is of the same history; nothing follows the last column
    follows = functional.pad((documents[:, 1:] == documents[:, :-1]) & (documents[:, 1:] >= 0), (0, 1))
    # (N,), and then (M,)
    source = follows.flatten().nonzero().flatten()
    headers = (batch.header & (documents >= 0)).flatten().nonzero().flatten()
    ids = batch.ids.flatten(0, 1)
    there: list[Tensor] = []
    going: list[Tensor] = []
    for part in range(parts):
        # (M,) or (N,) the first tokens of this part
        own = ids[headers if part < header_parts else source + 1, part]
        there.append((place[own] == part).nonzero().flatten())
        # (n,) among the positions that have the part
        going.append(continues[own[there[-1]]].nonzero().flatten())
    # every token with a tail has to be one that can go on
    if not bool(continues[batch.ids.flatten()[batch.tail_cells]].all()):
        raise DecodeError("a token that stands alone is followed by continuation tokens")
    return EventTargets(source, headers, tuple(there), tuple(going))


class TargetFinder:
    """Adds bounds and targets to batches of events, where the batches are made."""

    def __init__(self, syntax: Syntax) -> None:
        self.header_parts = syntax.header_parts
        place, start, fusible, fills = map(_tensor, (syntax.place, syntax.start, syntax.fusible, syntax.fills))
        self.place, self.continues = place, find_continuing(place, start, fusible, fills)

    def __call__(self, batch: EventBatch) -> EventBatch:
        targets = event_targets(batch, self.header_parts, self.place, self.continues)
        return replace(batch, bounds=history_bounds(batch.documents), targets=targets)


def _tensor(values: Any) -> Tensor:
    return torch.as_tensor(np.array(values))
