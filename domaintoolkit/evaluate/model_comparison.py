"""A model and its baselines on the same held-out events, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.evaluate.baselines import Baseline
from domaintoolkit.evaluate.part_sequences import PartSequences, split_parts
from domaintoolkit.evaluate.score import Score, Tally, WindowsLike
from domaintoolkit.grammar import Syntax
from domaintoolkit.metrics import student_95

__all__ = ["Difference", "FieldCost", "ModelComparison", "Row", "baseline_scores", "compare", "fit_baselines"]

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: bits an event, nats a token and bits by part."""

    name: str
    bits_per_event: float
    nats_per_token: float
    bits_by_part: dict[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """Bits an event by which `left` costs less than `right`, with a 95% interval over held-out entities.

    The interval is None if there are fewer than two.
    """

    left: str
    right: str
    bits: float
    low: float | None
    high: float | None

    @property
    def certain(self) -> bool:
        """Return True if the interval is above zero: `left` is certainly cheaper."""
        return self.low is not None and self.low > 0


@dataclass(frozen=True, slots=True)
class FieldCost:
    """The bits an event of one field under each model, and the bits that the model saves there."""

    field: str
    bits: dict[str, float]
    over_unigram: Difference
    over_markov: Difference


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """The table, the differences that matter, and the verdict as a word and as a sentence."""

    split: str
    events: int
    tokens: int
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    verdict: str
    """`beats`, `level`, `loses`, `nothing to beat`, or `none` if no events were held out."""
    sentence: str
    fields: tuple[FieldCost, ...] = ()
    """Field by field, in the order of the stream; none if composites mix the fields."""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def without_verdict(self) -> ModelComparison:
        """The same costs, of events that the model was trained on, which prove nothing."""
        sentence = "no verdict: no events were held out, and these costs are of events that the model was trained on"
        return replace(self, verdict="none", sentence=sentence)

    def table(self) -> str:
        """The table in Markdown."""
        lines = ["| | bits an event | nats a token |", "|---|---|---|"]
        lines += [f"| {row.name} | {row.bits_per_event:.3f} | {row.nats_per_token:.3f} |" for row in self.rows]
        return "\n".join(lines)


def fit_baselines(
    seen: Iterable[WindowsLike], tune: Iterable[WindowsLike], grammar: Syntax, limit: int, last_only: bool = False
) -> list[Baseline]:
    """The unigram and the Markov baseline, counted on at most about `limit` tokens and tuned on as many.

    With `last_only`, they are tuned on the last event of each window of `tune`.
    """
    train = _take_sequences(seen, grammar, limit)
    validation = _take_sequences(tune, grammar, limit, last_only)
    return [
        Baseline("unigram", train, validation, grammar, markov=False),
        Baseline("Markov", train, validation, grammar, markov=True),
    ]


def _take_sequences(
    windows: Iterable[WindowsLike], grammar: Syntax, limit: int, last_only: bool = False
) -> list[PartSequences]:
    """The sequences of windows up to about `limit` tokens; all in group 0."""
    # (tokens,) and (windows,) pieces
    ids: list[Ints] = []
    lengths: list[Ints] = [np.zeros(1, np.int64)]
    total = 0
    for part in windows:
        ids.append(part.ids)
        lengths.append(np.diff(part.offsets))
        total += len(part.ids)
        if total >= limit:
            break
    # (windows + 1,): the zero in front is the first of `lengths`
    offsets = np.cumsum(np.concatenate(lengths))
    flat = np.concatenate(ids) if ids else np.zeros(0, np.int64)
    return split_parts(flat, offsets, np.zeros(len(offsets) - 1, np.int64), grammar, last_only)


def baseline_scores(
    baselines: Sequence[Baseline], held_out: Iterable[WindowsLike], grammar: Syntax, last_only: bool = False
) -> list[Score]:
    """The score of the uniform model, then of each baseline; with `last_only`, on the last event of each window."""
    parts = (*grammar.part_names[grammar.header_parts :], "[SESSION]", "[cut off]")
    uniform = math.log(len(grammar.place))
    tallies, tokens = [Tally(len(parts)) for _ in range(len(baselines) + 1)], 0
    for windows in held_out:
        count = len(windows.rows)
        sequences = split_parts(windows.ids, windows.offsets, np.arange(count), grammar, last_only)
        # a (windows,) column for each part: its tokens, which cost ln V each under the uniform
        lengths = [np.bincount(part.group, np.diff(part.offsets) * part.counted, count) for part in sequences[:-1]]
        # of the session marks only the ones are tokens, so they are summed
        marks = sequences[-1]
        lengths.append(np.bincount(marks.group, marks.tokens * marks.counted, count))
        tokens += int(sum(column.sum() for column in lengths)) + int(windows.lost.sum())
        found = [uniform * np.stack(lengths, 1), *(baseline.nats(sequences, count) for baseline in baselines)]
        for tally, nats in zip(tallies, found, strict=True):
            counted = np.minimum(windows.events, 1) if last_only else windows.events
            tally.add(windows.entities, np.column_stack([nats, windows.lost * uniform]), counted)
    names = ["uniform", *(baseline.name for baseline in baselines)]
    return [tally.score(name, parts, tokens) for name, tally in zip(names, tallies, strict=True)]


def difference(
    left: Score, right: Score, without: Collection[str] = (), only: Collection[str] | None = None
) -> Difference:
    """Bits an event by which `left` is cheaper, a ratio of sums over entities with its linearised standard error.

    The events of one entity depend on one another, so single events, or blocks that share an entity, would make the
    interval too narrow. The parts of `without` do not count; with `only`, only its parts do.
    """
    if only is not None:
        without = {*without, *((set(left.parts) | set(right.parts)) - set(only))}
    gain = (right.nats_without(without) - left.nats_without(without)) / math.log(2)
    events = left.events.astype(np.float64)
    groups, total = len(events), max(1.0, float(events.sum()))
    ratio = float(gain.sum()) / total
    if groups < 2:
        return Difference(left.name, right.name, ratio, None, None)
    # the delta method: a ratio of sums varies as the sum of its residuals over entities does
    spread = math.sqrt(float(((gain - ratio * events) ** 2).sum()) * groups / (groups - 1)) / total
    reach = student_95(groups - 1) * spread
    return Difference(left.name, right.name, ratio, ratio - reach, ratio + reach)


def compare(
    model: Score,
    baselines: Sequence[Score],
    split: str,
    clock: Collection[str] = (),
    fields: Mapping[str, Collection[str]] | None = None,
) -> ModelComparison:
    """Say whether the model beats the best baseline. `baselines` are the uniform, the unigram and the Markov.

    There is nothing to beat if neither the Markov baseline nor the model is certainly cheaper than the unigram: then
    the past does not help to predict the next event. The parts of the `clock` do not count here, since time only
    ever moves on, and any model learns that. `fields` has the parts of each field whose costs are to be compared.
    """
    by_name = {score.name: score for score in baselines}
    unigram, markov = by_name["unigram"], by_name["Markov"]
    best = min(unigram, markov, key=lambda score: score.bits_per_event)
    ahead = difference(model, best)
    differences = (difference(model, unigram), difference(model, markov), difference(markov, unigram))
    # A composite may hold tokens of the clock, so with composites everything counts.
    without = () if model.bits_by_part.get("[composite]") else clock
    if not any(difference(score, unigram, without).certain for score in (model, markov)):
        verdict = "nothing to beat"
    elif ahead.certain:
        verdict = "beats"
    else:
        verdict = "loses" if ahead.high is not None and ahead.high < 0 else "level"
    rows = [_row(score) for score in (*baselines, model)]
    events = int(model.events.sum())
    mixed = bool(model.bits_by_part.get("[composite]"))
    costs = [] if mixed else [_field_cost(name, parts, model, baselines) for name, parts in (fields or {}).items()]
    sentence = _sentence(verdict, ahead)
    return ModelComparison(split, events, model.tokens, tuple(rows), differences, verdict, sentence, tuple(costs))


def _field_cost(name: str, parts: Collection[str], model: Score, baselines: Sequence[Score]) -> FieldCost:
    unigram, markov = (next(each for each in baselines if each.name == known) for known in ("unigram", "Markov"))
    bits = {score.name: sum(score.bits_by_part.get(part, 0.0) for part in parts) for score in (*baselines, model)}
    return FieldCost(name, bits, difference(model, unigram, only=parts), difference(model, markov, only=parts))


def _row(score: Score) -> Row:
    return Row(score.name, score.bits_per_event, score.nats_per_token, score.bits_by_part)


def _sentence(verdict: str, ahead: Difference) -> str:
    interval = f"{ahead.bits:.3f} bits an event"
    if ahead.low is not None and ahead.high is not None:
        interval += f" (95%: {ahead.low:.3f} to {ahead.high:.3f})"
    match verdict:
        case "beats":
            return f"the model beats the best baseline, {ahead.right}, by {interval}"
        case "nothing to beat":
            return (
                "there is nothing to beat: neither the model nor a first-order Markov model predicts these events "
                "better than their plain frequencies (apart from their times), so their order holds nothing that "
                "these find"
            )
        case "loses":
            return f"the model does not beat the best baseline, {ahead.right}: it costs {-ahead.bits:.3f} bits more"
        case _:
            return f"the model is level with the best baseline, {ahead.right}: the difference is {interval}"
