"""From the cells of fields to flat streams of ids, without a loop over rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells
from domaintoolkit.encoders._ragged import offsets_of, positions
from domaintoolkit.streams._streams import Ids
from domaintoolkit.tokenizer._layout import Bound

__all__ = ["Assembled", "Part", "assemble", "bind"]

IdType = np.dtype[np.unsignedinteger[Any]]

_CHUNK = 1 << 16
"""Rows that are written at a time: their ids stay in the processor's cache."""

_SHORT = 8
"""Tokens of a sequence that are written place by place, for all rows at once; the rest of it row by row."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the rows to be written: the tokens of row k are those of sequence `codes[k]`.

    Where every row has one token, `codes` are the ids themselves.
    """

    codes: NDArray[np.integer[Any]]
    ids: Ids | None = None
    """The ids of all sequences, flat; None where `codes` are the ids."""
    offsets: NDArray[np.int64] | None = None
    lengths: NDArray[np.int64] | None = None
    """How many tokens each row has; None where all have one."""


def bind(bound: Bound, cells: Cells, type: IdType, rows: NDArray[np.integer[Any]] | None) -> Part:
    """Cells as ids, for the `rows` in that order (None: all, as they stand)."""
    ids = bound.ids.astype(type)[cells.slots]
    if cells.offsets is None:
        tokens = ids.take(cells.codes)
        return Part(tokens if rows is None else tokens.take(rows))
    codes = cells.codes if rows is None else cells.codes.take(rows)
    return Part(codes, ids, cells.offsets, np.diff(cells.offsets).take(codes))


@dataclass(frozen=True, slots=True)
class Assembled:
    """Flat ids; the offsets of streams in them, and where each event begins."""

    ids: Ids
    offsets: NDArray[np.int64]
    event_starts: NDArray[np.int64]


def assemble(
    header: list[Part], events: list[Part], breaks: NDArray[np.bool_] | None, starts: NDArray[np.int64],
    marks: tuple[int, int], type: IdType, pool: ThreadPoolExecutor,
) -> Assembled:  # fmt: skip
    """Streams of BOS, header and events.

    `header` has a row for each stream and `events` one for each event; stream s holds the events
    `starts[s]:starts[s + 1]`; `breaks` says before which events the session token stands; `marks` are the ids of
    the tokens that begin a stream and a session.
    """
    bos, session = (np.array([token], type) for token in marks)
    streams, count = len(starts) - 1, int(starts[-1])
    head = _Block([Part(np.repeat(bos, streams)), *header], streams)
    sessions: list[Part] = []
    if breaks is not None:
        sessions = [Part(breaks.view(np.int8), session, np.array([0, 0, 1]), breaks.astype(np.int64))]
    body = _Block([*sessions, *events], count)
    offsets = head.ends + body.ends[starts]
    event_starts = body.ends[:-1] + np.repeat(head.ends[1:], np.diff(starts))
    ids = np.empty(int(offsets[-1]), type)
    jobs = [*body.jobs(ids, event_starts), *head.jobs(ids, offsets[:-1])]
    for done in [pool.submit(job) for job in jobs]:
        done.result()
    return Assembled(ids, offsets, event_starts)


class _Block:
    """Parts that stand together, row by row: the headers of all streams, or all events."""

    def __init__(self, parts: list[Part], rows: int) -> None:
        self.rows = rows
        self.runs = [list(run) for _, run in groupby(parts, lambda part: part.lengths is None)]
        ragged = [part.lengths for part in parts if part.lengths is not None]
        fixed = len(parts) - len(ragged)
        self.ends = offsets_of(sum(ragged, np.full(rows, fixed))) if ragged else np.arange(rows + 1) * fixed

    def jobs(self, ids: Ids, starts: NDArray[np.int64]) -> Iterator[Callable[[], None]]:
        """What writes row r from `ids[starts[r]]` on; the jobs touch different places."""
        for first in range(0, self.rows, _CHUNK):
            yield self._job(ids, starts, slice(first, min(first + _CHUNK, self.rows)))

    def _job(self, ids: Ids, starts: NDArray[np.int64], rows: slice) -> Callable[[], None]:
        def write() -> None:
            at = starts[rows]
            for run in self.runs:
                if run[0].lengths is None:
                    at = _write_fixed(ids, at, [part.codes[rows] for part in run])
                else:
                    for part in run:
                        at = _write_ragged(ids, at, part, rows)

        return write


def _write_fixed(ids: Ids, at: NDArray[np.int64], columns: list[NDArray[np.integer[Any]]]) -> NDArray[np.int64]:
    """Write one token of each column, for every row in one go. Gives the places after them."""
    rows = np.empty((len(at), len(columns)), ids.dtype)
    for number, column in enumerate(columns):
        rows[:, number] = column
    _windows(ids, len(columns))[at] = _as_items(rows)
    return at + len(columns)


def _write_ragged(ids: Ids, at: NDArray[np.int64], part: Part, rows: slice) -> NDArray[np.int64]:
    """Write the sequences of some rows from the places `at` on. Gives the places after them."""
    assert part.ids is not None
    assert part.offsets is not None
    assert part.lengths is not None
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
