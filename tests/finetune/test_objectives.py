from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.finetune.objectives import Objective, find_objective
from domaintoolkit.labels.label_task import LabelTask

RANKING = Objective("ranking", "t", (), 0.0, 1.0, ())


def test_a_ranking_is_scored_within_its_groups() -> None:
    groups = np.array([0, 0, 0, 1, 1])
    values = np.array([3.0, 2.0, 1.0, 5.0, 9.0])
    right = RANKING.score(np.array([[3.0], [2.0], [1.0], [0.0], [1.0]]), values, groups, np.ones(5))
    assert right == {"concordance": 1.0, "ndcg": 1.0}
    wrong = RANKING.score(np.array([[3.0], [2.0], [1.0], [1.0], [0.0]]), values, groups, np.ones(5))
    assert wrong["concordance"] == pytest.approx(3 / 4)


def test_probabilities_add_up_and_begin_with_the_plain_shares() -> None:
    shares = Objective("multiclass", "t", ("a", "b", "c"), 0.0, 1.0, (0.5, 0.3, 0.2))
    assert shares.predict(shares.start().double().numpy()[None])[0] == pytest.approx([0.5, 0.3, 0.2])
    binary = Objective("binary", "t", ("no", "yes"), 0.0, 1.0, (0.9, 0.1))
    assert binary.predict(binary.start().double().numpy()[None])[0] == pytest.approx([0.9, 0.1])
    assert binary.constant(2)[1] == pytest.approx([0.9, 0.1])


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_row_of_weight_two_counts_as_two_rows(kind: str) -> None:
    random = np.random.default_rng(0)
    classes = {"binary": 2, "multiclass": 3}.get(kind, 0)
    values = random.integers(0, classes, 40).astype(float) if classes else random.normal(size=40)
    weights = random.integers(0, 3, 40)
    twice = np.repeat(np.arange(40), weights)
    names = tuple("abc"[:classes])
    task = LabelTask("t", kind, names, np.arange(40), values)  # type: ignore[arg-type]
    again = LabelTask("t", kind, names, np.arange(len(twice)), values[twice])  # type: ignore[arg-type]
    weighed = find_objective(task, weights > 0, weights.astype(float), ranking=False)
    repeated = find_objective(again, np.ones(len(twice), bool), np.ones(len(twice)), ranking=False)
    assert weighed.base == pytest.approx(repeated.base)
    assert (weighed.center, weighed.scale) == pytest.approx((repeated.center, repeated.scale))
    raw = random.normal(size=(40, weighed.outputs))
    found = weighed.score(weighed.predict(raw), values, np.zeros(40, np.int64), weights.astype(float))
    other = weighed.score(
        weighed.predict(raw[twice]), values[twice], np.zeros(len(twice), np.int64), np.ones(len(twice))
    )
    assert found == pytest.approx(other)
