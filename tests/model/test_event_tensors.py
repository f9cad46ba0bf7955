from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_grammar import grammar, streams

from domaintoolkit.errors import DecodeError
from domaintoolkit.model import EventTensors, events_from_streams

RULES = grammar()


def written(tensors: EventTensors) -> list[int]:
    """The ids that the tensors came from, put together one token at a time."""
    tails = {
        int(cell): tensors.tails[low:high].tolist()
        for cell, low, high in zip(tensors.tail_cells, tensors.tail_offsets[:-1], tensors.tail_offsets[1:], strict=True)
    }
    out: list[int] = []
    parts = tensors.ids.shape[1]
    for at, row in enumerate(tensors.ids.tolist()):
        out += [RULES.bos] if tensors.header[at] else [RULES.session] * int(tensors.session[at])
        for part, first in enumerate(row):
            if RULES.place[first] == part:
                out += [first, *tails.get(at * parts + part, [])]
    return out


@given(st.integers(0, 9), st.integers(0, 999))
def test_nothing_of_a_stream_is_lost(count: int, seed: int) -> None:
    ids, offsets, events = streams(RULES, count, seed)
    tensors = events_from_streams(ids, offsets, RULES)
    assert written(tensors) == ids.tolist()
    assert np.diff(tensors.offsets).tolist() == [size + 1 for size in events]
    assert tensors.events == sum(events)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(0, 99), st.integers(0, 5))
def test_a_batch_holds_the_streams_in_the_rows_told(rows: list[int], seed: int, room: int) -> None:
    rows = sorted(rows)
    ids, offsets, _ = streams(RULES, len(rows), seed)
    tensors = events_from_streams(ids, offsets, RULES)
    sizes = np.diff(tensors.offsets)
    widest = max(int(sizes[np.array(rows) == row].sum()) for row in rows)
    batch = tensors.batch(np.array(rows), widest + room)
    assert batch.ids.shape == (rows[-1] + 1, widest + room, RULES.header_parts + RULES.event_parts)
    real = batch.documents.flatten() >= 0
    again = EventTensors(
        batch.ids.flatten(0, 1)[real].numpy(),
        batch.header.flatten()[real].numpy(),
        batch.session.flatten()[real].numpy(),
        tensors.offsets,
        np.cumsum(np.repeat(real.numpy(), batch.ids.shape[2]))[batch.tail_cells.numpy()] - 1,
        batch.tail_offsets.numpy(),
        batch.tails.numpy(),
    )
    assert written(again) == ids.tolist()
    if room == 0 and widest > 1:
        with pytest.raises(ValueError, match="positions, more than"):
            tensors.batch(np.array(rows), widest - 1)


@given(st.integers(0, 99), st.data())
def test_a_last_event_that_is_cut_short_is_left_out(seed: int, data: st.DataObject) -> None:
    ids, _, events = streams(RULES, 1, seed, shortest=1)
    last = int(np.flatnonzero(RULES.place[ids] == RULES.header_parts)[-1])
    final = int(np.flatnonzero(RULES.start[ids])[-1])
    cut = ids[: data.draw(st.integers(last + 1, max(last + 1, final)))]
    assert events_from_streams(cut, np.array([0, len(cut)]), RULES).events == events[0] - 1


def test_what_is_no_stream_is_refused() -> None:
    ids, offsets, _ = streams(RULES, 2, 3, shortest=2)
    event = int(np.flatnonzero(RULES.place[ids] == RULES.header_parts)[0])
    for wrong, message in (
        (np.delete(ids, 0), "BOS"),
        (np.insert(ids, event, RULES.pad), "padding"),
        (np.delete(ids, event + 1 + int(RULES.start[ids][event + 1 :].argmax())), "expected"),
        (np.insert(ids, 1, RULES.bytes[0]), "continues nothing"),
    ):
        ends = np.array([0, *(offsets[1:] + len(wrong) - len(ids))])
        with pytest.raises(DecodeError, match=message):
            events_from_streams(wrong, ends, RULES)
