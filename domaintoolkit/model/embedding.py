"""Embeddings of histories and of their beginnings: one forward pass of a history serves all of its dates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.composite import Segmenter
from domaintoolkit.errors import DataError, Refusal, VocabularyError
from domaintoolkit.grammar import Place, index_events
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.event_tensors import events_from_streams
from domaintoolkit.model.pooling import DEFAULT_POOLING, Pooling, find_pooler
from domaintoolkit.model.token_model import TokenModel
from domaintoolkit.streams import Streams
from domaintoolkit.util.ragged import group_by_length, offsets_of, positions
from domaintoolkit.windows.packing import StoredHistories, WindowRule
from domaintoolkit.windows.prefixes import Prefixes, PrefixWindows, ReadingRule, prefix_windows
from domaintoolkit.windows.window_rule import plain_rule

__all__ = ["embed", "embed_prefixes", "embed_streams", "pool_windows"]

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]

PADDED = {"cpu": 1 << 11}
"""Positions of a batch, padding included: on a CPU so few that the activations of a layer stay in its caches."""
MOST_PADDED = 1 << 15
"""The same on other devices."""


def embed(
    model: TokenModel | EventModel,
    streams: Streams | Ints,
    offsets: Ints | None = None,
    pooling: Pooling = DEFAULT_POOLING,
    window: int | None = None,
    segmenter: Segmenter | None = None,
) -> NDArray[np.float32]:
    """(n, width) embeddings of n streams, in their order.

    Streams are the result of a tokenizer's `encode`, or ids with their offsets. For a model that was trained on
    composites, base tokens are segmented by the streams' own segmenter or by `segmenter`. Streams of similar length
    share a batch, so memory does not grow with their number. Of a stream longer than `window` positions (those of the
    model's block, if left out) the header and the latest events are read, at least half a window of them, by the rule
    of `embed_prefixes`; streams that hold composites already are read whole.

    Raises `DataError` for an empty stream, and `VocabularyError` for composites that the model does not read, or if it
    reads composites and there are none.
    """
    ids, bounds, segmenter, whole = _check_streams(model, streams, offsets, segmenter)
    lengths = np.diff(bounds)
    if (lengths < 1).any():
        raise DataError([Refusal(int((lengths < 1).argmax()), None, "a stream is empty")])
    index = index_events(ids, bounds, model.layout)
    events = np.diff(index.offsets)
    if whole:
        return embed_streams(model, ids, bounds, pooling)
    starts = index.starts - np.repeat(bounds[:-1], events)
    histories = StoredHistories(ids, bounds, starts, index.offsets, None, np.arange(len(bounds) - 1))
    out = np.empty((len(lengths), find_pooler(pooling, model).width), np.float32)
    there, empty = np.flatnonzero(events), np.flatnonzero(events == 0)
    prefixes = Prefixes(there, events[there], np.zeros(len(there), np.int64))
    out[there] = embed_prefixes(model, histories, prefixes, plain_rule(model.layout), pooling, window, segmenter)
    heads = offsets_of(lengths[empty])
    out[empty] = embed_streams(model, ids[positions(bounds[:-1][empty], lengths[empty])], heads, pooling)
    return out


def embed_prefixes(
    model: TokenModel | EventModel,
    histories: StoredHistories,
    prefixes: Prefixes,
    rule: WindowRule,
    pooling: Pooling = DEFAULT_POOLING,
    window: int | None = None,
    segmenter: Segmenter | None = None,
) -> NDArray[np.float32]:
    """(n, width) embeddings of the first events of histories; each prefix has at least one event.

    All prefixes of a history that lie in one window share one forward pass, since the model looks back only. A window
    has `window` positions, those of the model's block if left out; `windows.prefixes` says which window reads a prefix
    of a longer history. Nothing after a prefix has any part in its embedding, nor does its mean count other windows.
    """
    chosen = None if not model.config.composites else segmenter
    reading = ReadingRule(
        rule,
        window or model.config.block,
        "events" if isinstance(model, EventModel) else "tokens",
        alone=chosen is not None,
    )
    return _embed_windows(model, prefix_windows(histories, prefixes, reading), pooling, chosen)


def embed_streams(
    model: TokenModel | EventModel, ids: Ints, offsets: Longs, pooling: Pooling = DEFAULT_POOLING
) -> NDArray[np.float32]:
    """(n, width) embeddings of whole streams, each read in one window whatever its length."""
    count = np.arange(len(offsets) - 1)
    events = np.diff(index_events(ids, offsets, model.layout).offsets)
    return _embed_windows(model, PrefixWindows(ids, offsets, events, count, np.diff(offsets) - 1, events), pooling)


@torch.inference_mode()
def _embed_windows(
    model: TokenModel | EventModel, windows: PrefixWindows, pooling: Pooling, segmenter: Segmenter | None = None
) -> NDArray[np.float32]:
    was_training = model.training
    model.eval()
    out = np.empty((len(windows.window), find_pooler(pooling, model).width), np.float32)
    sizes = windows.events + 1 if isinstance(model, EventModel) else np.diff(windows.offsets)
    for chosen in group_by_length(sizes, PADDED.get(model.device.type, MOST_PADDED)):
        queries, vectors = pool_windows(model, windows, chosen, pooling, segmenter)
        out[queries] = vectors.cpu().numpy()
    model.train(was_training)
    return out


def pool_windows(
    model: TokenModel | EventModel,
    windows: PrefixWindows,
    chosen: Longs,
    pooling: Pooling,
    segmenter: Segmenter | None = None,
) -> tuple[Longs, Tensor]:
    """(numbers (n,) of the prefixes in the chosen windows, their vectors (n, width)), in one forward pass.

    The vectors have a gradient if the model is trained. The segmenter is that of a model of composites.
    """
    is_event = isinstance(model, EventModel)
    order = np.argsort(windows.window, kind="stable")
    bounds = np.searchsorted(windows.window[order], np.arange(len(windows.offsets)))
    streams = [windows.ids[windows.offsets[one] : windows.offsets[one + 1]] for one in chosen]
    hidden, real = _read(model, streams if segmenter is None else _segment(segmenter, streams))
    counts = np.diff(bounds)[chosen]
    queries = order[positions(bounds[:-1][chosen], counts)]
    rows = np.repeat(np.arange(len(chosen)), counts)
    last = real.sum(1).cpu().numpy() - 1
    # a composite stream is one prefix; an event that is cut short has no position
    ends = last[rows] if segmenter is not None else (windows.known if is_event else windows.last)[queries]
    at = torch.from_numpy(np.minimum(ends, last[rows])).to(hidden.device)
    pooler = find_pooler(pooling, model)
    return queries, pooler(hidden.float(), torch.from_numpy(rows).to(hidden.device), at)


def _check_streams(
    model: TokenModel | EventModel, streams: Streams | Ints, offsets: Ints | None, segmenter: Segmenter | None
) -> tuple[Ints, Longs, Segmenter | None, bool]:
    """(ids, offsets, segmenter, True if composites are in); the segmenter is None if none are to be put in."""
    if isinstance(streams, Streams):
        model.check_vocabulary(streams.vocabulary)
        ids, bounds, segmenter = streams.ids, streams.offsets, streams.segmenter
    else:
        ids = np.asarray(streams)
        bounds = np.array([0, len(ids)]) if offsets is None else np.asarray(offsets).astype(np.int64)
    there = bool((model.layout.place[ids] == Place.COMPOSITE).any())
    if not model.config.composites:
        if there:
            raise VocabularyError("the model was trained on base tokens, and these streams hold composites")
        return ids, bounds, None, False
    if there or (isinstance(streams, Streams) and segmenter is None):
        return ids, bounds, None, True
    if segmenter is None:
        raise VocabularyError("the model was trained on composites: give the tokenizer's segmenter, or streams of it")
    return ids, bounds, segmenter, False


def _segment(segmenter: Segmenter, streams: Sequence[Ints]) -> list[Ints]:
    ends = np.cumsum([0, *map(len, streams)])
    made = segmenter.greedy(segmenter.arrays(np.concatenate(streams), ends))
    return [made.ids[low:high] for low, high in pairwise(made.offsets)]


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
