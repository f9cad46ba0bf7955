"""`embed_folder` and `embed_labels`: the embeddings of an encoded folder, in memory or as a Parquet file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import nn

from domaintoolkit.embeddings.vector_file import VectorFile, open_vectors
from domaintoolkit.errors import LookupFailedError
from domaintoolkit.grammar import index_events
from domaintoolkit.jobs import Progress, write_rows
from domaintoolkit.labels import LabelTable, Placement, place_labels
from domaintoolkit.model import (
    DEFAULT_POOLING,
    EventModel,
    Pooling,
    TokenModel,
    embed_prefixes,
    embed_streams,
    find_pooler,
)
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.streams.keys import SPLITS
from domaintoolkit.times.zones import YEARS_BEGIN
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.rows.row_times import time_column
from domaintoolkit.util.ragged import cut_ranges, offsets_of, positions
from domaintoolkit.windows.packing import StoredHistories, WindowRule
from domaintoolkit.windows.prefixes import Prefixes, bare_headers, with_anchors
from domaintoolkit.windows.window_rule import window_rule

__all__ = ["EmbeddingSettings", "embed_folder", "embed_labels"]

TOKENS = 1 << 20
"""Tokens of the histories that are one part of the work: an interrupted run continues after the last whole part."""
WRITTEN = 1 << 15
"""Rows that are written to a file at a time."""
END = int(np.iinfo(np.int64).max)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Model = TokenModel | EventModel
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """The way that histories become vectors."""

    pooling: Pooling = DEFAULT_POOLING
    window: int | None = None
    """Positions of a window; None is the model's block."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """A model and what it reads."""

    model: Model
    folder: EncodedFolder
    tokenizer: DomainTokenizer
    settings: EmbeddingSettings
    rule: WindowRule

    @classmethod
    def of(
        cls,
        model: Model,
        folder: EncodedFolder,
        settings: EmbeddingSettings | None,
        tokenizer: DomainTokenizer | None = None,
    ) -> _Reader:
        known = tokenizer or DomainTokenizer.load(folder.tokenizer_folder)
        model.check_vocabulary(known.vocabulary)
        return cls(model, folder, known, settings or EmbeddingSettings(), window_rule(known))

    @property
    def width(self) -> int:
        return find_pooler(self.settings.pooling, self.model).width

    def identity(self, what: dict[str, Any]) -> str:
        """A text that differs if the vectors would."""
        weights = hashlib.sha256()
        pooling = self.settings.pooling
        parts = [self.model, *([pooling] if isinstance(pooling, nn.Module) else [])]
        for part in parts:
            for name, value in sorted(part.state_dict().items()):
                weights.update(name.encode())
                weights.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        named = pooling if isinstance(pooling, str) else type(pooling).__name__
        shards = [entry.sha256 for entry in self.folder.manifest.shards]
        return json.dumps([weights.hexdigest(), named, self.settings.window, shards, what])

    def embed(self, histories: StoredHistories, prefixes: Prefixes) -> NDArray[np.float32]:
        """(n, width) of beginnings with and without events."""
        out = np.empty((len(prefixes.rows), self.width), np.float32)
        there, empty = np.flatnonzero(prefixes.events), np.flatnonzero(prefixes.events == 0)
        out[there] = embed_prefixes(
            self.model,
            histories,
            _select(prefixes, there),
            self.rule,
            self.settings.pooling,
            self.settings.window,
            self.tokenizer.segmenter,
        )
        ids, offsets = bare_headers(histories, _select(prefixes, empty), self.rule)
        out[empty] = embed_streams(self.model, ids, offsets, self.settings.pooling)
        return out

    def embed_unknown(self, times: Longs) -> NDArray[np.float32]:
        """(n, width) of entities without a history: null static fields, and the anchor of each date."""
        schema = self.tokenizer.schema
        row: dict[str, Any] = dict.fromkeys(name for name in schema.columns if name not in schema.entity)
        if schema.time is not None:
            row[schema.time] = _EPOCH
        ids = self.tokenizer.encode_entity([row])
        first = int(index_events(ids, np.array([0, len(ids)]), self.tokenizer.grammar).starts[0])
        # the same header for each date; only the anchor differs
        flat: NDArray[Any] = np.tile(ids[:first], len(times))
        offsets = np.arange(len(times) + 1) * first
        if self.rule.anchors is not None:
            flat, offsets = with_anchors(flat, offsets, _fill_dates(times), self.rule)
        return embed_streams(self.model, flat, offsets, self.settings.pooling)


def embed_folder(
    model: Model,
    folder: EncodedFolder,
    out: str | Path,
    settings: EmbeddingSettings | None = None,
    *,
    split: str | None = None,
    every_event: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write the embedding of each history to a Parquet file, or with `every_event` one after each event; gives the
    rows.

    The columns are the key, the split and `embedding`; with `every_event` also `event`, the number of the event in its
    history from 0, and `time`. The work continues if it was interrupted before.
    """
    if split is not None and split not in SPLITS:
        raise LookupFailedError("split", split, SPLITS)
    reader = _Reader.of(model, folder, settings)
    counts = folder.manifest.totals if split is None else folder.manifest.splits.get(split, {})
    rows = counts.get("events" if every_event else "entities", 0)
    identity = reader.identity({"split": split, "every_event": every_event})
    with open_vectors(Path(out), rows, reader.width, identity) as vectors:
        first = 0
        for part, (histories, selected) in enumerate(_parts(folder, split)):
            prefixes = _all_prefixes(histories, selected, every_event)
            count = len(prefixes.rows)
            if not vectors.has(part):
                vectors.write(part, np.arange(first, first + count), reader.embed(histories, prefixes))
            first += count
            if progress is not None:
                progress("embedding", first, rows)
        vectors.finish()
        return write_rows(_entity_tables(reader, vectors, split, every_event), Path(out))


def embed_labels(
    model: Model,
    folder: EncodedFolder,
    labels: LabelTable,
    out: str | Path | None = None,
    settings: EmbeddingSettings | None = None,
    *,
    placement: Placement | None = None,
    tokenizer: DomainTokenizer | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """(rows, width) the embedding of each label row as of its date, in the order of the rows.

    Written to a Parquet file if `out` is given: the columns that identify the row (key, date, task), `events` (how many
    are known) and `embedding`. The result is then a view of a file that goes, so it is empty. An entity that is
    unknown, or that has no event before the date, has the embedding of an empty history: its static fields (or nulls),
    and the date itself as the anchor. `placement` and `tokenizer`, the folder's own, save the time to make them again.
    """
    reader = _Reader.of(model, folder, settings, tokenizer)
    placed = placement or place_labels(folder, labels)
    if out is None:
        made, embedded = np.empty((len(labels), reader.width), np.float32), 0
        for _, rows, vectors in _label_parts(reader, labels, placed, None):
            made[rows] = vectors
            embedded += len(rows)
            if progress is not None:
                progress("embedding", embedded, len(labels))
        return made
    hashes = hashlib.sha256()
    for column in (labels.times, placed.events, placed.histories):
        hashes.update(column.tobytes())
    identity = reader.identity({"labels": hashes.hexdigest(), "including": labels.including})
    with open_vectors(Path(out), len(labels), reader.width, identity) as file:
        done = 0
        for part, rows, vectors in _label_parts(reader, labels, placed, file):
            file.write(part, rows, vectors)
            done += len(rows)
            if progress is not None:
                progress("embedding", done, len(labels))
        file.finish()
        write_rows(_label_tables(labels, placed, file), Path(out))
    return np.empty((0, reader.width), np.float32)


def _label_parts(
    reader: _Reader, labels: LabelTable, placed: Placement, file: VectorFile | None
) -> Iterator[tuple[int, Longs, NDArray[np.float32]]]:
    """(number of the part, label rows, their vectors), without the parts that the file has."""
    unknown = placed.unknown
    if len(unknown) and not (file is not None and file.has(0)):
        # few dates are different, and rows of one date are alike
        dates, of = np.unique(labels.times[unknown], return_inverse=True)
        yield 0, unknown, reader.embed_unknown(dates)[of]
    for part, (rows, chosen, histories) in enumerate(placed.parts(reader.folder, TOKENS), 1):
        if file is None or not file.has(part):
            prefixes = Prefixes(histories, placed.events[chosen], _fill_dates(labels.times[chosen]))
            yield part, chosen, reader.embed(StoredHistories.of_shard(rows), prefixes)


def _parts(folder: EncodedFolder, split: str | None) -> Iterator[tuple[StoredHistories, Longs]]:
    """Histories and those of them that are read, of about TOKENS tokens."""
    for rows in folder.streams(split):
        lengths = np.diff(rows.offsets).astype(np.int64)[rows.selected]
        for low, high in cut_ranges(offsets_of(lengths), TOKENS):
            yield StoredHistories.of_shard(rows), rows.selected[low:high]


def _all_prefixes(histories: StoredHistories, selected: Longs, every_event: bool) -> Prefixes:
    counts = np.diff(histories.event_offsets).astype(np.int64)[selected]  # (selected,)
    if not every_event:
        return Prefixes(selected, counts, np.zeros(len(selected), np.int64))
    # 1, 2, ... of each history: one prefix ends after each event
    events = positions(np.ones(len(counts), np.int64), counts)
    return Prefixes(np.repeat(selected, counts), events, np.zeros(len(events), np.int64))


def _select(prefixes: Prefixes, chosen: Longs) -> Prefixes:
    return Prefixes(prefixes.rows[chosen], prefixes.events[chosen], prefixes.times[chosen])


def _fill_dates(times: Longs) -> Longs:
    """The dates of anchors: a row without a date has the beginning of the year 1, as a history without times has."""
    return np.where(times == END, YEARS_BEGIN, times)


def _column(vectors: NDArray[np.float32]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(vectors).ravel()), vectors.shape[1])


def _entity_tables(reader: _Reader, file: VectorFile, split: str | None, every_event: bool) -> Iterator[pa.Table]:
    entity = [*reader.tokenizer.schema.entity, "split"]
    first = 0
    # an empty first table, so that a file without entities has the columns too
    if not reader.folder.manifest.shards:
        return
    for number, rows in enumerate(reader.folder.streams(split)):
        whole = pa.Table.from_batches([rows.table]).select(entity)
        counts = np.diff(rows.event_offsets).astype(np.int64)[rows.selected]
        of = np.repeat(rows.selected, counts) if every_event else rows.selected
        # 0, 1, ... of each history
        within = positions(np.zeros(len(counts), np.int64), counts) if every_event else None
        for low in range(0, max(len(of), 1 - number), WRITTEN):
            chosen = of[low : low + WRITTEN]
            table = whole.take(pa.array(chosen))
            if within is not None:
                numbers = within[low : low + WRITTEN]
                table = table.append_column("event", pa.array(numbers))
                if rows.times is not None:
                    times = rows.times[rows.event_offsets[chosen] + numbers]
                    table = table.append_column("time", time_column(times))
            yield table.append_column("embedding", _column(file.vectors[first : first + len(chosen)]))
            first += len(chosen)


def _label_tables(labels: LabelTable, placed: Placement, file: VectorFile) -> Iterator[pa.Table]:
    named = labels.identity
    for low in range(0, max(1, len(labels)), WRITTEN):
        table = named.slice(low, WRITTEN)
        table = table.append_column("events", pa.array(placed.events[low : low + WRITTEN]))
        yield table.append_column("embedding", _column(file.vectors[low : low + WRITTEN]))
