"""Embeddings of histories: what the model holds at the last position, or the mean over all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.composite import Segmenter
from domaintoolkit.errors import DataError, Refusal, VocabularyError
from domaintoolkit.grammar import Place, event_starts
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.event_tensors import events_from_streams
from domaintoolkit.model.token_model import TokenModel
from domaintoolkit.streams import Streams

__all__ = ["embed"]

Ints = NDArray[np.integer[Any]]
Pooling = Literal["last", "mean"]

PADDED = 1 << 15
"""Positions of a batch, padding included, on any device."""


@torch.inference_mode()
def embed(
    model: TokenModel | EventModel,
    streams: Streams | Ints,
    offsets: Ints | None = None,
    pooling: Pooling = "last",
    longest: int | None = None,
    segmenter: Segmenter | None = None,
) -> NDArray[np.float32]:
    """(n, width) embeddings of n streams, in their order.

    Streams are the result of a tokenizer's `encode`, or ids with their offsets. For a model that was trained on
    composites, base tokens are segmented by the streams' own segmenter or by `segmenter`. Streams of similar length
    share a batch, so memory does not grow with their number. Of a stream longer than `longest` tokens (base tokens if
    they are segmented) the header and the latest events that fit are kept; without `longest`, nothing is cut.

    Raises `DataError` for an empty stream, or if an event model's header is longer than that, and `VocabularyError`
    for composites that the model does not read, or if it reads composites and there are none.
    """
    ids, bounds, segmenter = _check_streams(model, streams, offsets, segmenter)
    was_training = model.training
    model.eval()
    lengths = np.diff(bounds)
    if (lengths < 1).any():
        raise DataError([Refusal(int((lengths < 1).argmax()), None, "a stream is empty")])
    out = np.empty((len(lengths), model.config.width), np.float32)
    for rows in _batches(np.minimum(lengths, longest or lengths.max(initial=1))):
        chosen = [_cut(model, ids[bounds[row] : bounds[row + 1]], longest) for row in rows]
        hidden, real = _read(model, chosen if segmenter is None else _segment(segmenter, chosen))
        out[rows] = _pool(hidden.float(), real, pooling).cpu().numpy()
    model.train(was_training)
    return out


def _check_streams(
    model: TokenModel | EventModel, streams: Streams | Ints, offsets: Ints | None, segmenter: Segmenter | None
) -> tuple[Ints, Ints, Segmenter | None]:
    """(ids, offsets, segmenter); the segmenter is None if no composites are to be put in."""
    if isinstance(streams, Streams):
        model.check_vocabulary(streams.vocabulary)
        ids, bounds, segmenter = streams.ids, streams.offsets, streams.segmenter
    else:
        ids = np.asarray(streams)
        bounds = np.array([0, len(ids)]) if offsets is None else np.asarray(offsets)
    there = bool((model.layout.place[ids] == Place.COMPOSITE).any())
    if not model.config.composites:
        if there:
            raise VocabularyError("the model was trained on base tokens, and these streams hold composites")
        return ids, bounds, None
    if there or (isinstance(streams, Streams) and segmenter is None):
        return ids, bounds, None
    if segmenter is None:
        raise VocabularyError("the model was trained on composites: give the tokenizer's segmenter, or streams of it")
    return ids, bounds, segmenter


def _segment(segmenter: Segmenter, streams: Sequence[Ints]) -> list[Ints]:
    ends = np.cumsum([0, *map(len, streams)])
    made = segmenter.greedy(segmenter.arrays(np.concatenate(streams), ends))
    return [made.ids[low:high] for low, high in pairwise(made.offsets)]


def _batches(lengths: Ints) -> Iterator[NDArray[np.int64]]:
    """Rows by rising length, as many together as `PADDED` positions hold."""
    # a batch is as wide as its longest stream: streams of similar length leave little padding
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * int(lengths[order[stop]]) <= PADDED:
            stop += 1
        yield order[start:stop]
        start = stop


def _cut(model: TokenModel | EventModel, stream: Ints, longest: int | None) -> Ints:
    """The header and the latest events of a stream that together have at most `longest` tokens.

    If not even the last event fits, its beginning; of an event model, which reads whole events, all of it.
    """
    if longest is None or len(stream) <= longest:
        return stream
    begins = event_starts(stream, model.layout)
    if not len(begins):
        return stream[:longest]
    head = stream[: begins[0]]
    if isinstance(model, EventModel) and longest < len(head):
        reason = f"longest is {longest}, but an event model reads the whole header, which has {len(head)} tokens"
        raise DataError([Refusal(None, None, reason)])
    # the earliest event from which all that follow fit
    room = max(0, longest - len(head))
    fitting = begins[begins >= len(stream) - room]
    begin = fitting[0] if len(fitting) else begins[-1]
    if model.layout.place[stream[begin]] == Place.SESSION:
        begin += 1  # as in training, the first event of a window has no session token
    if isinstance(model, EventModel):
        return np.concatenate([head, stream[begin:]])  # an event is one position, and is read whole
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
    # padding comes after the stream, and attention only looks back
    return model.hidden(ids.to(model.device)), real.to(model.device)


def _pool(hidden: Tensor, real: Tensor, pooling: Pooling) -> Tensor:
    if pooling == "mean":
        return (hidden * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    last = real.sum(1) - 1
    return hidden[torch.arange(len(hidden), device=hidden.device), last]
