"""From the cells of fields to flat streams of ids, without a loop over rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells
from domaintoolkit.encoders._ragged import offsets_of, positions
from domaintoolkit.streams._streams import Ids
from domaintoolkit.tokenizer._layout import Bound
from domaintoolkit.vocabulary import Grammar

__all__ = ["Assembled", "Part", "assemble", "bind"]

IdType = np.dtype[np.unsignedinteger[Any]]

_CHUNK = 1 << 16
"""Rows that are written at a time: their ids stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the rows to be written; row k of the result is row `rows[k]` of `codes`.

    Where every row has one token, `codes` are the ids themselves.
    """

    codes: NDArray[np.integer[Any]]
    ids: Ids | None
    """The ids of all sequences, flat; None where `codes` are the ids."""
    offsets: NDArray[np.int64] | None
    rows: NDArray[np.integer[Any]] | None

    def chosen(self, first: int, last: int) -> NDArray[np.integer[Any]]:
        """The codes of some rows of the result."""
        return self.codes[first:last] if self.rows is None else self.codes[self.rows[first:last]]


def bind(bound: Bound, cells: Cells, type: IdType, rows: NDArray[np.integer[Any]] | None) -> Part:
    """Cells as ids, for the `rows` in that order (None: all, as they stand)."""
    ids = bound.ids.astype(type)[cells.slots]
    if cells.offsets is None:
        return Part(ids[cells.codes], None, None, rows)
    return Part(cells.codes, ids, cells.offsets, rows)


@dataclass(frozen=True, slots=True)
class Assembled:
    """Flat ids; the offsets of streams in them, and where each event begins."""

    ids: Ids
    offsets: NDArray[np.int64]
    event_starts: NDArray[np.int64]


def assemble(
    header: list[Part], events: list[Part], breaks: NDArray[np.bool_] | None, starts: NDArray[np.int64],
    grammar: Grammar, type: IdType, pool: ThreadPoolExecutor,
) -> Assembled:  # fmt: skip
    """Streams of BOS, header and events.

    `header` has a row for each stream and `events` one for each event; stream s holds the events
    `starts[s]:starts[s + 1]`; `breaks` says before which events the session token stands.
    """
    bos, session = (np.array([token], type) for token in (grammar.bos, grammar.session))
    streams, count = len(starts) - 1, int(starts[-1])
    head = _Block([Part(np.repeat(bos, streams), None, None, None), *header], streams)
    marks = [] if breaks is None else [Part(breaks.view(np.int8), session, np.array([0, 0, 1]), None)]
    body = _Block([*marks, *events], count)
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
        self.parts, self.rows = parts, rows
        self.width = len(parts)
        self.lengths = {k: np.diff(p.offsets)[p.chosen(0, rows)] for k, p in enumerate(parts) if p.offsets is not None}
        if self.lengths:
            fixed = np.full(rows, self.width - len(self.lengths), np.int64)
            self.ends = offsets_of(sum(self.lengths.values(), fixed))
        else:
            self.ends = np.arange(rows + 1) * self.width

    def jobs(self, ids: Ids, starts: NDArray[np.int64]) -> Iterator[Callable[[], None]]:
        """What writes row r from `ids[starts[r]]` on; the jobs touch different places."""
        if not self.lengths:
            for first in range(0, self.rows, _CHUNK):
                yield self._rows_job(ids, starts, first, min(first + _CHUNK, self.rows))
            return
        at = starts
        for number, part in enumerate(self.parts):
            yield _part_job(ids, part, at, self.lengths.get(number))
            at = at + self.lengths.get(number, 1)

    def _rows_job(self, ids: Ids, starts: NDArray[np.int64], first: int, last: int) -> Callable[[], None]:
        """Rows of equal length are put together side by side, and each is written in one go."""

        def write() -> None:
            rows = np.empty((last - first, self.width), ids.dtype)
            for number, part in enumerate(self.parts):
                rows[:, number] = part.chosen(first, last)
            _windows(ids, self.width)[starts[first:last]] = _as_items(rows)

        return write


def _windows(ids: Ids, width: int) -> NDArray[np.void]:
    """`ids` as overlapping items of `width` ids each: item k begins at `ids[k]`."""
    item = np.dtype((np.void, ids.itemsize * width))
    count = max(len(ids) - width + 1, 0)
    return np.ndarray((count,), item, ids.data, strides=(ids.itemsize,))


def _as_items(rows: Ids) -> NDArray[np.void]:
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]


def _part_job(ids: Ids, part: Part, at: NDArray[np.int64], lengths: NDArray[np.int64] | None) -> Callable[[], None]:
    def write() -> None:
        codes = part.chosen(0, len(at))
        if lengths is None or part.offsets is None or part.ids is None:
            ids[at] = codes
            return
        ids[positions(at, lengths)] = part.ids[positions(part.offsets[codes], lengths)]

    return write
