"""Segmentation and the way back."""

from __future__ import annotations

import pickle
from copy import deepcopy

import numpy as np
import pytest
from composite_corpora import Corpus, corpora, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.composite import Arrays, CompositeModel, Segmenter, interpret, learn
from domaintoolkit.errors import DecodeError
from domaintoolkit.schema import Composite


def segmenter(corpus: Corpus, streams: Arrays, threads: int = 1, **options: object) -> Segmenter:
    spec = Composite(**{"vocabulary_size": 200, "min_weight": 0.0, **options})
    return Segmenter(learn(streams, corpus.grammar, spec, len(corpus.names)), corpus.grammar, threads=threads)


def assert_same(found: Arrays, expected: Arrays) -> None:
    for name, one, other in zip(Arrays._fields, found, expected, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)


def histories(streams: Arrays, chosen: list[int]) -> Arrays:
    """Some of the histories, one after another."""
    ids = [streams.ids[streams.offsets[i] : streams.offsets[i + 1]] for i in chosen]
    starts, at, events = [], 0, [0]
    for i, own in zip(chosen, ids, strict=True):
        own_starts = streams.event_starts[streams.event_offsets[i] : streams.event_offsets[i + 1]]
        starts.append(own_starts - streams.offsets[i] + at)
        at += len(own)
        events.append(events[-1] + len(own_starts))
    return Arrays(
        np.concatenate([streams.ids[:0], *ids]),
        np.cumsum([0, *map(len, ids)]),
        np.concatenate([np.zeros(0, np.int64), *starts]),
        np.array(events),
    )


@pytest.mark.slow
@settings(max_examples=150)
@given(corpora(), st.booleans(), st.booleans(), st.integers(0, 2**64 - 1))
def test_streams_expand_to_exactly_the_base_tokens(
    drawn: tuple[Corpus, Arrays], across: bool, directed: bool, seed: int
) -> None:
    corpus, streams = drawn
    tool = segmenter(corpus, streams, across_events=across, directed=directed or across)
    for segmented in (tool.greedy(streams), tool.spr(streams, seed=seed), streams):
        assert_same(tool.expand(segmented.ids, segmented.offsets), streams)
        assert len(segmented.ids) <= len(streams.ids)
        assert (np.diff(segmented.event_starts) >= 0).all()


@pytest.mark.slow
@settings(max_examples=10)
@given(corpora(), st.booleans())
def test_interpreted_loops_do_what_compiled_ones_do(drawn: tuple[Corpus, Arrays], across: bool) -> None:
    corpus, streams = drawn
    tool = segmenter(corpus, streams, across_events=across)
    with interpret():
        other = segmenter(corpus, streams, across_events=across)
        found = [other.greedy(streams), other.spr(streams, seed=3)]
        expanded = other.expand(found[0].ids, found[0].offsets)
    np.testing.assert_array_equal(other.model.merges, tool.model.merges)
    for one, two in zip(found, (tool.greedy(streams), tool.spr(streams, seed=3)), strict=True):
        assert_same(one, two)
    assert_same(expanded, streams)


@pytest.mark.slow
@settings(max_examples=100)
@given(corpora(), st.data())
def test_streams_that_were_not_learned_from_expand_too(drawn: tuple[Corpus, Arrays], data: st.DataObject) -> None:
    corpus, streams = drawn
    n = len(streams.offsets) - 1
    learned = histories(streams, data.draw(st.lists(st.integers(0, n - 1), max_size=3)) if n else [])
    tool = Segmenter(segmenter(corpus, learned).model, corpus.grammar)
    for segmented in (tool.greedy(streams), tool.spr(streams, seed=data.draw(st.integers(0, 99)))):
        assert_same(tool.expand(segmented.ids, segmented.offsets), streams)


@given(corpora(most=12), st.data())
def test_a_history_is_segmented_alone_as_among_others(drawn: tuple[Corpus, Arrays], data: st.DataObject) -> None:
    corpus, streams = drawn
    n = len(streams.offsets) - 1
    tool = segmenter(corpus, streams)
    chosen = data.draw(st.lists(st.integers(0, n - 1), max_size=4)) if n else []
    some = histories(streams, chosen)
    keys = np.arange(n) * 7919
    assert_same(tool.greedy(some), histories(tool.greedy(streams), chosen))
    alone = tool.spr(some, seed=5, epoch=3, keys=keys[chosen])
    assert_same(alone, histories(tool.spr(streams, seed=5, epoch=3, keys=keys), chosen))


def many(events: int = 20, count: int = 600) -> tuple[Corpus, Arrays]:
    random = np.random.default_rng(1)
    kinds = random.integers(0, 4, (count, events, 1))
    return plain(((random.integers(0, 3, (count, events, 4)) + kinds) % 5).tolist(), 5)


@pytest.mark.slow
def test_threads_and_epochs() -> None:
    corpus, streams = many()
    one, two = segmenter(corpus, streams, 1), segmenter(corpus, streams, 3)
    assert_same(one.greedy(streams), two.greedy(streams))
    assert_same(one.spr(streams, seed=1), two.spr(streams, seed=1))
    first, second = one.spr(streams, seed=1, epoch=0), one.spr(streams, seed=1, epoch=1)
    assert not np.array_equal(first.ids, second.ids)
    assert not np.array_equal(first.ids, one.spr(streams, seed=2).ids)
    assert len(one.greedy(streams).ids) < len(first.ids) < len(streams.ids)


def test_a_segmenter_travels_to_other_processes() -> None:
    corpus, streams = many(events=5, count=20)
    tool = segmenter(corpus, streams)
    before = tool.greedy(streams)
    assert_same(pickle.loads(pickle.dumps(tool)).greedy(streams), before)
    assert_same(deepcopy(tool).spr(streams, seed=1), tool.spr(streams, seed=1))


def test_permutations_are_uniform() -> None:
    corpus, streams = plain([[[0, 1, 2, 3]]] * 24_000, 4)
    nothing = learn(streams, corpus.grammar, Composite(vocabulary_size=0), len(corpus.names))
    shuffled = Segmenter(nothing, corpus.grammar).spr(streams, seed=3)
    _, counts = np.unique(shuffled.ids.reshape(-1, 5)[:, 1:], axis=0, return_counts=True)
    assert len(counts) == 24
    assert ((counts - 1000) ** 2 / 1000).sum() < 60


def test_undirected_streams_across_events_do_not_expand() -> None:
    corpus, streams = many(count=5)
    tool = segmenter(corpus, streams, directed=False)
    segmented = tool.greedy(streams)
    assert len(segmented.ids) < len(streams.ids)
    assert len(tool.spr(streams, seed=1).ids) < len(streams.ids)
    with pytest.raises(DecodeError, match="undirected"):
        tool.expand(segmented.ids, segmented.offsets)


@pytest.mark.parametrize("vocabulary_size", [1, 255, 70_000])
def test_ids_keep_their_type_while_they_fit(vocabulary_size: int) -> None:
    corpus, streams = many(count=5)
    model = learn(streams, corpus.grammar, Composite(vocabulary_size=20), vocabulary_size + len(corpus.names))
    kind = np.uint16 if vocabulary_size < 60_000 else np.uint32
    tool = Segmenter(model, corpus.grammar)
    assert tool.greedy(streams).ids.dtype == kind
    np.testing.assert_array_equal(tool.expand(*tool.greedy(streams)[:2]).ids, streams.ids)


@pytest.mark.slow
@settings(max_examples=300)
@given(corpora(), st.data())
def test_ids_that_are_no_stream_are_refused_or_canonical(drawn: tuple[Corpus, Arrays], data: st.DataObject) -> None:
    corpus, streams = drawn
    tool = segmenter(corpus, streams, vocabulary_size=20)
    ids = np.array(data.draw(st.lists(st.integers(0, tool.size), max_size=12)), np.int64)
    try:
        found = tool.expand(ids, np.array([0, len(ids)]))
    except DecodeError:
        return
    assert_same(tool.expand(found.ids, found.offsets), found)


@pytest.mark.slow
def test_the_kind_of_the_arrays_neither_matters_nor_compiles_anything_again() -> None:
    from domaintoolkit.composite.kernels import construction as _learn
    from domaintoolkit.composite.kernels import expansion as _expand
    from domaintoolkit.composite.kernels import greedy as _greedy
    from domaintoolkit.composite.kernels import spr as _spr

    corpus, streams = many(count=5)
    for kind in (np.uint16, np.uint32, np.int32, np.int64):
        arrays = Arrays(streams.ids.astype(kind), *(column.copy() for column in streams[1:]))
        for column in arrays:
            column.flags.writeable = False
        tool = segmenter(corpus, arrays)
        segmented = tool.greedy(arrays)
        tool.spr(arrays, seed=0)
        for column in segmented:
            column.flags.writeable = False
        np.testing.assert_array_equal(tool.expand(*segmented[:2]).ids, streams.ids)
    for entry in (_learn.learn, _greedy.segment_greedy, _spr.segment_spr, _expand.expand):
        assert len(entry.signatures) == 1  # type: ignore[attr-defined]


def test_composites_of_composites_name_their_events() -> None:
    corpus, streams = plain([[[0, 1], [1, 0]]] * 9, 2)
    model = learn(streams, corpus.grammar, Composite(min_weight=0), len(corpus.names))
    assert isinstance(model, CompositeModel)
    assert [piece.event for piece in model.pieces[-1]] == [0, 0, 1, 1]
