"""The parser against a plain one, on whole, cut and broken streams of drawn schemas."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_grammar import grammar, streams

import domaintoolkit as dt
from domaintoolkit.errors import DecodeError
from domaintoolkit.grammar import Place, Syntax, parse_spans
from domaintoolkit.testing.strategies import cases

RULES = grammar()

Span = tuple[int, int, int]
"""Where it begins, its length and its place."""
Fault = tuple[int, int]
"""Stream and position."""


def parse_plainly(ids: list[int], offsets: list[int], rules: Syntax, cut: bool) -> list[Span] | Fault:
    """Token by token; of several faults [BOS] comes first, then the order of parts, then continuations."""
    bounds = list(pairwise(offsets))
    for stream, (low, high) in enumerate(bounds):
        if low == high:
            return stream, 0
    for stream, (low, high) in enumerate(bounds):
        for at in range(low, high):
            if (rules.place[ids[at]] == Place.BOS) != (at == low):
                return stream, at - low
    for stream, (low, high) in enumerate(bounds):
        fault = disorder([ids[at] for at in range(low, high)], rules, cut)
        if fault is not None:
            return stream, fault
    spans: list[Span] = []
    for stream, (low, high) in enumerate(bounds):
        for at in range(low, high):
            place = int(rules.place[ids[at]])
            if begins_span(ids[at], rules):
                spans.append((at, 1, place))
                continue
            begin, length, owner = spans[-1]
            if owner < 0 or place not in (owner, Place.BYTE):
                return stream, at - low
            spans[-1] = begin, length + 1, owner
    return spans


def disorder(stream: list[int], rules: Syntax, cut: bool) -> int | None:
    """The position of the first token that begins what may not come there; the last token if something lacks."""
    following, opened, events = 0, False, 0
    for at, token in enumerate(stream[1:], 1):
        if not begins_span(token, rules):
            continue
        whole = following == rules.parts
        if rules.place[token] == Place.SESSION:
            if not whole or opened:
                return at
            opened, following = True, rules.header_parts
            continue
        place = int(rules.place[token])
        if place != (rules.header_parts if whole else following):
            return at
        events += place == rules.header_parts
        following, opened = place + int(rules.fills[token]), False
    if following == rules.parts or (following == rules.header_parts and not opened and not events):
        return None
    return None if cut and following >= rules.header_parts else len(stream) - 1


def begins_span(token: int, rules: Syntax) -> bool:
    return bool(rules.start[token]) or rules.place[token] in (Place.BOS, Place.SESSION)


def parse(ids: Any, offsets: Any, rules: Syntax, cut: bool) -> list[Span] | Fault:
    try:
        found = parse_spans(ids, offsets, rules, cut)
    except DecodeError as error:
        return int(error.stream or 0), int(error.position or 0)
    assert found.firsts.tolist() == ids[found.begins].tolist()
    return list(zip(found.begins.tolist(), found.lengths.tolist(), found.places.tolist(), strict=True))


@st.composite
def broken(draw: st.DrawFn, ids: Any, offsets: Any, rules: Syntax) -> tuple[Any, Any]:
    """A token left out, put in or replaced, or a stream cut short; still the same number of streams."""
    stream = draw(st.integers(0, len(offsets) - 2))
    at = draw(st.integers(int(offsets[stream]), int(offsets[stream + 1]) - 1))
    base = np.flatnonzero((rules.place != Place.COMPOSITE) & (rules.place != Place.PAD) & (rules.place != Place.OTHER))
    token = int(draw(st.sampled_from(base)))
    match draw(st.sampled_from(["delete", "insert", "replace", "cut"])):
        case "delete":
            changed = np.delete(ids, at)
        case "insert":
            changed = np.insert(ids, at, token)
        case "replace":
            changed = ids.copy()
            changed[at] = token
        case _:
            changed = np.delete(ids, slice(at + 1, int(offsets[stream + 1])))
    bounds = np.array(offsets)
    bounds[stream + 1 :] += len(changed) - len(ids)
    return changed, bounds


@given(st.data(), st.integers(1, 4), st.integers(0, 10**6), st.booleans())
def test_streams_whole_and_broken_parse_as_they_do_plainly(data: Any, count: int, seed: int, cut: bool) -> None:
    ids, offsets, _ = streams(RULES, count, seed)
    for _ in range(data.draw(st.integers(0, 2))):
        if (np.diff(offsets) > 0).all():
            ids, offsets = data.draw(broken(ids, offsets, RULES))
    assert parse(ids, offsets, RULES, cut) == parse_plainly(ids.tolist(), offsets.tolist(), RULES, cut)


@pytest.mark.slow
@given(cases(), st.data())
def test_what_a_tokenizer_encodes_parses_as_it_does_plainly(case: Any, data: Any) -> None:
    schema, seen, rows = case
    tokenizer = dt.DomainTokenizer(schema).fit(seen)
    made = tokenizer.encode(rows, on_bad_rows="quarantine")
    rules, ids, offsets = tokenizer.grammar, made.ids, made.offsets
    expected = parse_plainly(ids.tolist(), offsets.tolist(), rules, cut=False)
    assert parse(ids, offsets, rules, cut=False) == expected
    assert parse(ids, offsets, rules, cut=True) == expected
    events = parse_spans(ids, offsets, rules).index(offsets)
    assert events.starts.tolist() == made.event_starts.tolist()
    assert events.offsets.tolist() == made.event_offsets.tolist()
    if len(made):
        ids, offsets = data.draw(broken(ids, offsets, rules))
        assert parse(ids, offsets, rules, cut=False) == parse_plainly(ids.tolist(), offsets.tolist(), rules, cut=False)


@given(st.integers(1, 5), st.integers(0, 10**6))
def test_spans_know_their_stream_and_event(count: int, seed: int) -> None:
    ids, offsets, counts = streams(RULES, count, seed)
    spans = parse_spans(ids, offsets, RULES)
    assert spans.streams.tolist() == (np.searchsorted(offsets, spans.begins, "right") - 1).tolist()
    events = spans.index(offsets)
    assert np.diff(events.offsets).tolist() == counts
    of_event = spans.places >= RULES.header_parts
    assert spans.events[of_event].tolist() == (
        np.searchsorted(events.starts, spans.begins[of_event], "right") - 1
    ).tolist()  # fmt: skip


@pytest.mark.parametrize(("token", "reason"), [("pad", "padding"), ("unknown", "no token has the id 100000")])
def test_what_no_stream_holds_is_named(token: str, reason: str) -> None:
    ids, offsets, _ = streams(RULES, 3, 5, shortest=1)
    at = int(offsets[1]) + 3
    wrong = np.insert(ids, at, RULES.pad if token == "pad" else 100_000)
    with pytest.raises(DecodeError, match=f"stream 1, position 3: {reason}"):
        parse_spans(wrong, offsets + (np.arange(4) > 1), RULES)
