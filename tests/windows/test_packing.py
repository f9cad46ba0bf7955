"""Packing: every event once, nothing but whole windows, and little room wasted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from domaintoolkit.grammar import Place, WindowStart
from domaintoolkit.windows.packing import (
    Blocks,
    StoredHistories,
    WindowRule,
    Windows,
    concatenate,
    cut_events,
    pack_blocks,
    refit,
    to_dense,
)

BOS, STATIC, ANCHOR, SESSION, DELTA, NONE, VALUE = 0, 1, 2, 10, 11, 19, 20
DAY = 86_400_000_000
PLACE = np.full(64, 3, np.int16)
PLACE[BOS], PLACE[STATIC], PLACE[ANCHOR:SESSION], PLACE[SESSION], PLACE[DELTA : NONE + 1] = (
    Place.BOS, 0, 1, Place.SESSION, 2
)  # fmt: skip


def anchors(times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return ANCHOR + times // DAY % 8, np.arange(len(times) + 1)


def long_anchors(times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.repeat(ANCHOR + times // DAY % 8, 2), np.arange(0, 2 * len(times) + 1, 2)


START = WindowStart(PLACE, SESSION, anchor_place=1, delta_place=2, no_delta=NONE)
RULE = WindowRule(START, anchors)

Event = tuple[bool, list[int]]
histories = st.lists(
    st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 40), min_size=1, max_size=12)), min_size=1, max_size=40),
    min_size=1,
    max_size=30,
)


def build(drawn: list[list[Event]]) -> StoredHistories:
    """[BOS] [static] [anchor] ( [SESSION]? [delta] values )*"""
    ids: list[int] = []
    offsets, starts, event_offsets, times = [0], [], [0], []
    for row, events in enumerate(drawn):
        begin = len(ids)
        ids += [BOS, STATIC, ANCHOR + row % 8]
        for number, (session, values) in enumerate(events):
            starts.append(len(ids) - begin)
            times.append((row + number) * DAY)
            ids += [SESSION] if session and number else []
            ids += [DELTA if number else NONE, *(VALUE + value for value in values)]
        offsets.append(len(ids))
        event_offsets.append(len(starts))
    arrays = (np.array(offsets), np.array(starts, np.int32), np.array(event_offsets), np.array(times))
    return StoredHistories(np.array(ids, np.uint16), *arrays, selected=np.arange(len(drawn)), number=100)


def read_block(blocks: Blocks, number: int, row: int = 0) -> Windows:
    return blocks.read(np.array([number]), np.array([row]))


def expected(drawn: list[list[Event]], row: int, first: int, last: int) -> list[int]:
    window = [BOS, STATIC, ANCHOR + (row + first) % 8]
    for number in range(first, last):
        session, values = drawn[row][number]
        window += [SESSION] if session and number > first else []
        window += [DELTA if number > first else NONE, *(VALUE + value for value in values)]
    return window


@pytest.mark.slow
@given(drawn=histories, capacity=st.integers(20, 120))
def test_every_event_is_in_one_window_that_begins_like_a_history(drawn: list[list[Event]], capacity: int) -> None:
    blocks = pack_blocks(build(drawn), RULE, capacity)
    seen: Counter[tuple[int, int]] = Counter()
    for number in range(len(blocks)):
        read = read_block(blocks, number)
        assert read.offsets[-1] <= capacity
        assert not read.lost.any()
        window = int(blocks.offsets[number])
        for low, high, entity, first in zip(read.offsets, read.offsets[1:], read.entities, read.firsts, strict=False):
            last = int(blocks.last[window])
            assert read.ids[low:high].tolist() == expected(drawn, int(entity) - 100, int(first), last)
            seen.update((int(entity) - 100, event) for event in range(int(first), last))
            window += 1
    assert seen == {(row, event): 1 for row, events in enumerate(drawn) for event in range(len(events))}


@pytest.mark.slow
@given(drawn=histories, capacity=st.integers(2, 30))
def test_blocks_of_positions_hold_a_header_and_the_events_of_each_window(
    drawn: list[list[Event]], capacity: int
) -> None:
    blocks = pack_blocks(build(drawn), RULE, capacity, "events")
    read = [read_block(blocks, number) for number in range(len(blocks))]
    assert all(len(part) + part.events.sum() <= capacity for part in read)
    assert sum(part.events.sum() for part in read) == sum(map(len, drawn))


def test_only_selected_rows_are_packed() -> None:
    whole = build([[(False, [1, 2])]] * 10)
    few = StoredHistories(whole.ids, whole.offsets, whole.starts, whole.event_offsets, whole.times, np.array([2, 5]), 0)
    blocks = pack_blocks(few, RULE, 64)
    assert sorted(concatenate(read_block(blocks, i) for i in range(len(blocks))).entities) == [2, 5]


def test_an_event_longer_than_a_block_is_cut_and_counted() -> None:
    blocks = pack_blocks(build([[(False, [1] * 40), (False, [2])]]), RULE, 16)
    read = [read_block(blocks, number) for number in range(len(blocks))]
    assert [part.lost.tolist() for part in read] == [[28], [0]]
    assert [len(part.ids) for part in read] == [16, 5]


def test_a_window_never_takes_more_room_than_was_planned() -> None:
    drawn: list[list[Event]] = [[(False, [1] * 6)] * 40] * 5
    longer = WindowRule(START, long_anchors)
    blocks = pack_blocks(build(drawn), longer, 52)
    windows = blocks.read(np.arange(len(blocks)), np.arange(len(blocks)))
    assert np.bincount(windows.rows, np.diff(windows.offsets)).max() <= 52
    full = (windows.firsts > 0).sum()
    assert windows.lost.sum() == full


def test_a_header_that_fills_a_block_leaves_its_history_out() -> None:
    blocks = pack_blocks(build([[(False, [1])]]), RULE, 3)
    assert (len(blocks), blocks.left_out) == (0, 1)


@pytest.mark.parametrize("longest", [5, 40, 400])
def test_little_room_is_wasted(longest: int) -> None:
    generator = np.random.default_rng(longest)
    lengths = generator.integers(1, longest + 1, 4000 // longest)
    drawn: list[list[Event]] = [[(False, [1] * 6)] * int(length) for length in lengths]
    blocks = pack_blocks(build(drawn), RULE, 256)
    used = sum(int(read_block(blocks, number).offsets[-1]) for number in range(len(blocks) - 1))
    assert used >= 0.97 * 256 * (len(blocks) - 1)


@pytest.mark.slow
@given(drawn=histories, rows=st.integers(1, 4))
def test_dense_rows_hold_the_windows_in_order_and_padding_at_the_end(drawn: list[list[Event]], rows: int) -> None:
    blocks = pack_blocks(build(drawn), RULE, 64)
    chosen = range(min(rows, len(blocks)))
    windows = concatenate(read_block(blocks, number, row) for row, number in enumerate(chosen))
    together = blocks.read(np.arange(len(chosen)), np.arange(len(chosen)))
    assert together.ids.tolist() == windows.ids.tolist()
    assert together.rows.tolist() == windows.rows.tolist()
    ids, documents = to_dense(windows, len(chosen), 64)
    for row in chosen:
        real = documents[row] >= 0
        assert not real[np.argmin(real) :].any() or real.all()
        assert (np.diff(documents[row][real]) >= 0).all()
        parts = [_window(windows.ids, windows.offsets, w) for w in np.flatnonzero(windows.rows == row)]
        assert ids[row][real].tolist() == np.concatenate(parts).tolist()


@pytest.mark.slow
@given(drawn=histories)
def test_refit_keeps_the_windows_within_their_rows(drawn: list[list[Event]]) -> None:
    blocks = pack_blocks(build(drawn), RULE, 64)
    windows, rows = refit(concatenate(read_block(blocks, number) for number in range(len(blocks))), 64)
    filled = np.bincount(windows.rows, np.diff(windows.offsets), rows)
    assert filled.max() <= 64
    assert filled.min() > 0


def _window(ids: NDArray[np.int64], offsets: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    return ids[offsets[number] : offsets[number + 1]]


@given(histories, st.sampled_from([8, 16, 64]), st.sampled_from(["tokens", "events"]))
def test_the_latest_events_that_fit_are_one_window(drawn: list[list[Event]], capacity: int, unit: Any) -> None:
    stored = build(drawn)
    blocks = pack_blocks(stored, RULE, capacity, unit, latest=True)
    assert sorted(blocks.history) == sorted(set(range(len(drawn))) - _too_long(stored, capacity, unit))
    sizes = np.diff(stored.event_offsets)
    assert (blocks.last == sizes[blocks.history]).all()
    if unit == "events":
        assert (blocks.last - blocks.first == np.minimum(sizes[blocks.history], capacity - 1)).all()


def _too_long(stored: StoredHistories, capacity: int, unit: str) -> set[int]:
    heads = stored.starts[stored.event_offsets[:-1]] if unit == "tokens" else np.ones(len(stored.offsets) - 1)
    return set(np.flatnonzero(heads >= capacity).tolist())


@given(histories, st.integers(1, 2))
def test_cut_histories_are_those_of_the_events_before(drawn: list[list[Event]], count: int) -> None:
    made, expected = (
        cut_events(build(drawn), count, 3),
        build([row[:-count] if len(row) >= 3 else row for row in drawn]),
    )
    for name in ("ids", "offsets", "starts", "event_offsets"):
        assert np.array_equal(getattr(made, name), getattr(expected, name)), name
