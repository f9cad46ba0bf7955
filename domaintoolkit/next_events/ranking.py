"""All values of a field, ranked for each case by rules, by a model, and by both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import DataError
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.next_events.cases import Cases, find_cases
from domaintoolkit.next_events.context import Sequences, known_values, training_sequences
from domaintoolkit.next_events.metrics import (
    MeanFigure,
    case_figures,
    difference_of,
    mean_of,
    rank_targets,
    reliability_of,
)
from domaintoolkit.next_events.mixture import Mixture
from domaintoolkit.next_events.model_ranker import ModelRanker
from domaintoolkit.next_events.report import RankingRow
from domaintoolkit.next_events.rules import CoOccurrence, LastValue, Markov, MostFrequent, OwnFrequency, Ranker
from domaintoolkit.next_events.task import NextTask
from domaintoolkit.streams.keys import SPLITS

__all__ = ["rank_values"]

SCORES = 1 << 22
"""Scores, a case and a value, that are held at a time."""
TRIAL, LEAST = 2_000, 50
"""At most and at least so many cases weigh the model and a rule against each other."""
FEW = 50
"""With at most so many values, accuracy decides, else NDCG@10."""


def rank_values(task: NextTask) -> tuple[list[RankingRow], str, str]:
    """A row for each way to rank values, and the verdict with the figure that it is about."""
    training = training_sequences(task.histories, task.values, task.cases, task.learned)
    # made one after another, since the time that each takes is reported
    makers: list[Callable[[], Ranker]] = [
        lambda: MostFrequent(training),
        lambda: LastValue(training),
        lambda: OwnFrequency(training),
        lambda: Markov(training),
        lambda: CoOccurrence(training),
    ]
    model = task.model
    if model is not None:
        makers.append(lambda: _model_ranker(task, model))
    # of few values the first place decides; of many, a place near the top is worth something
    metric = "accuracy" if len(task.values) <= FEW else "ndcg@10"
    rankers, seconds = list[Ranker](), dict[str, float]()
    for make in makers:
        begin = time.perf_counter()
        rankers.append(make())
        seconds[rankers[-1].name] = time.perf_counter() - begin
    rows, deciding = list[RankingRow](), dict[str, NDArray[np.float64]]()
    tops = tuple(dict.fromkeys((*task.settings.tops, 10)))
    mixture = _mix(task, rankers) if model is not None else None
    for name, told in _run(task, rankers, mixture, seconds).items():
        found = case_figures(task.cases, told.ranks, told.fresh, tops)
        deciding[name] = found.figures[metric]
        rated = {figure: mean_of(each, task.cases.rows) for figure, each in found.figures.items()}
        anew = {figure: mean_of(each, task.cases.rows) for figure, each in found.fresh.items()}
        # a session has several targets, of which the shares do not sum to 1
        sound = told.is_probability and task.cases.session is None
        there = ~np.isnan(found.figures["accuracy"])
        reliability = reliability_of(told.confidence[there], told.right[there]) if sound and there.any() else None
        rows.append(RankingRow(name, rated, anew, reliability, seconds[name]))
    return rows, _verdict(deciding, task.cases.rows, metric, mixture), metric


def _model_ranker(task: NextTask, model: EventModel | TokenModel) -> ModelRanker:
    values = task.values
    return ModelRanker(model, task.histories, values.place, values.values, task.tokenizer, task.settings.samples)


def _mix(task: NextTask, rankers: Sequence[Ranker]) -> Mixture | None:
    """The model and a rule, weighed on other cases; None if there are too few."""
    model = rankers[-1]
    cases = _trial_cases(task)
    if cases is None or len(cases) < LEAST:
        return None
    if len(cases) > TRIAL:
        random = np.random.default_rng(task.settings.seed)
        cases = cases.pick(np.sort(random.choice(len(cases), TRIAL, replace=False)))
    # rules that have learned the trial's values would look better than they are
    training = training_sequences(task.histories, task.values, cases, task.learned)
    rules: list[Ranker] = [OwnFrequency(training), Markov(training), CoOccurrence(training)]
    return Mixture(
        model.name,
        (
            ({each.name: each.scores(piece, known) for each in (model, *rules)}, piece, known)
            for piece, known in _cut(task, cases)
        ),
    )


def _cut(task: NextTask, cases: Cases) -> Iterator[tuple[Cases, Sequences]]:
    """Cases so few at a time that their scores of all values fit into memory, and the values before each."""
    step = max(1, SCORES // max(1, len(task.values)))
    for low in range(0, len(cases), step):
        piece = cases.pick(np.arange(low, min(low + step, len(cases))))
        yield piece, known_values(task.histories, task.values, piece)


def _trial_cases(task: NextTask) -> Cases | None:
    """Cases like those to predict: of the validation entities, else the event before each last one."""
    settings, histories, values = task.settings, task.histories, task.values
    if settings.split == "test" and (validation := histories.splits == SPLITS.index("validation")).any():
        with suppress(DataError):  # no such case
            return find_cases(histories, values, settings.held_out, validation, task.tokenizer.schema.zone)
    if settings.held_out != "last":
        return None
    # the rows and cuts of all cases, not only of those that were drawn: rules learn from what is before every cut
    rows, cuts = task.cases.rows[task.cases.cuts > 1], task.cases.cuts[task.cases.cuts > 1] - 1
    targets = values.codes[histories.events[:-1][rows] + cuts]
    return Cases(rows, cuts, targets, np.arange(len(rows) + 1), None)


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """The figures of one way to rank values."""

    is_probability: bool
    ranks: NDArray[np.int64]
    """(targets,)"""
    fresh: NDArray[np.int64]
    """(targets,) ranks among the values that are not in the history."""
    confidence: NDArray[np.float64]
    """(cases,)"""
    right: NDArray[np.bool_]
    """(cases,)"""


def _run(
    task: NextTask, rankers: Sequence[Ranker], mixture: Mixture | None, seconds: dict[str, float]
) -> dict[str, _Told]:
    """The figures of each way to rank values, by name; adds to the `seconds` of each."""
    pieces: dict[str, list[tuple[Any, Any, Any, Any]]] = {}
    done = 0
    for cases, known in _cut(task, task.cases):
        done += len(cases)
        # the scores of this piece by name: the mixture is made of them
        made: dict[str, Any] = {}
        ways: list[tuple[str, Callable[[], Any]]] = [
            (each.name, partial(each.scores, cases, known)) for each in rankers
        ]
        if mixture is not None:
            ways.append((mixture.name, partial(mixture.scores, made)))
        for name, score in ways:
            begin = time.perf_counter()
            scores = made[name] = score()
            ranks, fresh = rank_targets(scores, cases, known)
            # (cases,) True if one of the targets of a case is ranked first
            best = np.zeros(len(cases), np.bool_)
            np.logical_or.at(best, np.repeat(np.arange(len(cases)), np.diff(cases.offsets)), ranks == 1)
            pieces.setdefault(name, []).append((ranks, fresh, scores.max(1).astype(np.float64), best))
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - begin
            task.advance(name, done, len(task.cases))
    sound = {each.name: each.is_probability for each in rankers}
    return {
        name: _Told(sound.get(name, True), *(np.concatenate(each) for each in zip(*found, strict=True)))
        for name, found in pieces.items()
    }


def _verdict(
    deciding: dict[str, NDArray[np.float64]], histories: NDArray[np.int64], metric: str, mixture: Mixture | None
) -> str:
    """A sentence on which is best, by how much, and if that is certain; another one on the model with a rule."""
    means = {name: float(np.nanmean(found)) if (~np.isnan(found)).any() else 0.0 for name, found in deciding.items()}
    rules = {name: value for name, value in means.items() if name not in (ModelRanker.name, Mixture.name)}
    best = max(rules, key=lambda name: rules[name])
    label = metric.upper() if "@" in metric else metric
    if ModelRanker.name not in means:
        return f"The best rule is {best}: {label} {rules[best]:.4f}."
    off = difference_of(deciding[ModelRanker.name], deciding[best], histories)
    told = f"{label} {means[ModelRanker.name]:.4f} against {rules[best]:.4f} ({_span(off)})"
    if not off.is_certain:
        sentence = f"It is not certain that the model predicts better than {best}: {told}."
    else:
        sentence = f"The model predicts {'better' if off.value > 0 else 'worse'} than {best}, the best rule: {told}."
    if mixture is None:
        return sentence
    if mixture.weight in (0, 1):
        return f"{sentence} No mixture of model and rule was better on other events, so the last row is {mixture.rule}."
    alone = max((ModelRanker.name, best), key=lambda name: means[name])
    more = difference_of(deciding[Mixture.name], deciding[alone], histories)
    sure = "certainly " if more.is_certain else ""
    word = "as well as" if more.value == 0 else f"{sure}{'better' if more.value > 0 else 'worse'} than"
    return (
        f"{sentence} With {mixture.weight:g} of {mixture.rule} the model predicts {word} {alone} alone: "
        f"{means[Mixture.name]:.4f} ({_span(more)})."
    )


def _span(off: MeanFigure) -> str:
    if off.low != off.low:
        return "no difference" if off.value == 0 else "too few histories differ for an interval"
    return f"difference {off.low:+.4f} to {off.high:+.4f}"
