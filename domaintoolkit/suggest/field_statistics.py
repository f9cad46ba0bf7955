"""The values and tokens of each field of an encoded folder, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells, Encoder
from domaintoolkit.metrics import entropy
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.field_cells import parse

__all__ = ["FieldStatistics", "read_statistics"]

EVENTS = 200_000
"""Events whose values are counted. Shards hold entities in the order of a hash, so the first ones are a sample."""


@dataclass
class FieldStatistics:
    """One field: the tokens of its values, and how often each value occurs."""

    encoder: Encoder
    is_static: bool
    token_counts: NDArray[np.int64]
    """(slots,) how often each token of its own occurs in the whole folder."""
    values: Counter[bytes] = field(default_factory=Counter)
    """The count of each sequence of slots among the values that were read, all parts one after another."""
    parts: list[Counter[bytes]] = field(default_factory=list)
    """The same part by part."""
    tokens: int = 0
    """Tokens of these values."""
    pairs: int = 0
    """Neighbouring events of one entity."""
    changes: int = 0
    """Those of them that differ in the field."""

    @property
    def spec(self) -> Any:
        """Its declaration."""
        return self.encoder.spec

    @property
    def count(self) -> int:
        """Values that were read."""
        return self.values.total()

    @property
    def distinct(self) -> int:
        """Different values among them, as far as tokens tell."""
        return len(self.values)

    @property
    def bits(self) -> float:
        """The entropy of a value, in bits."""
        return entropy(np.array(list(self.values.values()), np.int64))

    def slots_of(self, key: bytes) -> NDArray[np.int32]:
        """The slots of a value."""
        return np.frombuffer(key, np.int32)

    def kinds(self, key: bytes) -> set[str]:
        """The kinds of the slots of a value; bytes have none."""
        return {self.encoder.slots[slot].kind for slot in self.slots_of(key).tolist() if slot >= 0}

    def with_kinds(self, *kinds: str) -> dict[bytes, int]:
        """The values that have a slot of one of these kinds, with their counts."""
        return {key: count for key, count in self.values.items() if self.kinds(key) & set(kinds)}


def read_statistics(encoded: EncodedFolder, tokenizer: DomainTokenizer) -> tuple[dict[str, FieldStatistics], int, int]:
    """(the statistics of each field by name, the tokens of the events that were read, these events)."""
    layout = tokenizer.layout
    counts = _count_tokens(encoded, len(tokenizer.vocabulary))
    found = {
        bound.name: FieldStatistics(bound.field, bound.kind == "static", counts[bound.ids[: len(bound.field.slots)]])
        for bound in layout.bound
        if bound.name is not None
    }
    tokens = events = 0
    for ids, offsets in _some_streams(encoded):
        parsed = parse(layout, ids, offsets)
        streams = np.repeat(np.arange(len(offsets) - 1), np.diff(parsed.index.offsets))
        for name, statistics in found.items():
            cells = parsed.header[name] if statistics.is_static else parsed.events[name]
            _count_values(statistics, cells, None if statistics.is_static else streams)
        tokens += len(ids)
        events += len(parsed.index.starts)
    return found, tokens, events


def _count_tokens(encoded: EncodedFolder, size: int) -> NDArray[np.int64]:
    """(V,) how often each token occurs."""
    counts = np.zeros(size, np.int64)
    for rows in encoded.streams():
        counts += np.bincount(rows.ids[rows.offsets[0] : rows.offsets[-1]], minlength=size)
    return counts


def _some_streams(encoded: EncodedFolder) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """(ids, offsets) of the first streams, with about `EVENTS` events."""
    left = EVENTS
    for rows in encoded.streams():
        if left <= 0:
            return
        offsets, events = rows.offsets.astype(np.int64), rows.event_offsets.astype(np.int64)
        # the number of whole streams that have about `left` events
        last = int(np.searchsorted(events, events[0] + left)) if events[-1] - events[0] > left else len(events) - 1
        left -= int(events[last] - events[0])
        yield rows.ids[offsets[0] : offsets[last]], offsets[: last + 1] - offsets[0]


def _count_values(statistics: FieldStatistics, cells: Sequence[Cells], streams: NDArray[np.int64] | None) -> None:
    """Count the rows of a field's parts; `streams` (rows,) is the stream of each event."""
    while len(statistics.parts) < len(cells):
        statistics.parts.append(Counter())
    # (parts, sequences of the part): each sequence of slots as bytes, four for a slot
    keys = [[part.sequence(number).astype(np.int32).tobytes() for number in range(_sequences(part))] for part in cells]
    for part, own, counted in zip(cells, keys, statistics.parts, strict=True):
        for number, count in enumerate(np.bincount(part.codes, minlength=len(own)).tolist()):
            if count:
                counted[own[number]] += count
                statistics.tokens += count * (len(own[number]) // 4)
    # (parts, rows) to the number of each different combination
    together, codes = np.unique(np.stack([part.codes for part in cells]), axis=1, return_inverse=True)
    for column, count in zip(together.T.tolist(), np.bincount(codes.ravel()).tolist(), strict=True):
        statistics.values[b"".join(own[code] for own, code in zip(keys, column, strict=True))] += count
    if streams is not None and len(streams):
        # (rows - 1,) neighbours
        same_stream = streams[1:] == streams[:-1]
        statistics.pairs += int(same_stream.sum())
        statistics.changes += int((same_stream & (codes.ravel()[1:] != codes.ravel()[:-1])).sum())


def _sequences(cells: Cells) -> int:
    return len(cells.slots) if cells.offsets is None else len(cells.offsets) - 1
