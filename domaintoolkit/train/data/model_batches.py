"""Windows of a loader as the batch that a model takes."""

from __future__ import annotations

import torch

from domaintoolkit.grammar import Grammar
from domaintoolkit.model import EventBatch, TokenBatch, events_from_streams
from domaintoolkit.model.layers.attention import history_bounds
from domaintoolkit.model.targets import TargetFinder
from domaintoolkit.windows.loader import WindowBatch
from domaintoolkit.windows.packing import to_dense

__all__ = ["ModelBatch", "to_event_batch", "to_token_batch"]

ModelBatch = TokenBatch | EventBatch


def to_token_batch(batch: WindowBatch, block: int) -> TokenBatch:
    """Rows of `block` tokens."""
    ids, documents = map(torch.from_numpy, to_dense(batch.windows, batch.rows, block))
    return TokenBatch(ids, documents, history_bounds(documents))


def to_event_batch(batch: WindowBatch, block: int, grammar: Grammar, finder: TargetFinder) -> EventBatch:
    """Rows of `block` positions, each a header or an event."""
    windows = batch.windows
    return finder(events_from_streams(windows.ids, windows.offsets, grammar).batch(windows.rows, block))
