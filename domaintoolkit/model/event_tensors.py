"""Streams as tensors of events: one position a header or an event, one column a part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from domaintoolkit.errors import DecodeError
from domaintoolkit.grammar import Place, Syntax
from domaintoolkit.model.batches import EventBatch

__all__ = ["EventTensors", "events_from_streams"]

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class EventTensors:
    """Positions of n streams, one after another: N in all, of H + P parts. Cells are numbered as in `EventBatch`."""

    ids: NDArray[np.int64]
    """(N, H + P)"""
    header: NDArray[np.bool_]
    """(N,)"""
    session: NDArray[np.bool_]
    """(N,)"""
    offsets: NDArray[np.int64]
    """(n + 1,): stream i has the positions `offsets[i]` to `offsets[i + 1]`, its header the first of them."""
    tail_cells: NDArray[np.int64]
    tail_offsets: NDArray[np.int64]
    tails: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def events(self) -> int:
        """Events in all."""
        return int(np.count_nonzero(~self.header))

    def batch(self, rows: Ints | None = None, length: int | None = None) -> EventBatch:
        """Put stream i into row `rows[i]` (rising; one a row if left out), padded to `length` positions."""
        rows = np.arange(len(self)) if rows is None else np.asarray(rows)
        sizes = np.diff(self.offsets)
        count = int(rows[-1]) + 1 if len(rows) else 0
        first = np.searchsorted(rows, rows)
        before = self.offsets[:-1] - self.offsets[first]
        widest = int((before + sizes).max(initial=1))
        length = widest if length is None else length
        if widest > length:
            raise ValueError(f"a row has {widest} positions, more than {length}")
        within = np.arange(len(self.ids)) - np.repeat(self.offsets[:-1] - before, sizes)
        target = np.repeat(rows.astype(np.int64) * length, sizes) + within
        parts = self.ids.shape[1]
        numbers = np.repeat(np.arange(len(rows)) - first, sizes)
        cells = target[self.tail_cells // parts] * parts + self.tail_cells % parts
        return EventBatch(
            ids=_spread(self.ids, target, count, length, 0),
            header=_spread(self.header, target, count, length, False),
            session=_spread(self.session, target, count, length, False),
            documents=_spread(numbers, target, count, length, -1),
            tail_cells=torch.from_numpy(cells),
            tail_offsets=torch.from_numpy(self.tail_offsets),
            tails=torch.from_numpy(self.tails),
        )


def _spread(values: NDArray[Any], target: Ints, count: int, length: int, fill: int) -> torch.Tensor:
    out = np.full((count * length, *values.shape[1:]), fill, values.dtype)
    out[target] = values
    return torch.from_numpy(out.reshape(count, length, *values.shape[1:]))


def events_from_streams(ids: Ints, offsets: Ints, grammar: Syntax) -> EventTensors:
    """Parse streams of base ids; a last event that is cut short is left out. Raises `DecodeError`."""
    ids, offsets = np.asarray(ids).astype(np.int64), np.asarray(offsets).astype(np.int64)
    header_parts, parts = grammar.header_parts, grammar.header_parts + grammar.event_parts
    place, start = grammar.place[ids].astype(np.int64), grammar.start[ids]
    bos = place == Place.BOS
    _check_tokens(place, bos, offsets)
    opens = bos | (start & (place == header_parts))
    position = np.cumsum(opens) - 1
    at = np.flatnonzero(start)
    cell = position[at] * parts + place[at]
    header = bos[opens]
    fills = grammar.fills[ids[at]].astype(np.int64)
    keep = _complete(cell, cell + fills, at, header, header_parts, parts)
    table = np.zeros((len(header), parts), np.int64)
    table.reshape(-1)[cell] = ids[at]
    session = place[np.maximum(np.flatnonzero(opens) - 1, 0)] == Place.SESSION
    tail_cells, tail_offsets, tails = _tails(ids, place, start, cell, keep, parts)
    counts = (
        np.add.reduceat(keep.astype(np.int64), position[offsets[:-1]]) if len(offsets) > 1 else np.zeros(0, np.int64)
    )
    new = np.concatenate([[0], np.cumsum(counts)])
    return EventTensors(table[keep], header[keep], (session & ~header)[keep], new, tail_cells, tail_offsets, tails)


def _check_tokens(place: Ints, bos: NDArray[np.bool_], offsets: Ints) -> None:
    composite = place == Place.COMPOSITE
    if composite.any():
        raise DecodeError("an event model takes base tokens, not composites", None, int(composite.argmax()))
    starts = np.zeros(len(place), np.bool_)
    firsts = offsets[:-1]
    if (np.diff(offsets) < 1).any():
        raise DecodeError("a stream is empty", int((np.diff(offsets) < 1).argmax()))
    starts[firsts] = True
    wrong = (bos != starts) | (place == Place.PAD) | (place == Place.OTHER)
    if wrong.any():
        at = int(wrong.argmax())
        raise DecodeError(
            "BOS begins a stream, and padding is no part of one", int(np.searchsorted(firsts, at, "right") - 1), at
        )


def _complete(
    cell: Ints, after: Ints, at: Ints, header: NDArray[np.bool_], header_parts: int, parts: int
) -> NDArray[np.bool_]:
    """Which positions have all their parts, checked to stand in their order; only a stream's last event may not.

    `after` is the cell that comes next after each of `cell`, or one past the position's last.
    """
    base = np.arange(len(header)) * parts
    begin, end = base + np.where(header, 0, header_parts), base + np.where(header, header_parts, parts)
    owner = cell // parts
    first = np.diff(owner, prepend=-1) != 0
    wanted = np.where(first, begin[owner], np.roll(after, 1))
    if (cell != wanted).any():
        raise DecodeError("a part is missing or out of order", None, int(at[(cell != wanted).argmax()]))
    reached = begin.copy()
    reached[owner] = after
    keep: NDArray[np.bool_] = reached == end
    if (~keep & (header | ~np.append(header[1:], True))).any():
        raise DecodeError("a header lacks parts, or an event that is not a stream's last one")
    return keep


def _tails(
    ids: Ints, place: Ints, start: NDArray[np.bool_], cell: Ints, keep: NDArray[np.bool_], parts: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    follows = ~start & (place >= Place.BYTE)
    number = np.cumsum(start)[follows] - 1
    if (number < 0).any():
        raise DecodeError("a continuation before anything that it could continue", None, int(follows.argmax()))
    owner, kind = cell[number], place[follows]
    if ((kind != Place.BYTE) & (kind != owner % parts)).any():
        raise DecodeError("a token continues a part that it does not belong to")
    kept = keep[owner // parts]
    renumbered = (np.cumsum(keep) - 1)[owner // parts] * parts + owner % parts
    owner, tails = renumbered[kept], ids[follows][kept].astype(np.int64)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    return owner[first], np.append(first, len(tails)).astype(np.int64), tails
