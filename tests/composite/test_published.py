"""Vocabularies in the published format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from composite_corpora import plain

from domaintoolkit.composite import PublishedVocabulary, Segmenter, learn
from domaintoolkit.errors import ArtifactError
from domaintoolkit.schema import Composite

TOKENS = [[-1, -1], [0, 0], [0, 1], [1, 0], [1, 1], [-1, 1, 4], [-1, 2, 5]]
DATA = {"n_categories": 2, "n_init_feats": 5, "token2feat": TOKENS, "priority": [0, 0, 0, 0, 0, 3.5, 2.0]}


def test_a_published_vocabulary_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "actionpiece.json"
    path.write_text(json.dumps(DATA))
    vocabulary = PublishedVocabulary.load(path)
    assert vocabulary.features == ((0, 0), (0, 1), (1, 0), (1, 1))
    corpus, streams = plain([[[0, 1], [1, 0]]] * 3, 2)
    ids = [corpus.of_field[field]["part0"][value] for field, value in vocabulary.features]
    model = vocabulary.model(ids, 100)
    assert model.weights.tolist() == [3.5, 2.0]
    segmented = Segmenter(model, corpus.grammar).greedy(streams)
    last = corpus.of_field[1]["part0"][0]
    assert segmented.ids.tolist() == [0, 101, last] * 3


def test_merges_learned_here_come_back_from_the_published_format() -> None:
    corpus, streams = plain([[[0, 1], [1, 0], [0, 0]]] * 5, 2)
    model = learn(streams, corpus.grammar, Composite(directed=False, min_weight=0), len(corpus.names))
    values = [[field, value] for field in range(2) for value in range(2)]
    ids = [corpus.of_field[field]["part0"][value] for field, value in values]
    position = {token: 1 + i for i, token in enumerate([*ids, *model.ids.tolist()])}
    merges = [[-1, position[left], position[right]] for left, right in model.merges[:, :2].tolist()]
    data = {
        "n_init_feats": 5,
        "token2feat": [[-1, -1], *values, *merges],
        "priority": [0] * 5 + model.weights.tolist(),
    }
    again = PublishedVocabulary.from_json(data).model(ids, len(corpus.names))
    np.testing.assert_array_equal(again.merges, model.merges)


@pytest.mark.parametrize(
    "change",
    [
        {"token2feat": [[-1, -1], [0]]},
        {"token2feat": [*TOKENS[:5], [-1, 1, 5], [-1, 1, 2]]},
        {"priority": [0]},
        {"n_init_feats": "many"},
        {"n_init_feats": 0},
    ],
)
def test_anything_else_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({**DATA, **change}))
    with pytest.raises(ArtifactError, match=r"bad\.json"):
        PublishedVocabulary.load(path)


def test_a_missing_file_and_no_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        PublishedVocabulary.load(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(ArtifactError):
        PublishedVocabulary.load(tmp_path / "text.json")
