"""`evaluate_next`: a model and simple rules tell held-out events."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Constraint

from domaintoolkit.errors import DataError, Problem, Refusal, SchemaError
from domaintoolkit.generate import Generator
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.next_events.cases import Cases, find_cases
from domaintoolkit.next_events.context import Sequences, known_values, training_sequences
from domaintoolkit.next_events.folder_histories import FieldValues, FolderHistories, find_values, read_histories
from domaintoolkit.next_events.metrics import MeanFigure, case_figures, mean_of, rank_targets, reliability_of
from domaintoolkit.next_events.model_ranker import ModelRanker
from domaintoolkit.next_events.next_times import forecast_gaps, gap_rules, true_gaps
from domaintoolkit.next_events.report import NextReport, RankingRow, SuffixRow, TimeRow
from domaintoolkit.next_events.rules import CoOccurrence, LastValue, Markov, MostFrequent, OwnFrequency, Ranker
from domaintoolkit.next_events.suffixes import (
    Ending,
    Suffix,
    cut_suffixes,
    rule_suffixes,
    score_suffixes,
    written_suffixes,
)
from domaintoolkit.schema.declaration import declaration
from domaintoolkit.storage import open_encoded
from domaintoolkit.streams.keys import SPLITS
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["NextSettings", "evaluate_next"]

SCORES = 1 << 22
"""Scores, a case and a value, that are held at a time."""
MOST_TOKENS = 400_000_000
FEW = 50
"""With at most so many values, accuracy decides, else NDCG@10."""

Advance = Callable[[str, int, int], None]
"""What is being worked on, cases done, and all cases."""


SUFFIX_DRAWS = 5
"""Suffixes that are drawn for the median of the time left."""


@declaration
class NextSettings:
    """How next events are told.

    `held_out` is `last` (the last event of each history), `session` (all values of its last session), `every` (each
    event after the first) or a date, from which each event is one. Of the histories of `split`; rules learn from those
    of the training split, or with `all` from every history before its first held-out event. `samples` draws of what
    comes before the field in an event are averaged. `suffixes` is the number of cases whose whole suffix is written
    and compared, up to the value `end`; the time left is the median over
    `SUFFIX_DRAWS` suffixes that are drawn.
    """

    field: Annotated[str, Constraint(min_length=1)]
    held_out: str = "last"
    split: Literal["train", "validation", "test", "all"] = "test"
    tops: tuple[Annotated[int, Constraint(ge=1)], ...] = (5, 10, 20)
    samples: Annotated[int, Constraint(ge=1)] = 16
    suffixes: Annotated[int, Constraint(ge=0)] = 0
    end: str | None = None
    seed: Annotated[int, Constraint(ge=0)] = 0
    most_cases: Annotated[int, Constraint(ge=1)] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    settings: NextSettings
    tokenizer: DomainTokenizer
    model: EventModel | None
    histories: FolderHistories
    values: FieldValues
    cases: Cases
    known: Sequences
    learned: NDArray[np.bool_] | None
    """(n,) the histories that rules learn from; None if these are all before their first case."""
    advance: Advance

    @property
    def learned_events(self) -> NDArray[np.bool_]:
        """(events,) those that rules learn from."""
        counts = self.histories.counts
        row = np.repeat(np.arange(len(counts)), counts)
        if self.learned is not None:
            return self.learned[row]
        ends = counts.copy()
        np.minimum.at(ends, self.cases.rows, self.cases.cuts)
        return np.asarray(np.arange(len(row)) - self.histories.events[:-1][row] < ends[row])


def evaluate_next(
    model: EventModel | TokenModel | None,
    folder: str | Path,
    settings: NextSettings,
    advance: Advance | None = None,
) -> NextReport:
    """Tell the held-out events of an encoded folder with a model, if there is one, and with simple rules.

    Raises `SchemaError` for a field that events do not have or a model without scores for values, and `DataError` if
    nothing is held out.
    """
    encoded = open_encoded(folder)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    if isinstance(model, TokenModel):
        reason = "needs an event model; a token model gives no probability of a value that it has not begun"
        raise SchemaError([Problem("next", reason)], "options")
    if model is not None:
        model.check_vocabulary(tokenizer.vocabulary)
    histories = read_histories(encoded, tokenizer.grammar, MOST_TOKENS)
    values = find_values(histories, tokenizer, settings.field)
    chosen = np.ones(len(histories), np.bool_)
    learned: NDArray[np.bool_] | None = None
    if settings.split != "all":
        chosen = histories.splits == SPLITS.index(settings.split)
        learned = histories.splits == 0
        if settings.split == "train":
            learned = None
    cases = find_cases(histories, values, settings.held_out, chosen)
    if settings.most_cases is not None and len(cases) > settings.most_cases:
        random = np.random.default_rng(settings.seed)
        cases = cases.pick(np.sort(random.choice(len(cases), settings.most_cases, replace=False)))
    if learned is None and settings.held_out == "every":
        reason = "holding out every event of all histories leaves nothing to learn from; evaluate one split"
        raise DataError([Refusal(None, None, reason)])
    known = known_values(histories, values, cases)
    task = _Task(settings, tokenizer, model, histories, values, cases, known, learned, advance or _ignore)
    rows, verdict, metric = _rank(task)
    suffixes, count = _tell_suffixes(task, chosen) if settings.suffixes else ((), 0)
    single = np.diff(cases.offsets) == 1
    missing = int((cases.targets[cases.offsets[:-1][single]] < 0).sum()) if len(cases.targets) else 0
    return NextReport(
        field=settings.field,
        held_out=settings.held_out,
        split=settings.split,
        histories=len(np.unique(cases.rows)),
        cases=len(cases),
        missing=missing,
        values=len(values),
        rows=tuple(rows),
        times=_tell_times(task),
        suffixes=suffixes,
        suffix_cases=count,
        verdict=verdict,
        metric=metric,
        notes=tuple(_notes(task)),
    )


def _ignore(what: str, done: int, of: int) -> None:
    """Show no progress."""


def _notes(task: _Task) -> list[str]:
    notes = []
    names = [bound.name for bound in task.tokenizer.layout.events]
    model, field = task.model, task.settings.field
    if model is not None and model.config.sequential and names[0] != field:
        notes.append(
            f"{field} comes after {names[0]} in an event: its probabilities are the mean over {task.settings.samples} "
            f"draws of what comes before it; they are exact if the schema lists {field} first"
        )
    if any(name.startswith(f"[{field} #") for name in task.values.names):
        notes.append(f"values of {field} that share a hash bucket count as one")
    return notes


def _rank(task: _Task) -> tuple[list[RankingRow], str, str]:
    """A row for each way to rank values, and the verdict with the figure that it is about."""
    training = training_sequences(task.histories, task.values, task.cases, task.learned)
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
    metric = "accuracy" if len(task.values) <= FEW else "ndcg@10"
    rows, deciding = list[RankingRow](), dict[str, NDArray[np.float64]]()
    tops = tuple(dict.fromkeys((*task.settings.tops, 10)))
    for make in makers:
        begin = time.perf_counter()
        ranker = make()
        ranks, fresh, confidence, right = _run(task, ranker)
        found = case_figures(task.cases, ranks, fresh, tops)
        deciding[ranker.name] = found.figures[metric]
        rated = {name: mean_of(each, task.cases.rows) for name, each in found.figures.items()}
        anew = {name: mean_of(each, task.cases.rows) for name, each in found.fresh.items()}
        sound = ranker.is_probability and task.cases.session is None
        told = ~np.isnan(found.figures["accuracy"])
        reliability = reliability_of(confidence[told], right[told]) if sound and told.any() else None
        rows.append(RankingRow(ranker.name, rated, anew, reliability, time.perf_counter() - begin))
    return rows, _verdict(deciding, task.cases.rows, metric), metric


def _model_ranker(task: _Task, model: EventModel) -> ModelRanker:
    values, sessions = task.values, task.tokenizer.schema.has_sessions
    return ModelRanker(model, task.histories, values.place, values.values, sessions, task.settings.samples)


def _run(task: _Task, ranker: Ranker) -> tuple[Any, Any, Any, Any]:
    """(ranks, ranks among fresh values) of all targets; (confidence, True if it was right) of all cases."""
    ranks, fresh, confidence, right = [], [], [], []
    step = max(1, SCORES // max(1, len(task.values)))
    for low in range(0, len(task.cases), step):
        chosen = np.arange(low, min(low + step, len(task.cases)))
        cases = task.cases.pick(chosen)
        known = known_values(task.histories, task.values, cases)
        scores = ranker.scores(cases, known)
        one, two = rank_targets(scores, cases, known)
        ranks.append(one)
        fresh.append(two)
        confidence.append(scores.max(1).astype(np.float64))
        best = np.zeros(len(cases), np.bool_)
        np.logical_or.at(best, np.repeat(np.arange(len(cases)), np.diff(cases.offsets)), one == 1)
        right.append(best)
        task.advance(ranker.name, int(chosen[-1]) + 1, len(task.cases))
    return np.concatenate(ranks), np.concatenate(fresh), np.concatenate(confidence), np.concatenate(right)


def _verdict(deciding: dict[str, NDArray[np.float64]], histories: NDArray[np.int64], metric: str) -> str:
    """A sentence on which is best, by how much, and if that is certain."""
    means = {name: float(np.nanmean(found)) if (~np.isnan(found)).any() else 0.0 for name, found in deciding.items()}
    rules = {name: value for name, value in means.items() if name != "model"}
    best = max(rules, key=lambda name: rules[name])
    label = metric.upper() if "@" in metric else metric
    if "model" not in means:
        return f"The best rule is {best}: {label} {rules[best]:.4f}."
    off = mean_of(deciding["model"] - deciding[best], histories)
    sure = off.low > 0 or off.high < 0
    if not sure:
        return (
            f"It is not certain that the model tells more than {best}: {label} {means['model']:.4f} against "
            f"{rules[best]:.4f} (difference {off.low:+.4f} to {off.high:+.4f})."
        )
    word = "more" if off.value > 0 else "less"
    return (
        f"The model tells {word} than {best}, the best rule: {label} {means['model']:.4f} against {rules[best]:.4f} "
        f"(difference {off.low:+.4f} to {off.high:+.4f})."
    )


def _tell_times(task: _Task) -> tuple[TimeRow, ...]:
    """The error of the time until the next event."""
    if task.histories.times is None:
        return ()
    true = true_gaps(task.histories, task.cases)
    told = gap_rules(task.histories, task.values, task.cases, task.known, task.learned_events)
    if task.model is not None:
        found = forecast_gaps(
            task.model, task.histories, task.cases, task.tokenizer, task.learned_events, task.settings.samples
        )
        if found is not None:
            told["model"] = found
    return tuple(TimeRow(name, mean_of(np.abs(each - true) / 1e6, task.cases.rows)) for name, each in told.items())


def _tell_suffixes(task: _Task, chosen: NDArray[np.bool_]) -> tuple[tuple[SuffixRow, ...], int]:
    """Whole suffixes of some cases, each history cut anywhere."""
    histories, values, settings = task.histories, task.values, task.settings
    end = _end_code(task)
    counts = histories.counts
    row = np.repeat(np.arange(len(histories)), counts)
    cut = np.arange(len(row)) - histories.events[:-1][row]
    kept = np.flatnonzero(chosen[row] & (cut > 0))
    if not len(kept):
        return (), 0
    if len(kept) > settings.suffixes:
        kept = np.sort(np.random.default_rng(settings.seed).choice(kept, settings.suffixes, replace=False))
    true = cut_suffixes(histories, values, row[kept], cut[kept])
    learned = task.learned if task.learned is not None else ~np.isin(np.arange(len(histories)), row[kept])
    told: dict[str, list[Suffix]] = {"after the last value": rule_suffixes(histories, values, true, learned, end)}
    if task.model is not None:
        longest = int(counts[learned].max(initial=1)) + 1
        generator = Generator(task.model, task.tokenizer)
        if end >= 0:
            ending = Ending(end, longest)
            told["model"] = written_suffixes(generator, histories, values, true, ending, SUFFIX_DRAWS)
        else:  # nothing says when a history ends: as many events are written as there are
            told["model"] = []
            for each in true:
                ending = Ending(end, len(each.codes))
                told["model"] += written_suffixes(generator, histories, values, [each], ending, SUFFIX_DRAWS)
    rows = []
    for name, found in told.items():
        scored = score_suffixes(name, true, found, end)
        days: MeanFigure | None = None if histories.times is None else mean_of(scored.days, row[kept])
        rows.append(SuffixRow(name, mean_of(scored.similarity, row[kept]), days))
    return tuple(rows), len(true)


def _end_code(task: _Task) -> int:
    """The number of the value that ends a history; -1 if none is given. Raises `SchemaError` if it never occurs."""
    value, field = task.settings.end, task.settings.field
    if value is None:
        return -1
    bound = next(bound for bound in task.tokenizer.layout.events if bound.name == field)
    tokens = tuple(int(token) for token in bound.field.lookup(bound.ids)([value])[0])
    if tokens not in task.values.numbers:
        raise SchemaError([Problem("end", f"{value!r} is not a value of {field!r} in these histories")], "options")
    return task.values.numbers[tokens]
