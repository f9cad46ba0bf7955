"""Some histories of an encoded folder, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.storage import EncodedFolder

__all__ = ["ChosenRows", "choose_rows"]

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class ChosenRows:
    """Histories, one an entry of every list."""

    keys: list[tuple[Any, ...]]
    splits: list[str]
    ids: list[Ints]
    starts: list[Ints]
    times: list[NDArray[np.int64]] | None
    labels: dict[str, list[list[Any]]]
    """For each label column, the labels of the events of each history."""

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def names(self) -> list[str]:
        """The keys as text."""
        return [", ".join(map(str, key)) for key in self.keys]

    @property
    def flat(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(ids, offsets) of all histories one after another."""
        offsets = np.cumsum([0, *map(len, self.ids)], dtype=np.int64)
        return (np.concatenate(self.ids) if self.ids else np.zeros(0, np.int64)).astype(np.int64), offsets

    def join(self, other: ChosenRows) -> ChosenRows:
        """These, and the others after them."""
        both = self.times is not None and other.times is not None
        names = [name for name in self.labels if name in other.labels]
        return ChosenRows(
            [*self.keys, *other.keys],
            [*self.splits, *other.splits],
            [*self.ids, *other.ids],
            [*self.starts, *other.starts],
            [*(self.times or []), *(other.times or [])] if both else None,
            {name: [*self.labels[name], *other.labels[name]] for name in names},
        )

    def take(self, places: Sequence[int] | Ints) -> ChosenRows:
        """Some of the histories, in this order."""
        chosen = [int(place) for place in places]
        return ChosenRows(
            [self.keys[place] for place in chosen],
            [self.splits[place] for place in chosen],
            [self.ids[place] for place in chosen],
            [self.starts[place] for place in chosen],
            None if self.times is None else [self.times[place] for place in chosen],
            {name: [values[place] for place in chosen] for name, values in self.labels.items()},
        )


def choose_rows(encoded: EncodedFolder, entity: Sequence[str], split: str | None, most: int) -> ChosenRows:
    """The first `most` histories of a split, or of all: shards are in the order of a hash, so this is a fair sample."""
    rows = ChosenRows([], [], [], [], None, {})
    times: list[NDArray[np.int64]] = []
    has_times = False
    for shard in encoded.streams(split):
        chosen = shard.selected[: most - len(rows)]
        has_times = shard.times is not None
        keys = shard.table.select(list(entity)).take(pa.array(chosen)).to_pylist()
        rows.keys.extend(tuple(key.values()) for key in keys)
        rows.splits.extend(shard.table["split"].take(pa.array(chosen)).to_pylist())
        for row in chosen.tolist():
            rows.ids.append(shard.ids[shard.offsets[row] : shard.offsets[row + 1]])
            # event starts count from the beginning of their own stream, so they need no shift
            low, high = shard.event_offsets[row], shard.event_offsets[row + 1]
            rows.starts.append(shard.event_starts[low:high])
            if shard.times is not None:
                times.append(shard.times[low:high])
        if "labels" in shard.table.schema.names:
            for labels in shard.table["labels"].take(pa.array(chosen)).to_pylist():
                for name, values in labels.items():
                    rows.labels.setdefault(name, []).append(values or [])
        if len(rows) >= most:
            break
    return ChosenRows(rows.keys, rows.splits, rows.ids, rows.starts, times if has_times else None, rows.labels)
