"""Histories of an encoded folder in memory, and the values of one field in their events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Problem, Refusal, SchemaError
from domaintoolkit.generate import ValueTokens
from domaintoolkit.grammar import Grammar, parse_spans
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.streams.keys import SPLITS
from domaintoolkit.times.zones import NO_TIME
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.windows.packing import StoredHistories

__all__ = ["FieldValues", "FolderHistories", "find_values", "read_histories"]

Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FolderHistories:
    """n histories, one after another, in base ids."""

    ids: NDArray[np.integer[Any]]
    offsets: Longs
    event_starts: Longs
    """(events,) the position at which each event begins."""
    events: Longs
    """(n + 1,): history h has the events `events[h]` to `events[h + 1]`."""
    opens: NDArray[np.bool_]
    """(events,) True if the event begins a session; that of a history's first event is not marked."""
    times: Longs | None
    """(events,) µs since the epoch, `NO_TIME` for an event without a time; None without a time column."""
    splits: NDArray[np.uint8]
    """(n,)"""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> Longs:
        """(n,) the number of events."""
        return np.diff(self.events)

    @cached_property
    def stored(self) -> StoredHistories:
        """The same histories in the layout of a shard, as windows are cut from them."""
        return StoredHistories.of_streams(self.ids, self.offsets, self.event_starts, self.events, self.times)

    @cached_property
    def clock(self) -> NDArray[np.float64]:
        """(events,) `times` as numbers that can be subtracted: NaN for an event without a time."""
        if self.times is None:
            return np.full(len(self.event_starts), np.nan)
        return np.where(self.times == NO_TIME, np.nan, self.times)


def read_histories(encoded: EncodedFolder, grammar: Grammar, most: int | None = None) -> FolderHistories:
    """All histories of a folder; raises `DataError` if they have more than `most` tokens together."""
    total = encoded.manifest.totals["tokens"]
    if most is not None and total > most:
        reason = f"{total:,} tokens are more than {most:,}, as many as are held in memory; evaluate a smaller folder"
        raise DataError([Refusal(None, None, reason)])
    # a piece for each shard
    ids, lengths, starts, counts, times, splits = [], [], [], [], [], []
    begin = 0
    for rows in encoded.streams():
        ids.append(np.asarray(rows.ids[rows.offsets[0] : rows.offsets[-1]]))
        # (histories,) tokens, and events
        own = np.diff(rows.offsets).astype(np.int64)
        events = np.diff(rows.event_offsets).astype(np.int64)
        lengths.append(own)
        counts.append(events)
        # (events,) counted from the first token of all histories
        bounds = begin + offsets_of(own)[:-1]
        first, last = rows.event_offsets[0], rows.event_offsets[-1]
        starts.append(np.repeat(bounds, events) + rows.event_starts[first:last])
        if rows.times is not None:
            times.append(np.asarray(rows.times[first:last]))
        codes = np.array([SPLITS.index(name) for name in rows.table["split"].to_pylist()], np.uint8)
        splits.append(codes)
        begin += int(own.sum())
    if not ids:
        raise DataError([Refusal(None, None, "the folder holds no histories; encode rows into it first")])
    flat, begins = np.concatenate(ids), np.concatenate(starts)
    return FolderHistories(
        ids=flat,
        offsets=offsets_of(np.concatenate(lengths)),
        event_starts=begins,
        events=offsets_of(np.concatenate(counts)),
        opens=flat[begins] == grammar.session if len(begins) else np.zeros(0, np.bool_),
        times=np.concatenate(times) if times else None,
        splits=np.concatenate(splits),
    )


@dataclass(frozen=True, eq=False)
class FieldValues:
    """The value of one field in each event, as a number in a catalogue of all V values that occur."""

    codes: Longs
    """(events,): -1 if the value is missing."""
    values: ValueTokens
    """The tokens of each value."""
    place: int
    """The place of the field's first part."""
    parts: int
    names: list[str]
    """(V,) readable tokens of each value."""

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def numbers(self) -> dict[tuple[int, ...], int]:
        """The number of each value by its tokens."""
        bounds = zip(self.values.offsets[:-1].tolist(), self.values.offsets[1:].tolist(), strict=True)
        return {tuple(self.values.tokens[low:high].tolist()): code for code, (low, high) in enumerate(bounds)}


def find_values(histories: FolderHistories, tokenizer: DomainTokenizer, field: str) -> FieldValues:
    """The values of a field; values that share all tokens are one. Raises `SchemaError` without such a field."""
    grammar = tokenizer.grammar
    bound = next((bound for bound in tokenizer.layout.events if bound.name == field), None)
    if bound is None:
        known = ", ".join(repr(each.name) for each in tokenizer.layout.events)
        raise SchemaError([Problem("next", f"an event has no field {field!r}; its fields are {known}")], "options")
    spans = parse_spans(np.asarray(histories.ids), histories.offsets, grammar)
    first, parts = bound.first_place, len(bound.encoder.parts)
    mine = (spans.places >= first) & (spans.places < first + parts)
    begins = spans.begins[spans.places == first]  # (events,) every event has the first part
    # (events,) tokens of all parts of the field, which lie one after another
    lengths = np.bincount(spans.events[mine], spans.lengths[mine], len(begins)).astype(np.int64)
    tokens = np.asarray(histories.ids, np.int64)[positions(begins, lengths)].astype("<i4")
    # the tokens of each event as one value of bytes, four for a token, so that Arrow finds the distinct ones
    buffers = [None, pa.py_buffer(offsets_of(lengths) * 4), pa.py_buffer(np.ascontiguousarray(tokens))]
    coded = pa.Array.from_buffers(pa.large_binary(), len(begins), buffers).dictionary_encode()
    distinct = [tuple(np.frombuffer(value.as_py(), "<i4").tolist()) for value in coded.dictionary]
    nulls = {int(bound.ids[slot]) for slot, each in enumerate(bound.encoder.slots) if each.kind == "null"}
    kept = sorted(each for each in distinct if each[0] not in nulls)
    number = {each: code for code, each in enumerate(kept)}
    codes = np.array([number.get(each, -1) for each in distinct], np.int64)[np.asarray(coded.indices)]
    flat = np.array([token for each in kept for token in each], np.int64)
    values = ValueTokens(flat, offsets_of(np.array([len(each) for each in kept], np.int64)))
    names = tokenizer.vocabulary.names
    return FieldValues(codes, values, first, parts, [" ".join(names[token] for token in each) for each in kept])
