"""From flat base ids back to the cells of fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells
from domaintoolkit.encoders.base import drop_unused
from domaintoolkit.grammar import BYTES, EventIndex, Spans, parse_spans
from domaintoolkit.tokenizer.layout import Bound, Layout
from domaintoolkit.util.ragged import offsets_of, positions

__all__ = ["Parsed", "parse"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """The cells of each field, by name: in the header a row for each stream, in the events a row for each event."""

    header: dict[str | None, list[Cells]]
    events: dict[str | None, list[Cells]]
    index: EventIndex


def parse(layout: Layout, ids: NDArray[np.integer], offsets: NDArray[np.int64]) -> Parsed:
    """The cells of flat base ids; raises `DecodeError`, with stream and position, for ids that are not streams."""
    spans = parse_spans(ids, offsets, layout.grammar)
    index, streams, events = spans.index(offsets), spans.streams, spans.events
    header = {bound.name: _cells(bound, layout, spans, ids, streams, len(offsets) - 1) for bound in layout.header}
    fields = {bound.name: _cells(bound, layout, spans, ids, events, len(index.starts)) for bound in layout.events}
    return Parsed(header, fields, index)


def _cells(
    bound: Bound, layout: Layout, spans: Spans, ids: NDArray[np.integer], rows: NDArray[np.int64], count: int
) -> list[Cells]:
    """The cells of each part of a field, in `count` rows; `rows` is the row of each span."""
    table = bound.slot_table(len(layout.vocabulary))
    made = []
    for part in range(len(bound.encoder.parts)):
        chosen = np.flatnonzero(spans.places == bound.first_place + part)
        if len(chosen) == count and (spans.lengths[chosen] == 1).all():
            slots = np.arange(len(bound.ids) - BYTES, dtype=np.int32)
            made.append(drop_unused(Cells(table[spans.firsts[chosen]], slots)))
            continue
        lengths = np.zeros(count, np.int64)
        # a row without a span of this part has an empty sequence
        lengths[rows[chosen]] = spans.lengths[chosen]
        flat = table[ids[positions(spans.begins[chosen], spans.lengths[chosen])]]
        made.append(_distinct(flat, offsets_of(lengths)))
    return made


def _distinct(flat: NDArray[np.int32], offsets: NDArray[np.int64]) -> Cells:
    """Sequences, one a row, as cells that hold each distinct one once."""
    # four bytes a slot: each sequence is one binary value, and Arrow finds the distinct ones
    buffers = [None, pa.py_buffer(offsets * 4), pa.py_buffer(np.ascontiguousarray(flat, "<i4"))]
    coded = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers).dictionary_encode()
    ends = np.frombuffer(coded.dictionary.buffers()[1], np.int64, len(coded.dictionary) + 1)
    data = coded.dictionary.buffers()[2]
    slots = np.frombuffer(data, "<i4", ends[-1] // 4) if data is not None else np.empty(0, np.int32)
    return Cells(np.asarray(coded.indices), slots.astype(np.int32), ends // 4)
