from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.finetune.objectives import Objective

RANKING = Objective("ranking", "t", (), 0.0, 1.0, ())


def test_a_ranking_is_scored_within_its_groups() -> None:
    groups = np.array([0, 0, 0, 1, 1])
    values = np.array([3.0, 2.0, 1.0, 5.0, 9.0])
    right = RANKING.score(np.array([[3.0], [2.0], [1.0], [0.0], [1.0]]), values, groups)
    assert right == {"concordance": 1.0, "ndcg": 1.0}
    wrong = RANKING.score(np.array([[3.0], [2.0], [1.0], [1.0], [0.0]]), values, groups)
    assert wrong["concordance"] == pytest.approx(3 / 4)


def test_probabilities_add_up_and_begin_with_the_plain_shares() -> None:
    shares = Objective("multiclass", "t", ("a", "b", "c"), 0.0, 1.0, (0.5, 0.3, 0.2))
    assert shares.predict(shares.start().double().numpy()[None])[0] == pytest.approx([0.5, 0.3, 0.2])
    binary = Objective("binary", "t", ("no", "yes"), 0.0, 1.0, (0.9, 0.1))
    assert binary.predict(binary.start().double().numpy()[None])[0] == pytest.approx([0.9, 0.1])
    assert binary.constant(2)[1] == pytest.approx([0.9, 0.1])
