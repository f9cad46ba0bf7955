"""The next event that a model expects in a held-out history, in readable lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.generate import Generator, likely_parts, predict_next
from domaintoolkit.grammar import event_starts
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["describe_next_event"]

SHOWN = 3
"""Events of the history that are shown, and candidates for the next one."""


def describe_next_event(
    model: TokenModel | EventModel, tokenizer: DomainTokenizer, history: NDArray[np.integer[Any]]
) -> tuple[str, ...]:
    """The end of a history of base tokens, the event that came, and the likeliest ones given all before it.

    These are whole events of a token model, and values of each part of an event model.
    """
    names, grammar = tokenizer.vocabulary.names, tokenizer.grammar
    starts = event_starts(history, grammar)
    last = int(starts[-1])
    shown = history[int(starts[max(0, len(starts) - 1 - SHOWN)]) : last]
    lines = [
        "after      " + " ".join(names[token] for token in shown),
        "came       " + " ".join(names[token] for token in history[last:]),
    ]
    before = np.asarray(history[:last], np.int64)
    if isinstance(model, EventModel):
        return (*lines, *_describe_parts(model, names, before))
    found = predict_next(Generator(model, tokenizer), before, SHOWN)
    return (*lines, *(f"expected   {' '.join(event.tokens)} ({event.share})" for event in found))


def _describe_parts(model: EventModel, names: Sequence[str], before: NDArray[np.int64]) -> list[str]:
    """A line for each part: its likeliest tokens with their probabilities."""
    lines = []
    for likely in likely_parts(model, before, SHOWN):
        listed = zip(likely.ids, likely.probabilities, strict=True)
        lines.append("expected   " + "  ".join(f"{names[token]} {share:.1%}" for token, share in listed))
    return lines
