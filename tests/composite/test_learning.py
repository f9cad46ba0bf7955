"""Construction against a slow and obvious one, and against itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from composite_corpora import SESSION, Corpus, corpora, plain
from composite_reference import Node, Reference
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.composite import Arrays, CompositeModel, Segmenter, extend, learn
from domaintoolkit.composite.learning import make_shares
from domaintoolkit.schema import Composite


def chains_of(corpus: Corpus, streams: Arrays, across: bool) -> list[list[Node]]:
    """The sets of the streams, by the rule: a part is inside as a whole or not at all."""
    grammar, chains = corpus.grammar, []
    for i in range(len(streams.offsets) - 1):
        starts = streams.event_starts[streams.event_offsets[i] : streams.event_offsets[i + 1]].tolist()
        joined = False
        for event, (begin, end) in enumerate(zip(starts, [*starts[1:], streams.offsets[i + 1]], strict=False)):
            runs: list[list[int]] = []
            tokens = streams.ids[begin:end].tolist()
            opens = tokens[0] == SESSION
            for token in tokens[opens:]:
                if grammar.start[token]:
                    runs.append([])
                runs[-1].append(token)
            inside = [run for run in runs if all(grammar.fusible[token] for token in run)]
            node = Node(event, [token for run in inside for token in run], len(inside) < len(runs))
            if not (joined and across and node.tokens and not opens):
                chains.append([])
            chains[-1].append(node)
            joined = bool(node.tokens)
    return chains


@st.composite
def specs(draw: st.DrawFn) -> Composite:
    return Composite(
        vocabulary_size=draw(st.integers(0, 60)),
        min_weight=draw(st.sampled_from([0.0, 1.0, 2.5])),
        across_events=draw(st.booleans()),
        directed=draw(st.booleans()),
    )


@pytest.mark.slow
@settings(max_examples=150)
@given(corpora(), specs())
def test_merges_are_those_of_the_reference(drawn: tuple[Corpus, Arrays], spec: Composite) -> None:
    corpus, streams = drawn
    base = len(corpus.names)
    model = learn(streams, corpus.grammar, spec, base, recount_every=1)
    slow = Reference(chains_of(corpus, streams, spec.across_events), spec.directed)
    expected = slow.learn(base, spec.vocabulary_size, spec.min_weight)
    assert model.merges[:, :3].tolist() == [list(row[:3]) for row in expected]
    assert model.counts.tolist() == [row[4] for row in expected]
    np.testing.assert_allclose(model.weights, [row[3] for row in expected], rtol=1e-12)
    assert model.ids.tolist() == list(range(base, base + len(model)))


@pytest.mark.slow
@given(corpora(), specs(), st.integers(0, 20))
def test_extending_keeps_every_merge(drawn: tuple[Corpus, Arrays], spec: Composite, more: int) -> None:
    corpus, streams = drawn
    base = len(corpus.names)
    model = learn(streams, corpus.grammar, spec, base)
    further = Composite(vocabulary_size=more, min_weight=0, directed=spec.directed, across_events=spec.across_events)
    longer = extend(model, streams, corpus.grammar, further, base + len(model) + 7, recount_every=1)
    assert longer.merges[: len(model)].tolist() == model.merges.tolist()
    assert longer.weights[: len(model)].tolist() == model.weights.tolist()
    assert (longer.ids[len(model) :] >= base + len(model) + 7).all()
    assert longer == CompositeModel.from_json(longer.to_json())


def test_exhausting_the_corpus_stops_cleanly() -> None:
    corpus, streams = plain([[[0, 1], [1, 0], [0, 1]]], 2)
    model = learn(streams, corpus.grammar, Composite(vocabulary_size=1000, min_weight=0), len(corpus.names))
    assert 0 < len(model) < 10
    assert len(Segmenter(model, corpus.grammar).greedy(streams).ids) == 2


def test_a_huge_minimum_weight_learns_nothing() -> None:
    corpus, streams = plain([[[0, 1], [1, 0]]], 2)
    assert len(learn(streams, corpus.grammar, Composite(min_weight=1e300), len(corpus.names))) == 0


@pytest.mark.parametrize("largest", [1, 5, 17, 64])
def test_shares_are_exact_or_close_and_never_overflow(largest: int) -> None:
    share, scale = make_shares(largest, 1_000_000)
    assert scale * 2 * 1_000_001 < 1 << 62
    sizes = np.arange(1, largest + 1)
    np.testing.assert_allclose(share[1:, 1:] / scale, 1 / np.outer(sizes, sizes), rtol=1e-8)


@pytest.mark.slow
def test_importing_composites_does_not_import_numba() -> None:
    code = "import sys, domaintoolkit.composite; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_merge_is_made_once_the_loop_is_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, streams = plain([[[0, 1], [0, 1]]] * 3, 2)
    spec, base = Composite(vocabulary_size=3, min_weight=0.0), len(corpus.names)
    whole = learn(streams, corpus.grammar, spec, base)
    assert len(whole) > 0
    module = sys.modules["domaintoolkit.composite.learning"]
    monkeypatch.setattr(module, "run_interruptible", lambda loop: loop(np.ones(1, np.bool_)))
    assert len(learn(streams, corpus.grammar, spec, base)) == 0
    further = extend(whole, streams, corpus.grammar, spec, base + len(whole))
    assert len(further) == len(whole)
