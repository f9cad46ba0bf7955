"""From the cells of fields to flat streams of ids, without a loop over rows.

Streams have rows of two kinds: headers, one a stream, and events. Each row is its parts one after another; every
part is written for a chunk of rows at once, and `at` moves on to the place after it in each row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells
from domaintoolkit.streams.streams import Ids
from domaintoolkit.tokenizer.layout import Bound, Layout
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.util.threads import Workers

__all__ = ["FixedPart", "RaggedPart", "StreamIds", "StreamParts", "TokenPart", "assemble", "assign_ids"]

IdType = np.dtype[np.unsignedinteger[Any]]

_CHUNK = 1 << 16
"""Rows that are written at a time: their ids stay in the processor's cache."""

_SHORT = 8
"""Tokens of a sequence that are written place by place, for all rows at once; the rest is written row by row."""


@dataclass(frozen=True, slots=True)
class FixedPart:
    """Parts with one token in every row; they are made chunk by chunk, as they are written."""

    width: int
    tokens: Callable[[slice], list[Ids]]
    """The ids of some rows: `width` arrays of (rows,)."""


@dataclass(frozen=True, slots=True)
class RaggedPart:
    """A part with any number of tokens in a row: row k has sequence `codes[k]`."""

    codes: NDArray[np.integer[Any]]  # (rows,)
    ids: Ids
    """The ids of all sequences, flat."""
    offsets: NDArray[np.int64]  # (sequences + 1,)
    lengths: NDArray[np.int64]
    """(rows,): the number of tokens in each row."""


@dataclass(frozen=True, slots=True)
class PaddedPart:
    """Short sequences as the rows of a table, each padded to its width."""

    codes: NDArray[np.integer[Any]]  # (rows,)
    table: Ids  # (sequences, width)
    lengths: NDArray[np.int64]  # (rows,)


TokenPart = FixedPart | RaggedPart


def assign_ids(bound: Bound, cells: Cells, type: IdType, rows: NDArray[np.integer[Any]] | None) -> TokenPart:
    """Cells as tokens, for the `rows` in that order (None: all, in their own order)."""
    ids = bound.ids.astype(type)[cells.slots]
    if cells.offsets is not None:
        codes = cells.codes if rows is None else cells.codes.take(rows)
        return RaggedPart(codes, ids, cells.offsets, np.diff(cells.offsets).take(codes))
    if rows is None:
        return FixedPart(1, lambda chunk: [ids.take(cells.codes[chunk])])
    tokens = ids.take(cells.codes)  # narrow, so that reads out of order stay in the cache
    return FixedPart(1, lambda chunk: [tokens.take(rows[chunk])])


def constant(token: int, type: IdType) -> FixedPart:
    """The same token in every row."""
    return FixedPart(1, lambda chunk: [np.full(chunk.stop - chunk.start, token, type)])


@dataclass(frozen=True, slots=True)
class StreamIds:
    """Flat ids, the offsets of streams in them, and the place where each event begins."""

    ids: Ids  # (tokens,)
    offsets: NDArray[np.int64]  # (streams + 1,)
    event_starts: NDArray[np.int64]  # (events,)


@dataclass(frozen=True, slots=True)
class StreamParts:
    """The parts of streams: `header` has a row for each stream, `events` a row for each event."""

    header: list[TokenPart]
    events: list[TokenPart]
    starts: NDArray[np.int64]
    """(streams + 1,): stream s has the events `starts[s]:starts[s + 1]`."""
    breaks: NDArray[np.bool_] | None
    """(events,): True if the session token comes before the event; None without sessions."""


def assemble(parts: StreamParts, layout: Layout, workers: Workers) -> StreamIds:
    """Streams of BOS, header and events; the rows are written chunk by chunk, in several threads."""
    kind, starts, breaks = layout.id_type, parts.starts, parts.breaks
    streams, count = len(starts) - 1, int(starts[-1])
    head = _Block([constant(layout.bos, kind), *parts.header], streams)
    sessions: list[TokenPart] = []
    if breaks is not None:
        # the session token is a part before all others, with no token or one
        mark = np.array([layout.session], kind)
        # sequence 0 is empty, sequence 1 the session token
        sessions = [RaggedPart(breaks.view(np.int8), mark, np.array([0, 0, 1]), breaks.astype(np.int64))]
    body = _Block([*sessions, *parts.events], count)
    # (streams + 1,): header tokens before each stream, and all tokens before it
    before = head.begins(np.arange(streams + 1))
    offsets = before + body.begins(starts)
    ids, event_starts = np.empty(int(offsets[-1]), kind), np.empty(count, np.int64)

    def write_headers(rows: slice) -> None:
        head.write(ids, offsets[:-1][rows], rows)

    def write_events(rows: slice) -> None:
        # the streams of these events, and how many of them each has
        low, high = np.searchsorted(starts, [rows.start, rows.stop - 1], "right") - 1
        bounds = np.clip(starts[low : high + 2], rows.start, rows.stop)
        inside = bounds[1:] - bounds[:-1]
        # an event begins after the headers up to that of its own stream, and after all events before it
        at = event_starts[rows]
        np.add(body.begins(np.arange(rows.start, rows.stop)), np.repeat(before[low + 1 : high + 2], inside), out=at)
        body.write(ids, at, rows)

    workers.share([*_by_chunk(write_events, count), *_by_chunk(write_headers, streams)])
    return StreamIds(ids, offsets, event_starts)


def _by_chunk(work: Callable[[slice], None], rows: int) -> list[Callable[[], None]]:
    return [partial(work, slice(first, min(first + _CHUNK, rows))) for first in range(0, rows, _CHUNK)]


class _Block:
    """The parts of all rows of a kind: the headers of streams, or events."""

    def __init__(self, parts: list[TokenPart], rows: int) -> None:
        self._runs = _runs(parts)
        ragged = [part.lengths for part in parts if isinstance(part, RaggedPart)]
        self._fixed = sum(part.width for part in parts if isinstance(part, FixedPart))
        # (rows + 1,); rows of one length need no table
        self._ends = offsets_of(sum(ragged, np.full(rows, self._fixed))) if ragged else None

    def begins(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of tokens that the block has before each of these rows."""
        return rows * self._fixed if self._ends is None else self._ends.take(rows)

    def write(self, ids: Ids, at: NDArray[np.int64], rows: slice) -> None:
        """Write some rows, each from its place in `at` on: (rows,)."""
        for run in self._runs:
            if isinstance(run, RaggedPart):
                at = _write_ragged(ids, at, run, rows)
            elif isinstance(run, PaddedPart):
                at = _write_padded(ids, at, run, rows)
            else:
                at = _write_fixed(ids, at, [column for part in run for column in part.tokens(rows)])


def _runs(parts: list[TokenPart]) -> list[list[FixedPart] | RaggedPart | PaddedPart]:
    """Parts that are written in one go: neighbouring fixed ones together, and each of the others alone."""
    runs: list[list[FixedPart] | RaggedPart | PaddedPart] = []
    least = [part.width if isinstance(part, FixedPart) else int(part.lengths.min(initial=0)) for part in parts]
    for number, part in enumerate(parts):
        if isinstance(part, RaggedPart):
            runs.append(_pad(part, sum(least[number + 1 :])) or part)
        elif runs and isinstance(runs[-1], list):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _pad(part: RaggedPart, following: int) -> PaddedPart | None:
    """The sequences in one width, if they are short, and at least `following` tokens are written after each.

    The padding of a row is written over by the parts that follow, so they need as many tokens.
    """
    lengths = part.lengths
    if not len(lengths) or not 1.5 * len(lengths) < lengths.sum():
        return None
    width = int(lengths.max())
    if width > _SHORT or width - int(lengths.min()) > following:
        return None
    places = part.offsets[:-1, None] + np.arange(width)  # (sequences, width)
    return PaddedPart(part.codes, part.ids[np.minimum(places, len(part.ids) - 1)], lengths)


def _write_padded(ids: Ids, at: NDArray[np.int64], part: PaddedPart, rows: slice) -> NDArray[np.int64]:
    """Write the sequences of some rows; the parts that follow write over the padding of a short one."""
    # one item a row: a scatter of whole rows, not of columns
    _windows(ids, part.table.shape[1])[at] = _as_items(part.table).take(part.codes[rows])
    return at + part.lengths[rows]


def _write_fixed(ids: Ids, at: NDArray[np.int64], columns: list[NDArray[np.integer[Any]]]) -> NDArray[np.int64]:
    """Write one token of each column, for every row in one go. Gives the places after them: (rows,)."""
    rows = np.empty((len(at), len(columns)), ids.dtype)  # (rows, columns), written as one item a row
    for number, column in enumerate(columns):
        rows[:, number] = column
    _windows(ids, len(columns))[at] = _as_items(rows)
    return at + len(columns)


def _write_ragged(ids: Ids, at: NDArray[np.int64], part: RaggedPart, rows: slice) -> NDArray[np.int64]:
    """Write the sequences of some rows from the places `at` on. Gives the places after them: (rows,)."""
    lengths = part.lengths[rows]
    # token `done` of every row that has so many; the arrays shrink to those rows: (rows left,)
    begins, places, left = part.offsets.take(part.codes[rows]), at, lengths
    for done in range(_SHORT + 1):
        longer = left > done
        if not longer.all():
            begins, places, left = begins[longer], places[longer], left[longer]
        if not len(left):
            break
        if done == _SHORT:
            rest = left - done
            ids[positions(places + done, rest)] = part.ids[positions(begins + done, rest)]
        else:
            ids[places + done] = part.ids.take(begins + done)
    return at + lengths


def _windows(ids: Ids, width: int) -> NDArray[np.void]:
    """`ids` as overlapping items of `width` ids each, without a copy: item k begins at `ids[k]`."""
    item = np.dtype((np.void, ids.itemsize * width))
    count = max(len(ids) - width + 1, 0)
    return np.ndarray((count,), item, ids.data, strides=(ids.itemsize,))


def _as_items(rows: Ids) -> NDArray[np.void]:
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
