"""When the next event comes: the median of the model's distribution of the time since the last one, and of rules."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.generate import ValueTokens
from domaintoolkit.grammar import parse_spans
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.next_events.folder_histories import FieldValues, FolderHistories
from domaintoolkit.next_events.model_ranker import ModelRanker
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["forecast_gaps", "gap_rules", "true_gaps"]

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

SEEN = 5
"""Events after a value from which the median of its gaps is taken."""


def gaps_of(histories: FolderHistories) -> Floats:
    """(events,) µs since the event before; NaN for the first of a history, and if one of the two has no time."""
    gaps = np.diff(histories.clock, prepend=np.nan)
    gaps[histories.events[:-1][histories.counts > 0]] = np.nan
    return gaps


def true_gaps(histories: FolderHistories, cases: Cases) -> Floats:
    """(cases,) µs from the last event that is known to the next one."""
    found: Floats = gaps_of(histories)[histories.events[:-1][cases.rows] + cases.cuts]
    return found


def gap_rules(
    histories: FolderHistories, values: FieldValues, cases: Cases, known: Sequences, training: NDArray[np.bool_]
) -> dict[str, Floats]:
    """(cases,) what simple rules say: the median gap, the last one, and the median after the last value.

    `training` (events,) are those whose gaps the medians are of. If the next session is to come, the gaps are those
    before sessions: between the events of one there is hardly any time.
    """
    gaps = gaps_of(histories)
    if cases.session:
        gaps = np.where(histories.opens, gaps, np.nan)
    learned = training & ~np.isnan(gaps)
    # the median of all, for values that are followed too seldom
    every = float(np.median(gaps[learned])) if learned.any() else 0.0
    # (events,) the value of the event before; of a history's first event it is another one's, but that has no gap
    before = np.append(-1, values.codes[:-1])
    order = np.argsort(before[learned], kind="stable")
    codes, own = before[learned][order], gaps[learned][order]
    # one entry more at the end, for the code -1
    medians = np.full(len(values) + 1, every)
    # (values + 1,) where the gaps after each value begin
    starts = np.searchsorted(codes, np.arange(len(values) + 1))
    for code in range(len(values)):
        if starts[code + 1] - starts[code] >= SEEN:
            medians[code] = np.median(own[starts[code] : starts[code + 1]])
    # (events,) the last event up to each that has a gap; (cases,) the µs before it, if it is of the same history
    latest = np.maximum.accumulate(np.where(np.isnan(gaps), -1, np.arange(len(gaps))))
    first = histories.events[:-1][cases.rows]
    at = latest[first + cases.cuts - 1]
    last = np.where(at > first, gaps[np.maximum(at, 0)], np.nan)
    return {
        "median gap": np.full(len(cases), every),
        "last gap": np.where(np.isnan(last), every, last),
        "median after the last value": medians[known.last],
    }


def forecast_gaps(
    model: EventModel | TokenModel,
    histories: FolderHistories,
    cases: Cases,
    tokenizer: DomainTokenizer,
    training: NDArray[np.bool_],
    samples: int,
) -> Floats | None:
    """(cases,) the median of the gaps that the model expects; None if its events have no time since the one before.

    A bucket stands for the median of its gaps in training.
    """
    bound = next((each for each in tokenizer.layout.events if each.name == tokenizer.schema.time), None)
    if bound is None or "delta" not in bound.encoder.parts:
        return None
    place = bound.first_place + list(bound.encoder.parts).index("delta")
    spans = parse_spans(np.asarray(histories.ids), histories.offsets, tokenizer.grammar)
    mine = spans.places == place
    tokens = np.full(len(histories.event_starts), -1, np.int64)
    tokens[spans.events[mine]] = spans.firsts[mine]  # (events,)
    gaps = gaps_of(histories)
    candidates = np.flatnonzero((model.layout.place == place) & model.layout.start)
    learned = training & ~np.isnan(gaps) & (tokens >= 0)
    medians = np.array([np.median(gaps[learned & (tokens == t)]) if (learned & (tokens == t)).any() else np.nan
                        for t in candidates])  # fmt: skip
    kept = np.flatnonzero(~np.isnan(medians))
    if not len(kept):
        return None
    # in the order of their gaps, so that the running sum of their shares gives the median
    kept = kept[np.argsort(medians[kept], kind="stable")]
    values = ValueTokens(candidates[kept].astype(np.int64), np.arange(len(kept) + 1))
    ranker = ModelRanker(model, histories, place, values, tokenizer, samples)
    nothing = Sequences(np.empty(0, np.int64), np.zeros(len(cases) + 1, np.int64), len(kept))
    blank = Cases(cases.rows, cases.cuts, np.zeros(len(cases), np.int64), np.arange(len(cases) + 1), cases.session)
    shares = ranker.scores(blank, nothing).astype(np.float64)
    shares /= np.maximum(shares.sum(1, keepdims=True), 1e-300)
    middle = (shares.cumsum(1) < 0.5).sum(1).clip(max=len(kept) - 1)  # (cases,)
    found: Floats = medians[kept][middle]
    return found
