"""From the cells of fields to flat streams of ids, without a loop over rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells
from domaintoolkit.streams.streams import Ids
from domaintoolkit.tokenizer.layout import Bound
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.util.threads import Workers

__all__ = ["Assembled", "Columns", "Part", "assemble", "bind"]

IdType = np.dtype[np.unsignedinteger[Any]]

_CHUNK = 1 << 16
"""Rows that are written at a time: their ids stay in the processor's cache."""

_SHORT = 8
"""Tokens of a sequence that are written place by place, for all rows at once; the rest of it row by row."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Parts of which every row has one token each; made chunk by chunk, where they are written."""

    width: int
    tokens: Callable[[slice], list[Ids]]
    """The ids of some rows: an array for each of `width` parts."""


@dataclass(frozen=True, slots=True)
class Sequences:
    """A part of which rows have any number of tokens: those of row k are sequence `codes[k]`."""

    codes: NDArray[np.integer[Any]]
    ids: Ids
    """The ids of all sequences, flat."""
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    """How many tokens each row has."""


@dataclass(frozen=True, slots=True)
class Padded:
    """Short sequences as the rows of a table, each filled up to its width."""

    codes: NDArray[np.integer[Any]]
    table: Ids
    lengths: NDArray[np.int64]


Part = Columns | Sequences


def bind(bound: Bound, cells: Cells, type: IdType, rows: NDArray[np.integer[Any]] | None) -> Part:
    """Cells as ids, for the `rows` in that order (None: all, as they stand)."""
    ids = bound.ids.astype(type)[cells.slots]
    if cells.offsets is not None:
        codes = cells.codes if rows is None else cells.codes.take(rows)
        return Sequences(codes, ids, cells.offsets, np.diff(cells.offsets).take(codes))
    if rows is None:
        return Columns(1, lambda chunk: [ids.take(cells.codes[chunk])])
    tokens = ids.take(cells.codes)  # narrow, so that reading them out of order stays in the cache
    return Columns(1, lambda chunk: [tokens.take(rows[chunk])])


def constant(token: int, type: IdType) -> Columns:
    """One token that is the same in every row."""
    return Columns(1, lambda chunk: [np.full(chunk.stop - chunk.start, token, type)])


@dataclass(frozen=True, slots=True)
class Assembled:
    """Flat ids; the offsets of streams in them, and where each event begins."""

    ids: Ids
    offsets: NDArray[np.int64]
    event_starts: NDArray[np.int64]


def assemble(
    header: list[Part], events: list[Part], breaks: NDArray[np.bool_] | None, starts: NDArray[np.int64],
    marks: tuple[int, int], type: IdType, pool: Workers,
) -> Assembled:  # fmt: skip
    """Streams of BOS, header and events.

    `header` has a row for each stream and `events` one for each event; stream s holds the events
    `starts[s]:starts[s + 1]`; `breaks` says before which events the session token stands; `marks` are the ids of
    the tokens that begin a stream and a session.
    """
    bos, session = marks
    streams, count = len(starts) - 1, int(starts[-1])
    head = _Block([constant(bos, type), *header], streams)
    sessions: list[Part] = []
    if breaks is not None:
        mark = np.array([session], type)
        sessions = [Sequences(breaks.view(np.int8), mark, np.array([0, 0, 1]), breaks.astype(np.int64))]
    body = _Block([*sessions, *events], count)
    before = head.begins(np.arange(streams + 1))
    offsets = before + body.begins(starts)
    ids, event_starts = np.empty(int(offsets[-1]), type), np.empty(count, np.int64)

    def heads(rows: slice) -> None:
        head.write(ids, offsets[:-1][rows], rows)

    def bodies(rows: slice) -> None:
        low, high = np.searchsorted(starts, [rows.start, rows.stop - 1], "right") - 1
        bounds = np.clip(starts[low : high + 2], rows.start, rows.stop)
        inside = bounds[1:] - bounds[:-1]
        at = event_starts[rows]
        np.add(body.begins(np.arange(rows.start, rows.stop)), np.repeat(before[low + 1 : high + 2], inside), out=at)
        body.write(ids, at, rows)

    pool.share([*_by_chunk(bodies, count), *_by_chunk(heads, streams)])
    return Assembled(ids, offsets, event_starts)


def _by_chunk(work: Callable[[slice], None], rows: int) -> list[Callable[[], None]]:
    return [partial(work, slice(first, min(first + _CHUNK, rows))) for first in range(0, rows, _CHUNK)]


class _Block:
    """Parts that stand together, row by row: the headers of all streams, or all events."""

    def __init__(self, parts: list[Part], rows: int) -> None:
        self._runs = _runs(parts)
        ragged = [part.lengths for part in parts if isinstance(part, Sequences)]
        self._fixed = sum(part.width for part in parts if isinstance(part, Columns))
        self._ends = offsets_of(sum(ragged, np.full(rows, self._fixed))) if ragged else None

    def begins(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many tokens stand in the block before each of these rows."""
        return rows * self._fixed if self._ends is None else self._ends.take(rows)

    def write(self, ids: Ids, at: NDArray[np.int64], rows: slice) -> None:
        """Write some rows, each from its place in `at` on."""
        for run in self._runs:
            if isinstance(run, Sequences):
                at = _write_ragged(ids, at, run, rows)
            elif isinstance(run, Padded):
                at = _write_padded(ids, at, run, rows)
            else:
                at = _write_fixed(ids, at, [column for part in run for column in part.tokens(rows)])


def _runs(parts: list[Part]) -> list[list[Columns] | Sequences | Padded]:
    """Parts that are written in one go: columns side by side, and each of the others for itself."""
    runs: list[list[Columns] | Sequences | Padded] = []
    least = [part.width if isinstance(part, Columns) else int(part.lengths.min(initial=0)) for part in parts]
    for number, part in enumerate(parts):
        if isinstance(part, Sequences):
            runs.append(_padded(part, sum(least[number + 1 :])) or part)
        elif runs and isinstance(runs[-1], list):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _padded(part: Sequences, following: int) -> Padded | None:
    """The same in one width, where rows are short, and at least `following` tokens are written behind each."""
    lengths = part.lengths
    if not len(lengths) or not 1.5 * len(lengths) < lengths.sum():
        return None
    width = int(lengths.max())
    if width > _SHORT or width - int(lengths.min()) > following:
        return None
    places = part.offsets[:-1, None] + np.arange(width)
    return Padded(part.codes, part.ids[np.minimum(places, len(part.ids) - 1)], lengths)


def _write_padded(ids: Ids, at: NDArray[np.int64], part: Padded, rows: slice) -> NDArray[np.int64]:
    """Write the sequences of some rows; what stands behind a short one is written over by the parts after it."""
    _windows(ids, part.table.shape[1])[at] = _as_items(part.table).take(part.codes[rows])
    return at + part.lengths[rows]


def _write_fixed(ids: Ids, at: NDArray[np.int64], columns: list[NDArray[np.integer[Any]]]) -> NDArray[np.int64]:
    """Write one token of each column, for every row in one go. Gives the places after them."""
    rows = np.empty((len(at), len(columns)), ids.dtype)
    for number, column in enumerate(columns):
        rows[:, number] = column
    _windows(ids, len(columns))[at] = _as_items(rows)
    return at + len(columns)


def _write_ragged(ids: Ids, at: NDArray[np.int64], part: Sequences, rows: slice) -> NDArray[np.int64]:
    """Write the sequences of some rows from the places `at` on. Gives the places after them."""
    lengths = part.lengths[rows]
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
    """`ids` as overlapping items of `width` ids each: item k begins at `ids[k]`."""
    item = np.dtype((np.void, ids.itemsize * width))
    count = max(len(ids) - width + 1, 0)
    return np.ndarray((count,), item, ids.data, strides=(ids.itemsize,))


def _as_items(rows: Ids) -> NDArray[np.void]:
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
