"""Held-out histories, what the model expects next, and what really came."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from domaintoolkit.errors import DomainToolkitError
from domaintoolkit.evaluate.part_ranks import count_fitting
from domaintoolkit.generate import Generator, likely_parts, predict_next
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.report.chips import Chip, chips
from domaintoolkit.report.folder.chosen_rows import ChosenRows
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["ShownChance", "ShownPrediction", "predict_events"]

BEFORE = 3
"""Events of the history that are shown."""
EXPECTED = 5
SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ShownChance:
    """An event, or the value of a part, with its probability."""

    label: str
    chips: list[Chip]
    share: float
    came: bool = False


@dataclass(frozen=True, slots=True)
class ShownPrediction:
    """One history."""

    key: str
    before: list[tuple[str, list[Chip]]]
    came: list[Chip]
    events: list[ShownChance]
    parts: list[ShownChance]
    """For an event model, the likeliest values of each part."""


def predict_events(
    model: TokenModel | EventModel, tokenizer: DomainTokenizer, rows: ChosenRows, count: int
) -> list[ShownPrediction]:
    """Predict an event of each of `count` histories: the last that a block holds."""
    fits = [count_fitting(model, ids, starts) for ids, starts in zip(rows.ids, rows.starts, strict=True)]
    # with as many events before it as are shown, if there are such histories
    least = min(BEFORE + 1, max(fits, default=0))
    enough = [row for row, events in enumerate(fits) if events >= max(2, least)]
    rng = np.random.default_rng(0)
    generator = Generator(model, tokenizer)
    found: list[ShownPrediction] = []
    began = time.perf_counter()
    for row in sorted(rng.permutation(enough)[:count].tolist()) if enough else []:
        if found and time.perf_counter() - began > SECONDS:  # a model that spells everything is slow
            break
        try:
            found.append(_predict(generator, rows, row, fits[row] - 1))
        except DomainToolkitError:
            continue  # the event that it writes is longer than its positions
    return found


def _predict(generator: Generator, rows: ChosenRows, row: int, target: int) -> ShownPrediction:
    tokenizer, ids = generator.tokenizer, np.asarray(rows.ids[row], np.int64)
    starts = [*rows.starts[row].tolist(), len(ids)]
    came = ids[starts[target] : starts[target + 1]]
    hits = frozenset(came.tolist())
    before = [
        (f"event {number + 1}", chips(tokenizer, ids[starts[number] : starts[number + 1]]))
        for number in range(max(0, target - BEFORE), target)
    ]
    history = ids[: starts[target]]
    events = [
        ShownChance(each.share, chips(tokenizer, each.ids, hits), each.probability, tuple(came.tolist()) == each.ids)
        for each in predict_next(generator, history, EXPECTED)
    ]
    parts = []
    if isinstance(generator.model, EventModel):
        for likely in likely_parts(generator.model, history, EXPECTED):
            for number, (token, share) in enumerate(zip(likely.ids, likely.probabilities, strict=True)):
                label = likely.part if number == 0 else ""
                parts.append(ShownChance(label, chips(tokenizer, [token], hits), share, token in hits))
    return ShownPrediction(rows.names[row], before, chips(tokenizer, came), events, parts)
