"""The likeliest next events of a history, by beam search over their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.errors import DecodeError
from domaintoolkit.generate.generator import Generator
from domaintoolkit.model.evaluation_mode import evaluation_mode

__all__ = ["Prediction", "predict_next"]

BEAM = 8
"""Events that are searched at once, at least."""
STEPS = 256
"""Tokens after which the search ends."""

Found = dict[tuple[int, ...], float]
"""The logarithm of the probability of each whole event, in base tokens."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One event that may come next."""

    ids: tuple[int, ...]
    """Base tokens."""
    tokens: tuple[str, ...]
    probability: float
    """Among all events that the grammar allows here. A model of composites has several ways to write an event: the sum
    over those that the search has found."""

    @property
    def share(self) -> str:
        """The probability as text: `12.34%`, or `3.1e-07` if it is below 0.01%."""
        return f"{self.probability:.2%}" if self.probability >= 1e-4 else f"{self.probability:.1e}"


@dataclass(frozen=True, slots=True)
class _Beam:
    score: float
    state: Any
    context: list[int]
    whole: int
    """Tokens of the history."""
    done: bool = False


@torch.inference_mode()
def predict_next(generator: Generator, history: NDArray[np.integer[Any]], count: int = 5) -> list[Prediction]:
    """The `count` likeliest next events that a beam search finds, the likeliest first.

    An event that no encoder would write, such as one with a spelled value that has a token, is left out. Raises
    `DecodeError` if `history` is not a history of whole events.
    """
    model = generator.model
    with evaluation_mode(model):
        draft = generator.begin(history, 1)
        if draft.unbegun:
            raise DecodeError("a history has a header before its next event")
        live = [_Beam(0.0, draft.state, list(draft.context), draft.whole)]
        found: Found = {}
        scores, width = generator.scores(1), max(BEAM, count)
        for _ in range(STEPS):
            live, parents = _grow(generator, live, scores.next(live), found, width)
            best = sorted(found.values(), reverse=True)[:count]
            # the score of a beam only falls as it grows, so none can overtake
            beaten = len(best) == count and (not live or live[0].score <= best[-1])
            if not live or beaten:
                break
            # a beam may have several children: the cache of its tokens is copied for each
            scores.pick(parents)
    names = generator.tokenizer.vocabulary.names
    likeliest = sorted(found.items(), key=lambda entry: -entry[1])[:count]
    return [
        Prediction(event, tuple(names[token] for token in event), float(np.exp(score))) for event, score in likeliest
    ]


def _grow(
    generator: Generator, live: Sequence[_Beam], scores: Tensor, found: Found, width: int
) -> tuple[list[_Beam], list[int]]:
    """The best beams with one token more, and the numbers of their parents; adds events that end to `found`."""
    options: list[tuple[float, int, int]] = []  # (score, number of the beam, token)
    writer = generator.writer
    for number, beam in enumerate(live):
        allowed = torch.from_numpy(writer.mask_next(beam.state))
        ending = torch.from_numpy(writer.mask_after_event(beam.state))  # (V + 1,) as `allowed`
        event = writer.event(beam.state)
        if not allowed.any():
            if event and writer.is_complete(beam.state):
                _add(generator, found, event, beam.score)
            continue
        # (V + 1,) log-probabilities among the tokens that the grammar allows
        logs = scores[number].masked_fill(~allowed, -torch.inf).log_softmax(0)
        if event and ending.any():
            # the event ends here with the probability of all that can only come after it
            _add(generator, found, event, beam.score + float(logs[ending].logsumexp(0)))
            logs = logs.masked_fill(ending, -torch.inf)
        best = logs.topk(min(width, len(logs)))
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        # scores are sums of logarithms, so that those of all beams can be compared
        options += [(beam.score + log, number, token) for log, token in pairs if log > -np.inf]
    grown: list[_Beam] = []
    parents: list[int] = []
    for score, number, token in sorted(options, key=lambda option: -option[0])[:width]:
        beam = live[number]
        state = writer.after(beam.state, token)
        if state.finished:  # a composite that completes this event and goes on into the next
            _add(generator, found, state.finished[0], score)
            continue
        # going on without a token adds nothing that the model reads
        context = beam.context if token == writer.skip else [*beam.context, token]
        grown.append(_Beam(score, state, context, beam.whole))
        parents.append(number)
    return grown, parents


def _add(generator: Generator, found: Found, event: tuple[int, ...], score: float) -> None:
    if generator.checks.is_canonical(event):
        # an event of composites can be written in several ways, whose probabilities add up
        found[event] = float(np.logaddexp(found.get(event, -np.inf), score))
