"""What a model expects next in a held-out history, in readable lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.generate import Generator, likely_parts, predict_next
from domaintoolkit.grammar import event_starts
from domaintoolkit.model import EventModel

__all__ = ["expected_next"]

SHOWN = 3
"""Events of the history that are shown, and candidates for the next one."""


def expected_next(model: Any, tokenizer: Any, history: NDArray[Any]) -> tuple[str, ...]:
    """The end of a history of base tokens, the event that came, and what the model, given all before it, thinks
    likeliest: whole events of a token model, values of each part of an event model.
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
        return (*lines, *_parts(model, names, before))
    found = predict_next(Generator(model, tokenizer), before, SHOWN)
    return (*lines, *(f"expected   {' '.join(event.tokens)} ({event.share})" for event in found))


def _parts(model: EventModel, names: Any, before: NDArray[np.int64]) -> list[str]:
    lines = []
    for likely in likely_parts(model, before, SHOWN):
        listed = zip(likely.ids, likely.probabilities, strict=True)
        lines.append("expected   " + "  ".join(f"{names[token]} {share:.1%}" for token, share in listed))
    return lines
