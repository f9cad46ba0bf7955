"""What a training loop needs to know of a model: the batches it takes and the loss that it reports."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["EXTRA_PARTS", "EventBatch", "Layout", "LossReport", "SequenceModel", "TokenBatch"]

EXTRA_PARTS = ("[SESSION]", "[composite]", "[header]")
"""What `nats_by_part` counts after the event parts: session tokens, composite tokens, and the header's tokens."""


class Layout(Protocol):
    """What a model reads of a vocabulary's grammar: the arrays of `vocabulary.Grammar`, indexed by token id."""

    @property
    def header_parts(self) -> int:
        """H"""

    @property
    def event_parts(self) -> int:
        """P"""

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of the H + P parts, in the order of their places."""

    @property
    def place(self) -> NDArray[np.int16]:
        """(V,) 0..H-1 header part, H..H+P-1 event part; byte -1, BOS -2, PAD -3, SESSION -4, composite -5."""

    @property
    def start(self) -> NDArray[np.bool_]:
        """(V,) whether the token begins its part."""

    @property
    def fills(self) -> NDArray[np.int16]:
        """(V,) how many parts a start token fills: 1, or those of its field where it stands for all of it."""

    @property
    def fusible(self) -> NDArray[np.bool_]:
        """(V,) whether it may become part of a composite; a start token that is not may be followed by bytes."""


class _Moves:
    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """The same batch on another device."""
        moved = {entry.name: getattr(self, entry.name).to(device, non_blocking=non_blocking) for entry in fields(self)}  # type: ignore[arg-type]
        return replace(self, **moved)  # type: ignore[type-var]


@dataclass(frozen=True, slots=True)
class TokenBatch(_Moves):
    """Packed blocks of B rows of T token ids.

    `documents` numbers the histories of a row 0, 1, 2, ... from left to right, and is -1 where the row is
    padding, which stands at its end. Every history (or window of one) lies whole in one row. A position
    predicts the next one where both belong to the same history.
    """

    ids: Tensor
    """int64 (B, T); any id where `documents` is -1."""
    documents: Tensor
    """int32 or int64 (B, T)."""


@dataclass(frozen=True, slots=True)
class EventBatch(_Moves):
    """Packed blocks of B rows of T positions, each the header of a history or one of its events.

    A cell is one part of one position: number (row * T + position) * (H + P) + part. Tokens after a cell's first
    are its tail; the tails of the C cells that have one lie in `tails`, in the order of `tail_cells`.
    """

    ids: Tensor
    """int64 (B, T, H + P): first token of each part; 0 where the position has none: the other kind's parts, parts that
    another token fills."""
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


@dataclass(frozen=True, slots=True)
class LossReport:
    """What a batch costs. Everything is a tensor on the model's device, so that nothing waits for a GPU.

    `nats_by_part` is exact: the negative log of the full normalised probability of every base token of every
    event, summed by part: P event parts, then `EXTRA_PARTS`. Bits an event are all but the last, over `events`,
    over ln 2. `loss` may differ from it in training (sampled softmax).
    """

    loss: Tensor
    """(): mean nats a predicted token, with its gradient."""
    nats_by_part: Tensor
    """float32 (P + 3,), no gradient."""
    tokens: Tensor
    """int64 (): tokens that were predicted."""
    events: Tensor
    """int64 (): events that were predicted."""


class SequenceModel(Protocol):
    """A token model or an event model, to a training loop. Both are `torch.nn.Module`s besides."""

    vocabulary_hash: str
    """Hash of the vocabulary whose ids it takes."""
    part_names: tuple[str, ...]
    """Names of the entries of `nats_by_part`: event parts, then `EXTRA_PARTS`."""

    def loss(self, batch: Any) -> LossReport:
        """Loss of a `TokenBatch` (token model) or an `EventBatch` (event model)."""
