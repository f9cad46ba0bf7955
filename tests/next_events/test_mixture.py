from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.next_events.mixture import Mixture

COUNT, SIZE = 60, 20


def trial() -> tuple[Cases, Sequences, Any, Any]:
    """Cases of which the model knows the even ones and is unsure of the others, and a rule the other way round."""
    rows = np.arange(COUNT)
    targets = rows % SIZE
    cases = Cases(rows, np.ones(COUNT, np.int64), targets, np.arange(COUNT + 1), None)
    known = Sequences(np.zeros(0, np.int64), np.zeros(COUNT + 1, np.int64), SIZE)
    model, rule = np.full((2, COUNT, SIZE), 1.0)
    model /= SIZE
    model[rows[::2], targets[::2]] = 1.5
    rule[rows[1::2], targets[1::2]] = 30
    return cases, known, model, rule


def _halves(scores: dict[str, Any], cases: Cases) -> list[tuple[dict[str, Any], Cases, Sequences]]:
    """The same cases in two pieces."""
    pieces = []
    for chosen in np.array_split(np.arange(len(cases)), 2):
        known = Sequences(np.zeros(0, np.int64), np.zeros(len(chosen) + 1, np.int64), SIZE)
        pieces.append(({name: found[chosen] for name, found in scores.items()}, cases.pick(chosen), known))
    return pieces


def test_both_are_weighed_so_that_each_tells_what_it_knows() -> None:
    cases, _, model, rule = trial()
    bad = np.random.default_rng(0).random((COUNT, SIZE))
    mixture = Mixture("model", _halves({"model": model, "bad": bad, "rule": 7 * rule}, cases))
    assert mixture.rule == "rule"
    assert 0 < mixture.weight < 1
    scores = mixture.scores({"model": model, "bad": bad, "rule": 7 * rule})
    assert (scores.argmax(1) == cases.targets).all()
    shares = rule / rule.sum(1, keepdims=True) + 1e-3 / SIZE
    mixed = model ** (1 - mixture.weight) * shares**mixture.weight
    assert scores == pytest.approx(mixed / mixed.sum(1, keepdims=True))


def test_a_rule_that_adds_nothing_has_no_weight() -> None:
    cases, known, _, _ = trial()
    perfect = np.eye(SIZE)[cases.targets]
    mixture = Mixture("model", [({"model": perfect, "rule": 1 - perfect}, cases, known)])
    assert mixture.weight == 0
    assert mixture.scores({"model": perfect, "rule": 1 - perfect}) == pytest.approx(perfect)


def test_a_mixture_that_is_better_by_chance_is_not_taken() -> None:
    """The model is random, and the rule knows nine of ten: on so few cases some mixture is often a little better."""
    cases, known, _, _ = trial()
    alone = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        rule = np.eye(SIZE)[cases.targets] * (random.random(COUNT) < 0.9)[:, None] + random.random((COUNT, SIZE)) / 9
        model = random.dirichlet(np.ones(SIZE), COUNT)
        alone += Mixture("model", [({"model": model, "rule": rule}, cases, known)]).weight == 1
    assert alone >= 10
