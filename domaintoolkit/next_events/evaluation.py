"""`evaluate_next`: a model and simple rules predict held-out events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Problem, Refusal, SchemaError
from domaintoolkit.generate import Generator
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.next_events.cases import find_cases
from domaintoolkit.next_events.context import known_values
from domaintoolkit.next_events.folder_histories import find_values, read_histories
from domaintoolkit.next_events.metrics import MeanFigure, mean_of
from domaintoolkit.next_events.next_times import forecast_gaps, gap_rules, true_gaps
from domaintoolkit.next_events.ranking import rank_values
from domaintoolkit.next_events.report import NextReport, SuffixRow, TimeRow
from domaintoolkit.next_events.suffixes import (
    Ending,
    Suffix,
    cut_suffixes,
    rule_suffixes,
    score_suffixes,
    written_suffixes,
)
from domaintoolkit.next_events.task import SUFFIX_DRAWS, Advance, NextSettings, NextTask
from domaintoolkit.storage import open_encoded
from domaintoolkit.streams.keys import SPLITS
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["evaluate_next"]

MOST_TOKENS = 400_000_000


def evaluate_next(
    model: EventModel | TokenModel | None,
    folder: str | Path,
    settings: NextSettings,
    advance: Advance | None = None,
) -> NextReport:
    """Predict the held-out events of an encoded folder with a model, if there is one, and with simple rules.

    Raises `SchemaError` for a field that events do not have or values that the model cannot score, and `DataError` if
    nothing is held out.
    """
    encoded = open_encoded(folder)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    if model is not None:
        model.check_vocabulary(tokenizer.vocabulary)
    histories = read_histories(encoded, tokenizer.grammar, MOST_TOKENS)
    values = find_values(histories, tokenizer, settings.field)
    # (histories,) those that are evaluated, and those that rules learn from; the training split comes first in `SPLITS`
    chosen, learned = np.ones(len(histories), np.bool_), None
    if settings.split != "all":
        chosen = histories.splits == SPLITS.index(settings.split)
        learned = None if settings.split == "train" else histories.splits == 0
    cases = find_cases(histories, values, settings.held_out, chosen, tokenizer.schema.zone)
    if settings.most_cases is not None and len(cases) > settings.most_cases:
        random = np.random.default_rng(settings.seed)
        cases = cases.pick(np.sort(random.choice(len(cases), settings.most_cases, replace=False)))
    if learned is None and settings.held_out == "every":
        reason = "holding out every event of all histories leaves nothing to learn from; evaluate one split"
        raise DataError([Refusal(None, None, reason)])
    known = known_values(histories, values, cases)
    task = NextTask(settings, tokenizer, model, histories, values, cases, known, learned, advance or _ignore)
    rows, verdict, metric = rank_values(task)
    suffixes, count = _tell_suffixes(task, chosen) if settings.suffixes else ((), 0)
    # a case of a session has only targets that are there; a case of one event may have none
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


def _notes(task: NextTask) -> list[str]:
    notes = []
    names = [bound.name for bound in task.tokenizer.layout.events]
    model, field = task.model, task.settings.field
    draws = isinstance(model, TokenModel) or (model is not None and model.config.sequential)
    if draws and names[0] != field:
        notes.append(
            f"{field} comes after {names[0]} in an event: its probabilities are the mean over {task.settings.samples} "
            f"draws of what comes before it; they are exact if the schema lists {field} first"
        )
    if any(name.startswith(f"[{field} #") for name in task.values.names):
        notes.append(f"values of {field} that share a hash bucket count as one")
    return notes


def _tell_times(task: NextTask) -> tuple[TimeRow, ...]:
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


def _tell_suffixes(task: NextTask, chosen: NDArray[np.bool_]) -> tuple[tuple[SuffixRow, ...], int]:
    """Whole suffixes of some cases, each history cut anywhere."""
    histories, values, settings = task.histories, task.values, task.settings
    end = _end_code(task)
    counts = histories.counts
    # (events,) the history of each
    row = np.repeat(np.arange(len(histories)), counts)
    # (events,) how many come before each in its history
    cut = np.arange(len(row)) - histories.events[:-1][row]
    # (suffixes,) places where a history can be cut: after its first event
    kept = np.flatnonzero(chosen[row] & (cut > 0))
    if not len(kept):
        return (), 0
    if len(kept) > settings.suffixes:
        kept = np.sort(np.random.default_rng(settings.seed).choice(kept, settings.suffixes, replace=False))
    true = cut_suffixes(histories, values, row[kept], cut[kept])
    # without a training split, rules learn from the histories that are not cut
    learned = task.learned if task.learned is not None else ~np.isin(np.arange(len(histories)), row[kept])
    told: dict[str, list[Suffix]] = {"after the last value": rule_suffixes(histories, values, true, learned, end)}
    if task.model is not None:
        task.advance("suffixes", 0, len(true))
        longest = int(counts[learned].max(initial=1)) + 1
        generator = Generator(task.model, task.tokenizer)
        if end >= 0:
            ending = Ending(end, longest)
            told["model"] = written_suffixes(generator, histories, values, true, ending, SUFFIX_DRAWS)
        else:  # nothing says when a history ends: as many events are written as really follow
            told["model"] = []
            for number, each in enumerate(true):
                ending = Ending(end, len(each.codes))
                told["model"] += written_suffixes(generator, histories, values, [each], ending, SUFFIX_DRAWS)
                task.advance("suffixes", number + 1, len(true))
    rows = []
    for name, found in told.items():
        scored = score_suffixes(name, true, found, end)
        days: MeanFigure | None = None if histories.times is None else mean_of(scored.days, row[kept])
        rows.append(SuffixRow(name, mean_of(scored.similarity, row[kept]), days))
    return tuple(rows), len(true)


def _end_code(task: NextTask) -> int:
    """The number of the value that ends a history; -1 if none is given. Raises `SchemaError` if it never occurs."""
    value, field = task.settings.end, task.settings.field
    if value is None:
        return -1
    bound = next(bound for bound in task.tokenizer.layout.events if bound.name == field)
    tokens = tuple(int(token) for token in bound.field.lookup(bound.ids)([value])[0])
    if tokens not in task.values.numbers:
        raise SchemaError([Problem("end", f"{value!r} is not a value of {field!r} in these histories")], "options")
    return task.values.numbers[tokens]
