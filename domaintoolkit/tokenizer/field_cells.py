"""From flat ids back to the cells of fields, with nothing else to go by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells
from domaintoolkit.encoders.base import used_only
from domaintoolkit.errors import DecodeError
from domaintoolkit.grammar import BYTES, Grammar, Place
from domaintoolkit.tokenizer.layout import Bound, Layout
from domaintoolkit.util.ragged import offsets_of, positions

__all__ = ["Parsed", "parse"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """The cells of each field, by name; the header's have a row a stream, the others one an event."""

    header: dict[str | None, list[Cells]]
    events: dict[str | None, list[Cells]]
    event_offsets: NDArray[np.int64]
    event_starts: NDArray[np.int64]
    breaks: NDArray[np.bool_]
    """Before which events a session token stands."""


@dataclass(frozen=True, slots=True)
class _Marks:
    """Tokens that begin something: BOS, session tokens, and the start of each part."""

    at: NDArray[np.int64]
    place: NDArray[np.int64]
    lengths: NDArray[np.int64]
    """How many tokens belong to each, itself included."""
    ids: NDArray[np.int64]


def parse(layout: Layout, ids: NDArray[np.integer], offsets: NDArray[np.int64]) -> Parsed:
    """The cells of flat base ids; raises `DecodeError`, with stream and position, for what is no stream."""
    grammar = layout.grammar
    if len(ids) and (int(ids.max()) >= len(layout.vocabulary) or int(ids.min()) < 0):
        at = int(np.flatnonzero((ids >= len(layout.vocabulary)) | (ids < 0))[0])
        raise _error(offsets, at, f"no token has the id {int(ids[at])}")
    flat = ids.astype(np.int64)
    marks = _marks(flat, grammar)
    _check_order(marks, offsets, grammar)
    _check_continuations(flat, offsets, marks, grammar)
    first = grammar.header_parts
    event_marks = np.flatnonzero(marks.place == first)
    begins = marks.at[event_marks]
    breaks = np.zeros(len(begins), bool)
    breaks[event_marks > 0] = marks.place[event_marks[event_marks > 0] - 1] == Place.SESSION
    streams = np.cumsum(marks.place == Place.BOS) - 1
    events = np.cumsum(marks.place == first) - 1
    cells = {
        "header": {b.name: _cells(b, layout, marks, flat, streams, len(offsets) - 1) for b in layout.header},
        "events": {b.name: _cells(b, layout, marks, flat, events, len(begins)) for b in layout.events},
    }
    event_offsets = np.searchsorted(begins, offsets)
    return Parsed(cells["header"], cells["events"], event_offsets, begins - breaks, breaks)


def _error(offsets: NDArray[np.int64], at: int, reason: str) -> DecodeError:
    stream = int(np.searchsorted(offsets, at, side="right")) - 1
    return DecodeError(reason, stream, at - int(offsets[stream]))


def _marks(ids: NDArray[np.int64], grammar: Grammar) -> _Marks:
    begins = grammar.start | (grammar.place == Place.BOS) | (grammar.place == Place.SESSION)
    at = np.flatnonzero(begins[ids])
    return _Marks(at, grammar.place[ids[at]].astype(np.int64), np.diff(np.append(at, len(ids))), ids[at])


def _check_order(marks: _Marks, offsets: NDArray[np.int64], grammar: Grammar) -> None:
    """BOS, the header's parts in order, then every event's parts in order, in each stream."""
    heads = marks.at[marks.place == Place.BOS]
    if len(heads) != len(offsets) - 1 or (heads != offsets[:-1]).any():
        wrong = np.setxor1d(heads, offsets[:-1])
        at = int(wrong[0]) if len(wrong) else 0
        raise _error(offsets, min(at, int(offsets[-1])), "a stream begins with [BOS], and has it nowhere else")
    header, end = grammar.header_parts, grammar.header_parts + grammar.event_parts
    expected = marks.place + grammar.fills[marks.ids]
    expected[marks.place == Place.BOS] = 0
    expected[marks.place == Place.SESSION] = header
    found = np.append(marks.place[1:], Place.BOS)
    good = (found == expected) & (found >= 0)
    good |= (expected == end) & ((found == header) | (found == Place.SESSION) | (found == Place.BOS))
    good |= (expected == header) & (found == Place.BOS) & (marks.place != Place.SESSION)
    if not good.all():
        k = int(np.flatnonzero(~good)[0])
        at = int(marks.at[k + 1]) if k + 1 < len(marks.at) else int(offsets[-1]) - 1
        names = grammar.part_names
        wanted = names[expected[k]] if expected[k] < end else "an event or the end"
        raise _error(offsets, at, f"expected {wanted}")


def _check_continuations(ids: NDArray[np.int64], offsets: NDArray[np.int64], marks: _Marks, grammar: Grammar) -> None:
    if not (marks.lengths > 1).any():
        return
    owner = np.repeat(marks.place, marks.lengths)
    place = grammar.place[ids]
    wrong = (place != owner) & (place != Place.BYTE) | ((owner < 0) & (place == Place.BYTE))
    if wrong.any():
        raise _error(offsets, int(np.flatnonzero(wrong)[0]), "a token that continues nothing before it")


def _cells(
    bound: Bound, layout: Layout, marks: _Marks, ids: NDArray[np.int64], rows: NDArray[np.int64], count: int
) -> list[Cells]:
    table = bound.slot_table(len(layout.vocabulary))
    made = []
    for part in range(len(bound.encoder.parts)):
        chosen = np.flatnonzero(marks.place == bound.first_place + part)
        if len(chosen) == count and (marks.lengths[chosen] == 1).all():
            slots = np.arange(len(bound.ids) - BYTES, dtype=np.int32)
            made.append(used_only(Cells(table[marks.ids[chosen]], slots)))
            continue
        lengths = np.zeros(count, np.int64)
        lengths[rows[chosen]] = marks.lengths[chosen]
        flat = table[ids[positions(marks.at[chosen], marks.lengths[chosen])]]
        made.append(_distinct(flat, offsets_of(lengths)))
    return made


def _distinct(flat: NDArray[np.int32], offsets: NDArray[np.int64]) -> Cells:
    """Sequences, one a row, as cells that hold each distinct one once."""
    buffers = [None, pa.py_buffer(offsets * 4), pa.py_buffer(np.ascontiguousarray(flat, "<i4"))]
    coded = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers).dictionary_encode()
    ends = np.frombuffer(coded.dictionary.buffers()[1], np.int64, len(coded.dictionary) + 1)
    data = coded.dictionary.buffers()[2]
    slots = np.frombuffer(data, "<i4", ends[-1] // 4) if data is not None else np.empty(0, np.int32)
    return Cells(np.asarray(coded.indices), slots.astype(np.int32), ends // 4)
