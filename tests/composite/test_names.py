"""Names, identities and tables of composites."""

from __future__ import annotations

import pytest
from composite_corpora import Corpus, corpora, plain
from hypothesis import given

from domaintoolkit.composite import Arrays, Segmenter, composite_keys, composite_names, heaviest, learn, share_emitted
from domaintoolkit.schema import Composite


def test_names_show_parts_and_the_events_they_belong_to() -> None:
    corpus, streams = plain([[[0, 1], [1, 0]]] * 9, 2)
    model = learn(streams, corpus.grammar, Composite(min_weight=0), len(corpus.names))
    names = composite_names(model, corpus.names, corpus.grammar)
    assert names[0] == "[{f0 0=0, f1 0=1}]"
    assert names[-1] == "[{f0 0=0, f1 0=1 > f0 0=1, f1 0=0}]"


def test_separators_within_a_name_are_escaped() -> None:
    corpus, streams = plain([[[0, 1]]] * 9, 2)
    model = learn(streams, corpus.grammar, Composite(min_weight=0), len(corpus.names))
    names = [name.replace("0=0", "0=a, b > c") for name in corpus.names]
    assert composite_names(model, names, corpus.grammar) == [r"[{f0 0=a\, b \> c, f1 0=1}]"]


@pytest.mark.slow
@given(corpora())
def test_names_and_keys_are_unique(drawn: tuple[Corpus, Arrays]) -> None:
    corpus, streams = drawn
    for directed in (True, False):
        spec = Composite(min_weight=0, directed=directed)
        model = learn(streams, corpus.grammar, spec, len(corpus.names))
        assert len(set(composite_names(model, corpus.names, corpus.grammar))) == len(model)
        assert len(set(composite_keys(model))) == len(model)


def test_the_heaviest_and_the_share_that_is_emitted() -> None:
    corpus, streams = plain([[[0, 1], [1, 0]]] * 9, 2)
    model = learn(streams, corpus.grammar, Composite(min_weight=0), len(corpus.names))
    rows = heaviest(model, corpus.names, corpus.grammar, 2)
    assert [row.weight for row in rows] == sorted(model.weights.tolist(), reverse=True)[:2]
    assert rows[0].count == 9
    segmented = Segmenter(model, corpus.grammar).greedy(streams)
    assert share_emitted(model, segmented.ids) == 1 / len(model)
    assert share_emitted(learn(streams, corpus.grammar, Composite(vocabulary_size=0), 99), segmented.ids) == 1
