"""The model as JSON."""

from __future__ import annotations

from typing import Any

import pytest
from composite_corpora import plain

from domaintoolkit.composite import CompositeModel, learn
from domaintoolkit.errors import ArtifactError
from domaintoolkit.schema import Composite


def model() -> CompositeModel:
    corpus, streams = plain([[[0, 1], [1, 0]]] * 9, 2)
    return learn(streams, corpus.grammar, Composite(min_weight=0, fields=("f0", "f1")), len(corpus.names))


def test_a_model_comes_back_from_json() -> None:
    found = model()
    again = CompositeModel.from_json(found.to_json())
    assert again == found
    assert again != CompositeModel.from_json({**found.to_json(), "directed": False})
    assert again.fields == ("f0", "f1")


@pytest.mark.parametrize(
    "change",
    [
        {"merges": [[1, 2]]},
        {"merges": "x"},
        {"merges": [[90, 91, 0, 12]] * 3},
        {"merges": [[1, 2, 0, 12], [1, 2, 2, 13], [1, 2, 0, 14]]},
        {"merges": [[1, 2, 0, 12], [1, -2, 0, 13], [1, 2, 0, 14]]},
        {"merges": [[1, 2, 0, 12], [1, 20, 0, 13], [1, 2, 0, 14]]},
        {"weights": [1.0]},
        {"levels": [[1, 2, 3]]},
    ],
)
def test_damaged_json_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError):
        CompositeModel.from_json({**model().to_json(), **change})


def test_missing_entries_are_refused() -> None:
    with pytest.raises(ArtifactError):
        CompositeModel.from_json({})
