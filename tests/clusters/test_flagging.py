from __future__ import annotations

import numpy as np

from domaintoolkit.clusters.flagging import flag_clusters, score_clusters


def test_a_cluster_is_judged_by_the_rule_that_says_most_of_it() -> None:
    ranks = np.array([[0.9, 0.5], [0.7, 0.5], [np.nan, 0.95], [np.nan, np.nan]])
    scores = score_clusters(np.array([0, 0, 1, 2]), ranks, np.array([3, 1, 5, 7]), 4)
    np.testing.assert_allclose(scores, [(0.9 * 3 + 0.7) / 4, 0.95, 0, 0])


def test_the_highest_clusters_are_flagged_as_long_as_they_hold_few_people() -> None:
    cluster, people = np.arange(5), np.array([0, 1, 2, 97, 0])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.0])
    made = flag_clusters(cluster, scores, people, 0.01)
    assert made.flagged.tolist() == [True, True, False, False, False]
    assert made.calibrated == 0.01
    assert flag_clusters(cluster, scores, people, 0.03).flagged.sum() == 3
    # of the last cluster no rule says anything, so it is never flagged
    assert flag_clusters(cluster, scores, people, 0.999).flagged.sum() == 3
    assert flag_clusters(cluster, scores, people * 0, 0.01).flagged.tolist() == [True, True, True, True, False]
