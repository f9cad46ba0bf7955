"""Embeddings of histories and of their beginnings: one forward pass of a history serves all of its dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.composite import Segmenter
from domaintoolkit.errors import DataError, Refusal, VocabularyError
from domaintoolkit.grammar import Place, Syntax, index_events, parse_spans
from domaintoolkit.model.batches import positions_at_once
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.event_tensors import events_from_streams
from domaintoolkit.model.inference.frozen_reader import FrozenReader
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
    if isinstance(model, EventModel):
        ids, bounds = _without_cut_events(ids, bounds, model.layout)
        lengths = np.diff(bounds)
    # (streams,) events of each
    index = index_events(ids, bounds, model.layout)
    events = np.diff(index.offsets)
    if whole:
        return embed_streams(model, ids, bounds, pooling)
    histories = StoredHistories.of_streams(ids, bounds, index.starts, index.offsets)
    out = np.empty((len(lengths), find_pooler(pooling, model).width), np.float32)
    # streams with events are prefixes of themselves; of others only the header is read
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
    pooler = find_pooler(pooling, model)
    out = np.empty((len(windows.window), pooler.width), np.float32)
    if not len(out):
        return out
    read, ends = FrozenReader(model, windows.ids), _PrefixEnds.of(model, windows, segmenter)
    # (windows,) positions: an event has one, and the header another
    sizes = windows.events + 1 if isinstance(model, EventModel) else np.diff(windows.offsets)
    lengths = np.diff(windows.offsets)
    for chosen in group_by_length(sizes, positions_at_once(model.device)):
        # the tokens of the windows of this batch, one window after another
        ids = windows.ids[positions(windows.offsets[:-1][chosen], lengths[chosen])]
        bounds = offsets_of(lengths[chosen])
        if segmenter is not None:
            ids, bounds = _segment(segmenter, ids, bounds)
        hidden = read(ids, bounds)
        last = sizes[chosen] - 1 if segmenter is None else np.diff(bounds) - 1  # (B,)
        queries, rows, at = ends.find(chosen, last, hidden.device)
        out[queries] = pooler(hidden, rows, at).cpu().numpy()
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
    lengths = np.diff(windows.offsets)[chosen]
    ids, bounds = windows.ids[positions(windows.offsets[:-1][chosen], lengths)], offsets_of(lengths)
    if segmenter is not None:
        ids, bounds = _segment(segmenter, ids, bounds)
    hidden, real = _read(model, ids, bounds)
    ends = _PrefixEnds.of(model, windows, segmenter)
    queries, rows, at = ends.find(chosen, real.sum(1).cpu().numpy() - 1, hidden.device)
    return queries, find_pooler(pooling, model)(hidden.float(), rows, at)


@dataclass(frozen=True, slots=True)
class _PrefixEnds:
    """The prefixes of each window."""

    order: Longs
    """(n,) the prefixes, window after window."""
    bounds: Longs
    """(w + 1,) those of window i are `order[bounds[i]:bounds[i + 1]]`."""
    position: Longs | None
    """(n,) the last position of each prefix; None if it is that of its window, since composites are put in."""

    @classmethod
    def of(cls, model: TokenModel | EventModel, windows: PrefixWindows, segmenter: Segmenter | None) -> _PrefixEnds:
        order = np.argsort(windows.window, kind="stable")
        bounds = np.searchsorted(windows.window[order], np.arange(len(windows.offsets)))
        position = windows.known if isinstance(model, EventModel) else windows.last
        return cls(order, bounds, position if segmenter is None else None)

    def find(self, chosen: Longs, last: Longs, device: torch.device) -> tuple[Longs, Tensor, Tensor]:
        """(numbers of the prefixes in the chosen windows, their rows in the batch, their last positions (n,) each).

        `last` is the last position of each chosen window.
        """
        counts = np.diff(self.bounds)[chosen]
        queries = self.order[positions(self.bounds[:-1][chosen], counts)]
        rows = np.repeat(np.arange(len(chosen)), counts)  # (n,) the row of each prefix in the batch
        # an event that is cut short has no position
        at = last[rows] if self.position is None else np.minimum(self.position[queries], last[rows])
        return queries, torch.from_numpy(rows).to(device), torch.from_numpy(at).to(device)


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


def _segment(segmenter: Segmenter, ids: Ints, offsets: Longs) -> tuple[Ints, Longs]:
    made = segmenter.greedy(segmenter.arrays(ids, offsets))
    return made.ids, made.offsets


def _without_cut_events(ids: Ints, offsets: Longs, layout: Syntax) -> tuple[Ints, Longs]:
    """Streams without what comes after their last whole event; raises `DecodeError` for other faults of a stream."""
    spans = parse_spans(ids, offsets, layout, cut=True)
    # (n,) the last span of each stream, and the part that would come after it
    last = np.searchsorted(spans.begins, offsets[1:]) - 1
    after = spans.places[last] + layout.fills[spans.firsts[last]]
    cut = (spans.places[last] >= layout.header_parts) & (after < layout.parts) | (spans.places[last] == Place.SESSION)
    if not cut.any():
        return ids, offsets
    opens = (spans.places == layout.header_parts) | (spans.places == Place.SESSION)
    # a session token and the first part after it open one event
    opens[1:] &= ~((spans.places[1:] == layout.header_parts) & (spans.places[:-1] == Place.SESSION))
    begins = spans.begins[np.maximum.accumulate(np.where(opens, np.arange(len(opens)), 0))[last]]
    lengths = np.where(cut, begins, offsets[1:]) - offsets[:-1]
    return ids[positions(offsets[:-1], lengths)], offsets_of(lengths)


def _read(model: TokenModel | EventModel, ids: Ints, offsets: Longs) -> tuple[Tensor, Tensor]:
    """(hidden states (B, T, width), which positions are real (B, T))."""
    if isinstance(model, EventModel):
        batch = events_from_streams(ids, offsets, model.layout).batch().to(model.device)
        return model.hidden(batch), batch.documents >= 0
    sizes = np.diff(offsets)
    real = np.arange(int(sizes.max())) < sizes[:, None]
    padded = np.zeros(real.shape, np.int64)
    padded[real] = ids
    # padding comes after the stream, and attention only looks back
    return model.hidden(torch.from_numpy(padded).to(model.device)), torch.from_numpy(real).to(model.device)
