"""Real histories are allowed, with composites and without, and come back as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_shop import schemas, table

import domaintoolkit as dt
from domaintoolkit.generate.constraints.canonical_histories import CanonicalHistories
from domaintoolkit.generate.constraints.composite_next_tokens import ComposedWriter
from domaintoolkit.generate.constraints.next_tokens import OrderedWriter


@pytest.mark.slow
@settings(max_examples=8)
@given(schemas(), st.integers(0, 9), st.sampled_from([0.1, 1.0]), st.booleans())
def test_segmented_histories_are_allowed_and_read_back(schema: dt.Schema, seed: int, weight: float, spr: bool) -> None:
    schema = replace(schema, composite=dt.Composite(vocabulary_size=60, min_weight=weight))
    tokenizer = dt.DomainTokenizer(schema, threads=1).fit(table(seed))
    assume(tokenizer.composites is not None and len(tokenizer.composites))
    assert tokenizer.segmenter is not None
    checks = CanonicalHistories(tokenizer)
    ordered = OrderedWriter(checks.tables, checks.time_field, schema.has_sessions, gap=schema.gap)
    writer = ComposedWriter(ordered, tokenizer.segmenter.model)
    streams = tokenizer.encode(table(seed))
    made = streams.composites("spr", seed=seed) if spr else streams.composites()
    for base, stream in zip(streams, made, strict=True):
        ids, header = stream.tolist(), 1 + writer.header
        state = ordered.begin()
        for token in ids[1:header]:
            assert ordered.mask_next(state)[token]
            state = ordered.after(state, token)
        out, now = ids[:header], writer.end_event(state)
        for token in ids[header:]:
            assert writer.mask_next(now)[token], tokenizer.vocabulary.names[token]
            now = writer.after(now, token)
            out += [each for event in now.finished for each in event]
        assert writer.is_complete(now)
        assert [*out, *writer.event(now)] == base.tolist()


@pytest.mark.slow
@settings(max_examples=5)
@given(schemas(), st.integers(0, 9), st.booleans())
def test_real_histories_are_allowed_token_by_token(schema: dt.Schema, seed: int, staged: bool) -> None:
    tokenizer = dt.DomainTokenizer(schema, threads=1).fit(table(seed))
    checks = CanonicalHistories(tokenizer)
    writer = OrderedWriter(checks.tables, checks.time_field, schema.has_sessions, staged, schema.gap)
    for stream in tokenizer.encode(table(seed)):
        state = writer.begin()
        for token in stream[1:].tolist():
            while not writer.mask_next(state)[token]:
                assert writer.mask_next(state)[writer.skip], tokenizer.vocabulary.names[token]
                state = writer.after(state, writer.skip)
            state = writer.after(state, token)
        assert writer.mask_after_event(state).any() or not writer.mask_next(state).any()
