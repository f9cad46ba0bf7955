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


def test_both_are_weighed_so_that_each_tells_what_it_knows() -> None:
    cases, known, model, rule = trial()
    bad = np.random.default_rng(0).random((COUNT, SIZE))
    mixture = Mixture("model", {"model": model, "bad": bad, "rule": 7 * rule}, cases, known)
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
    mixture = Mixture("model", {"model": perfect, "rule": 1 - perfect}, cases, known)
    assert mixture.weight == 0
    assert mixture.scores({"model": perfect, "rule": 1 - perfect}) == pytest.approx(perfect)
