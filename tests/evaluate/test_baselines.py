from __future__ import annotations

import math

import numpy as np
import pytest
from worlds import world, world_syntax

from domaintoolkit.evaluate import Score, baseline_scores, compare, fit_baselines
from domaintoolkit.evaluate.baselines import Spelling
from domaintoolkit.evaluate.model_comparison import difference
from domaintoolkit.evaluate.part_sequences import PartSequences, split_parts
from domaintoolkit.evaluate.score import Tally

LAYOUT = world_syntax()


def scores(order: float) -> dict[str, Score]:
    baselines = fit_baselines([world(1, 300, order=order)], [world(2, 100, order=order)], LAYOUT, 10**9)
    groups = [world(seed, 10, order=order) for seed in range(3, 23)]
    return {score.name: score for score in baseline_scores(baselines, groups, LAYOUT)}


def test_they_find_the_entropy_of_a_world_without_order() -> None:
    found = scores(0.0)
    tokens, events = found["uniform"].tokens, found["uniform"].events.sum()
    assert found["uniform"].bits_per_event == pytest.approx(tokens / events * math.log2(len(LAYOUT.place)))
    mark = -(0.2 * math.log2(0.2) + 0.8 * math.log2(0.8)) * 19 / 20
    second = -(0.1 * math.log2(0.1 / 3) + 0.9 * math.log2(0.9 / 4))
    assert found["unigram"].bits_per_event == pytest.approx(2 + second + mark, abs=0.05)
    assert found["Markov"].bits_per_event == pytest.approx(2 + second + mark, abs=0.05)
    assert found["unigram"].bits_by_part["a"] == pytest.approx(2, abs=0.03)


def test_markov_finds_the_order_that_the_unigram_does_not() -> None:
    found = scores(0.9)
    stays, leaves = 0.9 + 0.1 / 4, 0.1 / 4
    entropy = -(stays * math.log2(stays) + 3 * leaves * math.log2(leaves))
    assert found["Markov"].bits_by_part["a"] == pytest.approx((2 + 19 * entropy) / 20, abs=0.06)
    assert found["unigram"].bits_by_part["a"] == pytest.approx(2, abs=0.03)


def test_spelling_is_a_probability_of_every_sequence() -> None:
    seen = split_parts(*_flat(world(0, 20, spelled=0.5)), LAYOUT)[1]
    spelling = Spelling(seen, 5, 1)
    reachable = [[token] for token in (8, 9, 10, 11, 12)]
    assert spelling(_sequences(reachable)).sum() < 1
    assert spelling(_sequences([[12, 13 + byte] for byte in range(256)])).min() > 0
    following = _sequences([[8, *rest] for rest in ([], [3], *([13 + byte] for byte in range(256)))])
    total = spelling(following).sum()
    assert total < spelling(_sequences([[8]]))[0] / 0.5


@pytest.mark.slow
def test_what_may_be_said() -> None:
    ordered, plain = scores(0.9), scores(0.0)
    better = Score("model", ordered["Markov"].parts, ordered["Markov"].nats * 0.9, ordered["Markov"].events, 1)
    listed = [ordered[name] for name in ("uniform", "unigram", "Markov")]
    assert compare(better, listed, "test").verdict == "beats"
    same = Score("model", better.parts, ordered["Markov"].nats, better.events, 1)
    assert compare(same, listed, "test").verdict == "level"
    worse = Score("model", better.parts, ordered["Markov"].nats * 1.2, better.events, 1)
    assert compare(worse, listed, "test").verdict == "loses"
    listed = [plain[name] for name in ("uniform", "unigram", "Markov")]
    noisy = plain["unigram"].nats * np.random.default_rng(0).normal(1.01, 0.05, plain["unigram"].nats.shape)
    said = compare(Score("model", better.parts, noisy, plain["unigram"].events, 1), listed, "test")
    assert said.verdict == "nothing to beat"
    assert "nothing to beat" in said.sentence
    assert said.table().count("\n") == 5


def test_a_clock_that_goes_on_is_no_structure() -> None:
    found = scores(0.9)
    listed = [found[name] for name in ("uniform", "unigram", "Markov")]
    same = Score("model", found["Markov"].parts, found["Markov"].nats, found["Markov"].events, 1)
    assert compare(same, listed, "test").verdict == "level"
    assert compare(same, listed, "test", clock=["a", "b"]).verdict == "nothing to beat"


def _flat(made):  # type: ignore[no-untyped-def]
    return made.ids, made.offsets, np.zeros(len(made.offsets) - 1, np.int64)


def _sequences(listed: list[list[int]]) -> PartSequences:
    lengths = [len(sequence) for sequence in listed]
    zeros = np.zeros(len(listed), np.int64)
    tokens = np.array([token for sequence in listed for token in sequence])
    return PartSequences(
        zeros.astype(np.uint64), zeros, zeros.astype(bool), tokens, np.cumsum([0, *lengths]), zeros == 0
    )


def test_intervals_are_over_entities_however_their_events_are_cut() -> None:
    """The same events, an entity's all in one window or each window its own: one interval. Each window its own
    entity: a narrower one, since what an entity does hangs together."""
    generator = np.random.default_rng(0)
    gains = np.repeat(generator.normal(1, 1, 40), 10)
    one = [difference(*_pair(np.arange(400) // 10, gains, step)) for step in (1, 10)]
    assert one[0] == one[1]
    (low, high), spread = (one[0].low, one[0].high), gains[::10].std(ddof=1) / math.sqrt(40) / math.log(2)
    assert low is not None
    assert high is not None
    assert (high - low) / 2 == pytest.approx(2.0227 * spread, rel=1e-3)
    apart = difference(*_pair(np.arange(400), gains, 1))
    assert apart.low is not None
    assert apart.high is not None
    assert apart.high - apart.low < 0.4 * (high - low)


def _pair(entities, gains, step: int):  # type: ignore[no-untyped-def]
    found = []
    for name, nats in (("left", np.zeros(len(gains))), ("right", gains)):
        tally = Tally(1)
        for low in range(0, len(gains), step):
            at = slice(low, low + step)
            tally.add(entities[at], nats[at, None], np.ones(step, np.int64))
        found.append(tally.score(name, ("a",), len(gains)))
    return found
