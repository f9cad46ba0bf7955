"""From the cells of fields to flat streams of ids, without a loop over rows."""

from __future__ import annotations

from collections.abc import Callable
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

__all__ = ["Part", "assemble", "bind"]

Work = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the rows to be written, in their final order, in ids."""

    codes: NDArray[np.integer]
    ids: Ids
    """The ids of all sequences, flat."""
    offsets: NDArray[np.int64] | None

    @property
    def lengths(self) -> NDArray[np.int64] | None:
        """Tokens of each row; None where all have one."""
        return None if self.offsets is None else np.diff(self.offsets)[self.codes]


def bind(bound: Bound, cells: Cells, type: np.dtype[np.unsignedinteger[Any]], rows: NDArray[np.int64] | None) -> Part:
    """Cells as ids, for the `rows` in that order (None: all, as they stand)."""
    codes = cells.codes if rows is None else cells.codes[rows]
    return Part(codes, bound.ids.astype(type)[cells.slots], cells.offsets)


@dataclass(frozen=True, slots=True)
class Assembled:
    """Flat ids; the offsets of streams in them, and where each event begins."""

    ids: Ids
    offsets: NDArray[np.int64]
    event_starts: NDArray[np.int64]


def assemble(
    header: list[Part], events: list[Part], breaks: NDArray[np.bool_] | None, starts: NDArray[np.int64],
    grammar: Grammar, type: np.dtype[np.unsignedinteger[Any]], pool: ThreadPoolExecutor,
) -> Assembled:  # fmt: skip
    """Streams of BOS, header and events.

    `header` has a row for each stream and `events` one for each event; stream s holds the events
    `starts[s]:starts[s + 1]`; `breaks` says before which events the session token stands.
    """
    count, streams = int(starts[-1]), len(starts) - 1
    head = _total(header, streams) + 1
    body = _total(events, count)
    if breaks is not None:
        body = body + breaks
    head_ends = _cumulated(head, streams)
    body_ends = _cumulated(body, count)
    offsets = head_ends + body_ends[starts]
    shift = np.repeat(head_ends[1:], np.diff(starts))
    event_starts = body_ends[:-1] + shift
    ids = np.empty(int(offsets[-1]), type)
    work = [*_writes(ids, events, event_starts, breaks, grammar), *_header(ids, header, offsets[:-1], grammar)]
    for done in [pool.submit(job) for job in work]:
        done.result()
    return Assembled(ids, offsets, event_starts)


def _total(parts: list[Part], rows: int) -> int | NDArray[np.int64]:
    """Tokens of each row; a number where all rows have as many."""
    fixed = sum(part.offsets is None for part in parts)
    ragged = [lengths for part in parts if (lengths := part.lengths) is not None]
    return sum(ragged, np.full(rows, fixed, np.int64)) if ragged else fixed


def _cumulated(lengths: int | NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    if isinstance(lengths, int):
        return np.arange(0, lengths * (rows + 1), lengths) if lengths else np.zeros(rows + 1, np.int64)
    return offsets_of(lengths)


def _writes(
    ids: Ids, events: list[Part], starts: NDArray[np.int64], breaks: NDArray[np.bool_] | None, grammar: Grammar
) -> list[Work]:
    work: list[Work] = []
    at = starts
    if breaks is not None:
        work.append(lambda: _put(ids, starts[breaks], grammar.session))
        at = starts + breaks
    done = 0
    for part in events:
        work.append(_write(ids, part, at, done))
        lengths = part.lengths
        if lengths is None:
            done += 1
        else:
            at = at + done + lengths
            done = 0
    return work


def _header(ids: Ids, header: list[Part], starts: NDArray[np.int64], grammar: Grammar) -> list[Work]:
    return [lambda: _put(ids, starts, grammar.bos), *_writes(ids, header, starts + 1, None, grammar)]


def _put(ids: Ids, places: NDArray[np.int64], id: int) -> None:
    ids[places] = id


def _write(ids: Ids, part: Part, at: NDArray[np.int64], shift: int) -> Work:
    """Write one part, each row's tokens from `at[row] + shift` on."""

    def write() -> None:
        places = at + shift if shift else at
        if part.offsets is None:
            ids[places] = part.ids[part.codes]
            return
        starts = part.offsets[part.codes]
        lengths = part.offsets[part.codes + 1] - starts
        ids[positions(places, lengths)] = part.ids[positions(starts, lengths)]

    return write
