"""Embeddings of damaged histories, which tell what a model uses: the order of events, or their times (EBES)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.embeddings import EmbeddingSettings
from domaintoolkit.grammar import Place, parse_spans
from domaintoolkit.labels import LabelTable, Placement
from domaintoolkit.model import embed_prefixes
from domaintoolkit.storage import EncodedFolder, ShardRows
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import cut_ranges, offsets_of, positions, run_offsets
from domaintoolkit.windows.packing import StoredHistories
from domaintoolkit.windows.prefixes import Prefixes
from domaintoolkit.windows.window_rule import window_rule

__all__ = ["Ablation", "damage", "embed_ablated"]

Ablation = Literal["shuffled", "timeless"]
TOKENS = 1 << 20


def embed_ablated(
    model: Any,
    folder: EncodedFolder,
    labels: LabelTable,
    placed: Placement,
    ablation: Ablation,
    settings: EmbeddingSettings | None = None,
) -> NDArray[np.float32]:
    """(rows, width) the embedding of each label row from its known events, damaged; 0 for rows without events.

    `shuffled` puts the events of each row into a random order; with `timeless`, every event has the time tokens of the
    history's first one.
    """
    chosen = settings or EmbeddingSettings()
    tokenizer = DomainTokenizer.load(folder.tokenizer_folder)
    rule = window_rule(tokenizer)
    out = np.zeros((len(labels), model.config.width), np.float32)
    for rows in folder.streams():
        # (label rows,) those whose histories are in this shard and have events
        wanted = placed.of(rows)
        wanted = wanted[placed.events[wanted] > 0]
        histories = placed.histories[wanted] - rows.number
        lengths = np.diff(rows.offsets).astype(np.int64)[histories]
        for low, high in cut_ranges(offsets_of(lengths), TOKENS):
            part = wanted[low:high]
            # one history for each label row, since their known events differ
            made = damage(rows, histories[low:high], placed.events[part], tokenizer, ablation)
            # every prefix has events, so that no date is needed
            prefixes = Prefixes(np.arange(len(part)), placed.events[part], np.zeros(len(part), np.int64))
            vectors = embed_prefixes(model, made, prefixes, rule, chosen.pooling, chosen.window, tokenizer.segmenter)
            # a pooling that joins several vectors: the first part shows their width, before anything has been written
            if vectors.shape[1] != out.shape[1]:
                out = np.zeros((len(labels), vectors.shape[1]), np.float32)
            out[part] = vectors
    return out


def damage(
    rows: ShardRows, histories: NDArray[np.int64], events: NDArray[np.int64], tokenizer: DomainTokenizer, what: Ablation
) -> StoredHistories:
    """The first `events[i]` events of each history, damaged; each is a history of its own."""
    begin = rows.offsets[histories].astype(np.int64)
    low = rows.event_offsets[histories].astype(np.int64)
    # (histories,) the first event begins where the header ends
    headers = rows.event_starts[low].astype(np.int64)
    # (events,) the start and length of every event
    every = positions(low, events)
    owner = np.repeat(np.arange(len(histories)), events)
    # an event ends where the next one begins, the last one of a row with the row
    closes = np.where(
        every + 1 < rows.event_offsets[histories + 1][owner],
        rows.event_starts[np.minimum(every + 1, len(rows.event_starts) - 1)],
        (rows.offsets[histories + 1] - rows.offsets[histories])[owner],
    ).astype(np.int64)
    starts = rows.event_starts[every].astype(np.int64) + begin[owner]
    lengths = closes + begin[owner] - starts
    if what == "shuffled":
        # by history, and at random within each
        order = np.lexsort((np.random.default_rng(0).random(len(every)), owner))
        starts, lengths = starts[order], lengths[order]
        # the first event of a history has no session token
        first = offsets_of(events)[:-1]
        has_session = tokenizer.grammar.place[rows.ids[starts[first]]] == Place.SESSION
        starts[first] += has_session
        lengths[first] -= has_session
    # segments: each history's header, then its events
    is_header = np.zeros(len(histories) + len(every), np.bool_)
    is_header[np.arange(len(histories)) + offsets_of(events)[:-1]] = True
    at, size = np.empty(len(is_header), np.int64), np.empty(len(is_header), np.int64)
    at[is_header], size[is_header] = begin, headers
    at[~is_header], size[~is_header] = starts, lengths
    ids = rows.ids[positions(at, size)].copy()
    ends = offsets_of(size)
    firsts = np.flatnonzero(is_header)
    offsets = np.append(ends[firsts], ends[-1])  # (histories + 1,)
    # (events,) counted from the first token of each history
    within = ends[:-1][~is_header] - np.repeat(offsets[:-1], events)
    if what == "timeless":
        _flatten_times(ids, offsets, tokenizer)
    times = None if rows.times is None else rows.times[every]
    return StoredHistories(ids, offsets, within, offsets_of(events), times, np.arange(len(histories)))


def _flatten_times(ids: NDArray[Any], offsets: NDArray[np.int64], tokenizer: DomainTokenizer) -> None:
    """Give every event the time tokens of its history's first event, as far as they are of one token."""
    grammar, time = tokenizer.grammar, tokenizer.schema.time
    parts = [part for part, name in enumerate(grammar.part_fields) if name == time and part >= grammar.header_parts]
    spans = parse_spans(ids.astype(np.int64), offsets, grammar, cut=True)
    stream = np.searchsorted(offsets, spans.begins, "right") - 1
    for part in parts:
        # a part of several tokens, such as one that is spelled, would need other lengths
        of = np.flatnonzero((spans.places == part) & (spans.lengths == 1) & (grammar.place[spans.firsts] != Place.BYTE))
        # (streams,) spans come in the order of streams, so that those of one are neighbours
        runs = run_offsets(stream[of])
        ids[spans.begins[of]] = np.repeat(ids[spans.begins[of[runs[:-1]]]], np.diff(runs))
