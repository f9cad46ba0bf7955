"""Beginnings of histories as windows: each holds the latest events of its prefix, and nothing after them counts."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
import train_folders
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.windows.packing import StoredHistories
from domaintoolkit.windows.prefixes import Prefixes, ReadingRule, bare_headers, prefix_windows
from domaintoolkit.windows.window_rule import plain_rule, window_rule

TABLE = train_folders.rows(6, 14)
TOKENIZER = train_folders.tokenizer(TABLE)
RULE = window_rule(TOKENIZER)
PLACE = TOKENIZER.grammar.place


def stored(table: object) -> StoredHistories:
    streams = TOKENIZER.encode(table)
    first = np.repeat(streams.offsets[:-1], np.diff(streams.event_offsets))
    starts = streams.event_starts - first
    return StoredHistories(
        streams.ids, streams.offsets, starts, streams.event_offsets, streams.times, np.arange(len(streams))
    )


HISTORIES = stored(TABLE)
COUNTS = np.diff(HISTORIES.event_offsets)


@settings(max_examples=20)
@given(st.sampled_from(["tokens", "events"]), st.integers(12, 90), st.booleans(), st.booleans())
def test_a_window_holds_the_latest_events_of_its_prefix(
    unit: Literal["tokens", "events"], capacity: int, alone: bool, plain: bool
) -> None:
    capacity = capacity // 6 if unit == "events" else capacity
    rule = ReadingRule(plain_rule(TOKENIZER.grammar) if plain else RULE, capacity, unit, alone)
    rows = np.repeat(np.arange(len(COUNTS)), COUNTS)
    events = np.concatenate([np.arange(1, count + 1) for count in COUNTS])
    shuffle = np.random.default_rng(0).permutation(len(rows))
    rows, events = rows[shuffle], events[shuffle]
    found = prefix_windows(HISTORIES, Prefixes(rows, events, np.zeros(len(rows), np.int64)), rule)
    for i, (row, count) in enumerate(zip(rows, events, strict=True)):
        window = found.ids[found.offsets[found.window[i]] : found.offsets[found.window[i] + 1]]
        whole = HISTORIES.ids[HISTORIES.offsets[row] : HISTORIES.offsets[row + 1]]
        starts = [*HISTORIES.starts[slice(*HISTORIES.event_offsets[row : row + 2])], len(whole)]
        end, first = starts[count], count - found.known[i]
        assert found.known[i] >= 1
        # the last token of the prefix, unless one event is too long for a window; the first event of a later window has
        # no time since the event before
        size = (starts[count] - starts[first] if unit == "tokens" else found.known[i]) + 1
        if size + starts[0] <= capacity and (first == 0 or found.known[i] > 1):
            assert window[found.last[i]] == whole[end - 1]
        assert len(window) <= capacity + 3 or unit == "events"
        # at least half of the room is used, as far as whole events can
        if first > 0 and unit == "events":
            assert found.known[i] >= min(count, (capacity - 1) // 2)
            assert found.known[i] <= max(1, capacity - 1)
        assert (window == TOKENIZER.grammar.bos).sum() == 1
        assert len(np.unique(found.window)) == len(rows) if alone else True


@settings(max_examples=20)
@given(st.sampled_from(["tokens", "events"]), st.integers(8, 60), st.integers(1, 12))
def test_the_window_of_a_prefix_follows_from_the_prefix_alone(
    unit: Literal["tokens", "events"], capacity: int, count: int
) -> None:
    rule = ReadingRule(RULE, capacity, unit)
    rows = np.flatnonzero(count <= COUNTS)
    users = TABLE["user"].to_pylist()
    kept, seen = [], dict.fromkeys(users, 0)
    for row, user in enumerate(users):
        seen[user] += 1
        if seen[user] <= count:
            kept.append(row)
    cut = stored(TABLE.take(kept))
    prefixes = Prefixes(rows, np.full(len(rows), count), np.zeros(len(rows), np.int64))
    one, other = prefix_windows(HISTORIES, prefixes, rule), prefix_windows(cut, prefixes, rule)
    for name in ("ids", "offsets", "last", "known"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()


def test_a_header_without_events_has_the_anchor_of_its_date() -> None:
    day = 86_400_000_000
    prefixes = Prefixes(np.array([2, 0]), np.zeros(2, np.int64), np.array([18_262 * day, 18_700 * day]))
    ids, offsets = bare_headers(HISTORIES, prefixes, RULE)
    texts = [TOKENIZER.vocabulary.decode(ids[low:high]) for low, high in pairwise(offsets)]
    assert texts[0][-3:] == ["[anchor year=2020]", "[anchor month=1]", "[anchor day=1]"]
    assert texts[1][-3:] == ["[anchor year=2021]", "[anchor month=3]", "[anchor day=14]"]
    own = TOKENIZER.vocabulary.decode(HISTORIES.ids[: HISTORIES.starts[0]])
    assert texts[1][:-3] == own[: len(texts[1]) - 3]
    assert (
        bare_headers(HISTORIES, prefixes, plain_rule(TOKENIZER.grammar))[0].tolist()[-1]
        == HISTORIES.ids[HISTORIES.starts[0] - 1]
    )


@pytest.mark.parametrize("unit", ["tokens", "events"])
def test_no_prefixes_have_no_windows(unit: Literal["tokens", "events"]) -> None:
    none = np.zeros(0, np.int64)
    assert len(prefix_windows(HISTORIES, Prefixes(none, none, none), ReadingRule(RULE, 20, unit)).ids) == 0
