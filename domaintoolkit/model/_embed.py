"""Embeddings of histories: what the model holds at the last position, or the mean over all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.model._event_model import EventModel
from domaintoolkit.model._events import events_from_streams
from domaintoolkit.model._token_model import TokenModel

__all__ = ["embed"]

Ints = NDArray[np.integer[Any]]
Pooling = Literal["last", "mean"]

PADDED = 1 << 15
"""Positions of a batch, padding included, on any device."""


@torch.inference_mode()
def embed(
    model: TokenModel | EventModel, ids: Ints, offsets: Ints, pooling: Pooling = "last", longest: int | None = None
) -> NDArray[np.float32]:
    """(n, width) embeddings of n streams, in their order; of base ids for an event model.

    Streams of similar length share a batch, so memory is bounded whatever their number. Of a stream longer than
    `longest` tokens the header is kept and the latest events that fit; left out, nothing is cut. Raises `DataError`
    for an empty stream.
    """
    was_training = model.training
    model.eval()
    lengths = np.diff(offsets)
    if (lengths < 1).any():
        raise DataError([Refusal(int((lengths < 1).argmax()), None, "a stream is empty")])
    out = np.empty((len(lengths), model.config.width), np.float32)
    for rows in _batches(np.minimum(lengths, longest or lengths.max(initial=1))):
        streams = [_cut(model, ids[offsets[row] : offsets[row + 1]], longest) for row in rows]
        hidden, real = _read(model, streams)
        out[rows] = _pooled(hidden.float(), real, pooling).cpu().numpy()
    model.train(was_training)
    return out


def _batches(lengths: Ints) -> Iterator[NDArray[np.int64]]:
    """Rows by rising length, as many together as `PADDED` positions hold."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * int(lengths[order[stop]]) <= PADDED:
            stop += 1
        yield order[start:stop]
        start = stop


def _cut(model: TokenModel | EventModel, stream: Ints, longest: int | None) -> Ints:
    """The header and the latest events of a stream that together have at most `longest` tokens; if not even the
    last event fits, its beginning."""
    if longest is None or len(stream) <= longest:
        return stream
    layout = model.layout
    opens = layout.start[stream] & (layout.place[stream] == layout.header_parts)
    begins = np.flatnonzero(opens)
    if not len(begins):
        return stream[:longest]
    begins[1:] -= layout.place[stream[begins[1:] - 1]] == -4
    head = stream[: begins[0]]
    room = max(0, longest - len(head))
    fitting = begins[begins >= len(stream) - room]
    begin = fitting[0] if len(fitting) else begins[-1]
    return np.concatenate([head, stream[begin : begin + room]])[:longest]


def _read(model: TokenModel | EventModel, streams: Sequence[Ints]) -> tuple[Tensor, Tensor]:
    """(hidden states (B, T, width), which positions are real (B, T))."""
    if isinstance(model, EventModel):
        ends = np.cumsum([0, *map(len, streams)])
        batch = events_from_streams(np.concatenate(streams), ends, model.layout).batch().to(model.device)
        return model.hidden(batch), batch.documents >= 0
    ids = torch.zeros(len(streams), max(map(len, streams)), dtype=torch.long)
    real = torch.zeros_like(ids, dtype=torch.bool)
    for row, stream in enumerate(streams):
        ids[row, : len(stream)] = torch.from_numpy(np.asarray(stream, np.int64))
        real[row, : len(stream)] = True
    # padding stands behind, where attention that only looks back never meets it
    return model.hidden(ids.to(model.device)), real.to(model.device)


def _pooled(hidden: Tensor, real: Tensor, pooling: Pooling) -> Tensor:
    if pooling == "mean":
        return (hidden * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    last = real.sum(1) - 1
    return hidden[torch.arange(len(hidden), device=hidden.device), last]
