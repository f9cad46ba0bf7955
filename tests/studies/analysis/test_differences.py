from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.studies.analysis.differences import contrast, difference, resample_means


def test_the_interval_of_one_pair_is_welchs() -> None:
    stats = pytest.importorskip("scipy.stats")
    own, other = [1.0, 1.4, 1.1], [2.0, 2.3, 1.7, 2.6]
    found = difference([(own, other)])
    wanted = stats.ttest_ind(own, other, equal_var=False).confidence_interval()
    assert found.interval == pytest.approx((wanted.low, wanted.high))
    assert found.relative == pytest.approx((np.mean(own) - np.mean(other)) / np.mean(other))


def test_single_runs_have_an_interval_only_from_several_pairs() -> None:
    assert difference([([1.0], [2.0])]).interval is None
    found = difference([([1.0], [2.0]), ([3.0], [4.2]), ([5.0], [5.9])])
    assert found.interval is not None
    assert found.interval[0] < found.gap < found.interval[1] < 0


def test_several_pairs_narrow_the_interval() -> None:
    pair = ([1.0, 1.2, 0.9], [2.0, 2.1, 1.8])
    one, four = difference([pair]), difference([pair] * 4)
    assert one.reach is not None
    assert four.reach is not None
    assert four.gap == pytest.approx(one.gap)
    assert four.reach < one.reach / 2


def test_a_contrast_of_four_means() -> None:
    found = contrast([(1, [5.0, 5.1]), (-1, [4.0, 4.1]), (-1, [3.0, 3.1]), (1, [2.5, 2.6])], 0.5)
    assert found.gap == pytest.approx(0.5)
    assert found.seeds == 2


def test_resamples_of_few_vary_as_new_seeds_would() -> None:
    rng = np.random.default_rng(0)
    values = [1.0, 2.0]
    drawn = [resample_means([values], rng)[0] for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(1.5, abs=0.03)
    assert np.std(drawn) == pytest.approx(np.std(values, ddof=1) / np.sqrt(2), abs=0.03)
    assert resample_means([[3.0]], rng) == [3.0]
    # a point of one seed varies as the others do, as a share of its mean
    lone = [resample_means([values, [1000.0]], rng)[1] / 1000 for _ in range(4000)]
    assert np.std(lone) == pytest.approx(np.std(values, ddof=1) / np.mean(values), rel=0.1)
