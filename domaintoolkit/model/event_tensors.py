"""Streams as tensors of events: one position a header or an event, one column a part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from domaintoolkit.grammar import Place, Syntax, parse_spans
from domaintoolkit.model.batches import EventBatch
from domaintoolkit.util.ragged import offsets_of, positions, run_offsets

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
        # (n,) the first stream in the row of each, and the positions before each in its row
        first = np.searchsorted(rows, rows)
        before = self.offsets[:-1] - self.offsets[first]
        widest = int((before + sizes).max(initial=1))
        length = widest if length is None else length
        if widest > length:
            raise ValueError(f"a row has {widest} positions, more than {length}")
        # (N,) the column of each position, and its place among the rows * length cells of the batch
        within = np.arange(len(self.ids)) - np.repeat(self.offsets[:-1] - before, sizes)
        target = np.repeat(rows.astype(np.int64) * length, sizes) + within
        parts = self.ids.shape[1]
        # (N,) the number of the stream within its row
        numbers = np.repeat(np.arange(len(rows)) - first, sizes)
        # (C,) a cell moves with its position and keeps its part
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
    # (N, ...) to (count * length, ...), then to (count, length, ...)
    out = np.full((count * length, *values.shape[1:]), fill, values.dtype)
    out[target] = values
    return torch.from_numpy(out.reshape(count, length, *values.shape[1:]))


def events_from_streams(ids: Ints, offsets: Ints, grammar: Syntax) -> EventTensors:
    """Parse streams of base ids; a last event that is cut short is left out. Raises `DecodeError`."""
    flat = np.asarray(ids, np.int64)
    spans = parse_spans(flat, offsets, grammar, cut=True)
    # (N,) a position begins with each [BOS] and each first part of an event
    opens = (spans.places == Place.BOS) | (spans.places == grammar.header_parts)
    header = spans.places[opens] == Place.BOS
    # (N,) a session token is a flag of its event, not a cell
    session = np.zeros(len(header), np.bool_)
    session[~header] = spans.index(offsets).has_session
    # (cells,) every span of a part is a cell of its position; numbered as in `EventBatch`
    cells = np.flatnonzero(spans.places >= 0)
    owner, part, first = np.cumsum(opens)[cells] - 1, spans.places[cells], spans.firsts[cells]
    cell = owner * grammar.parts + part
    table = np.zeros((len(header), grammar.parts), np.int64)
    table.reshape(-1)[cell] = first
    # (N,) one past the last part that is there
    reached = np.zeros(len(header), np.int64)
    last = run_offsets(owner)[1:] - 1
    reached[owner[last]] = part[last] + grammar.fills[first[last]]
    keep = reached == np.where(header, grammar.header_parts, grammar.parts)
    kept = offsets_of(keep)
    # (tails,) cells of more than one token, in positions that are kept
    long = np.flatnonzero(spans.lengths[cells] > 1)
    long = long[keep[owner[long]]]
    rest = spans.lengths[cells[long]] - 1
    return EventTensors(
        ids=table[keep],
        header=header[keep],
        session=session[keep],
        offsets=kept[np.append(np.flatnonzero(header), len(header))],
        tail_cells=kept[owner[long]] * grammar.parts + part[long],
        tail_offsets=offsets_of(rest),
        tails=flat[positions(spans.begins[cells[long]] + 1, rest)],
    )
