"""What a model expects next in a held-out history, in readable lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from domaintoolkit.model import Generator, events_from_streams, predict_next
from domaintoolkit.model._event_model import SPREAD

__all__ = ["expected_next"]

SHOWN = 3
"""Events of the history that are shown, and candidates for the next one."""


def expected_next(model: Any, tokenizer: Any, history: NDArray[Any], starts: NDArray[Any]) -> tuple[str, ...]:
    """The end of a history (ids in base tokens, whose events begin at `starts`), the event that came, and what the
    model, given all before it, thinks likeliest: whole events of a token model, values of each part of an event model.
    """
    names = tokenizer.vocabulary.names
    last = int(starts[-1])
    shown = history[int(starts[max(0, len(starts) - 1 - SHOWN)]) : last]
    lines = [
        "after      " + " ".join(names[token] for token in shown),
        "came       " + " ".join(names[token] for token in history[last:]),
    ]
    before = np.asarray(history[:last], np.int64)
    if hasattr(model, "heads"):
        return (*lines, *_parts(model, tokenizer, before))
    found = predict_next(Generator(model, tokenizer), before, SHOWN)
    return (*lines, *(f"expected   {' '.join(event.tokens)} ({event.probability:.2%})" for event in found))


@torch.inference_mode()
def _parts(model: Any, tokenizer: Any, before: NDArray[np.int64]) -> list[str]:
    """The likeliest first tokens of each part, the likeliest one of the parts before it given."""
    layout, names = model.layout, tokenizer.vocabulary.names
    batch = events_from_streams(before, np.array([0, len(before)]), layout).batch().to(model.device)
    hidden = model.hidden(batch)[:, -1]
    session = model.session_head(hidden).squeeze(1) > 0
    own = torch.zeros(1, model.event_parts, model.config.cell, device=model.device)
    lines, skipped = [], 0
    for part in range(model.event_parts):
        if skipped:
            skipped -= 1
            continue
        query = model.heads(hidden, session, own)[1][0, part]
        candidates = model.get_buffer(f"candidates_{part}")
        shares = (model._scored[candidates] @ query + model.bias[candidates, 0]).softmax(0)
        best = shares.topk(min(SHOWN, len(candidates)))
        tokens = candidates[best.indices].tolist()
        own[0, part] = model.embedding[tokens[0]] / SPREAD
        skipped = max(1, int(layout.fills[tokens[0]])) - 1
        listed = (f"{names[token]} {share:.1%}" for token, share in zip(tokens, best.values.tolist(), strict=True))
        lines.append("expected   " + "  ".join(listed))
    return lines
