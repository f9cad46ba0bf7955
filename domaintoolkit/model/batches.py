"""The interface of models to a training loop: the batches that they take and the loss that they report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import Tensor

__all__ = [
    "EXTRA_PARTS",
    "EventBatch",
    "EventTargets",
    "LossReport",
    "SequenceModel",
    "TokenBatch",
    "positions_at_once",
]

EXTRA_PARTS = ("[SESSION]", "[composite]", "[header]")
"""The entries of `nats_by_part` after the event parts: session tokens, composite tokens, and the header's tokens."""

PADDED = {"cpu": 1 << 10}
"""Positions of a batch, padding included: on a CPU so few that the activations of a layer stay in its caches."""
MOST_PADDED = 1 << 15
"""The same on other devices."""


def positions_at_once(device: torch.device) -> int:
    """The positions of a batch that is read and not learned from, padding included."""
    return PADDED.get(device.type, MOST_PADDED)


class _Moves:
    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """The same batch on another device."""
        return self._apply(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same batch in memory from which a GPU can copy while the program goes on."""
        return self._apply(Tensor.pin_memory)

    def _apply(self, change: Callable[[Tensor], Tensor]) -> Self:
        made = {entry.name: _map_tensors(getattr(self, entry.name), change) for entry in fields(self)}  # type: ignore[arg-type]
        return replace(self, **made)  # type: ignore[type-var]


def _map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A tensor, or each tensor in tuples, after a change."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, EventTargets):
        return EventTargets(*(_map_tensors(entry, change) for entry in value))
    return tuple(_map_tensors(entry, change) for entry in value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class TokenBatch(_Moves):
    """Packed blocks of B rows of T token ids.

    `documents` numbers the histories of a row 0, 1, 2, ... from left to right, and is -1 for
    padding, at the end of the row. Every history (or window of one) lies whole in one row. A position predicts the next
    one if both belong to the same history.
    """

    ids: Tensor
    """int64 (B, T); any id for padding."""
    documents: Tensor
    """int32 or int64 (B, T)."""
    bounds: Tensor | None = None
    """int32 (n + 1,): where histories and paddings begin among the B * T positions, and the end. It follows from
    `documents`; a loader computes it before the batch goes to a GPU, since the program would have to wait there."""


class EventTargets(NamedTuple):
    """The targets of an event batch; like `bounds` they follow from the rest."""

    source: Tensor
    """int64 (N,): the positions, row * T + position, that another of their history follows."""
    headers: Tensor
    """int64 (M,): the positions of headers."""
    there: tuple[Tensor, ...]
    """For each of H + P parts, which of the M headers, or of the N events that follow, have it (n,)."""
    going: tuple[Tensor, ...]
    """For each part, which of those n begin with a token that others may follow."""


@dataclass(frozen=True, slots=True)
class EventBatch(_Moves):
    """Packed blocks of B rows of T positions, each the header of a history or one of its events.

    A cell is one part of one position: number (row * T + position) * (H + P) + part. Tokens after a cell's first
    are its tail; the tails of the C cells that have one lie in `tails`, in the order of `tail_cells`.
    """

    ids: Tensor
    """int64 (B, T, H + P): first token of each part; 0 if the position has none: a part of the other kind, or one
    that another token fills."""
    header: Tensor
    """bool (B, T): the position is a header."""
    session: Tensor
    """bool (B, T): the event opens a session."""
    documents: Tensor
    """int64 (B, T), as in `TokenBatch`."""
    tail_cells: Tensor
    """int64 (C,), rising."""
    tail_offsets: Tensor
    """int64 (C + 1,)."""
    tails: Tensor
    """int64 (tail_offsets[-1],)."""
    bounds: Tensor | None = None
    """As in `TokenBatch`."""
    targets: EventTargets | None = None
    """Computed before the batch goes to a GPU, or else by the model."""


class LossReport(NamedTuple):
    """The cost of a batch. Everything is a tensor on the model's device, so that nothing waits for a GPU.

    A tuple, since sharded training looks for the tensors of a forward pass in tuples, lists and dictionaries only.

    `nats` are exact: the negative log of the full normalised probability of every base token of every event, by
    part: P event parts, then `EXTRA_PARTS`. Bits an event are all but the last, over `events`, over ln 2. In
    training `loss` may be another one (sampled softmax), and `nats` then an estimate, spread evenly.
    """

    loss: Tensor
    """(): mean nats a predicted token, with its gradient."""
    nats: Tensor
    """float32 (B, T, P + 3), no gradient: the cost of the token, the event or the header at each position."""
    tokens: Tensor
    """int64 (): tokens that were predicted."""
    events: Tensor
    """int64 (): events that were predicted."""
    later: Tensor | None = None
    """(): mean nats of a value of a later event, given the mean of its history so far; None without that objective."""

    @property
    def nats_by_part(self) -> Tensor:
        """float32 (P + 3,): `nats` over all positions."""
        return self.nats.sum((0, 1))


class SequenceModel(Protocol):
    """A token model or an event model, as a training loop sees it. Both are `torch.nn.Module`s too."""

    vocabulary_hash: str
    """Hash of the vocabulary whose ids it takes."""
    part_names: tuple[str, ...]
    """Names of the entries of `nats_by_part`: event parts, then `EXTRA_PARTS`."""

    def loss(self, batch: Any) -> LossReport:
        """Loss of a `TokenBatch` (token model) or an `EventBatch` (event model)."""
