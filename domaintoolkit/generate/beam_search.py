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
from domaintoolkit.generate.constraints.composite_next_tokens import ComposedState
from domaintoolkit.generate.generator import Generator

__all__ = ["Prediction", "predict_next"]

BEAM = 8
"""Events that are followed at once, at least."""
STEPS = 256

Found = dict[tuple[int, ...], float]
"""The logarithm of the probability of each whole event, in base tokens."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One event that may come next."""

    ids: tuple[int, ...]
    """Base tokens."""
    tokens: tuple[str, ...]
    probability: float
    """Among all that the grammar allows here; of a model of composites, what the ways to write it that the search
    has found have together."""

    @property
    def share(self) -> str:
        """The probability for people: `12.34%`, or `3.1e-07` where that says more."""
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

    What no encoder would write, such as a known value that is spelled, is no event and left out. Raises
    `DecodeError` for what is no history of whole events.
    """
    model = generator.model
    was_training = model.training
    model.eval()
    draft = generator.begun(history, 1)
    if draft.unbegun:
        raise DecodeError("a history has a header before its next event")
    live = [_Beam(0.0, draft.state, list(draft.context), draft.whole)]
    found: Found = {}
    reader, width = generator.reader(1), max(BEAM, count)
    for _ in range(STEPS):
        live, parents = _grown(generator, live, reader.scores(live), found, width)
        best = sorted(found.values(), reverse=True)[:count]
        beaten = len(best) == count and (not live or live[0].score <= best[-1])
        if not live or beaten:
            break
        reader.pick(parents)
    model.train(was_training)
    names = generator.tokenizer.vocabulary.names
    likeliest = sorted(found.items(), key=lambda entry: -entry[1])[:count]
    return [
        Prediction(event, tuple(names[token] for token in event), float(np.exp(score))) for event, score in likeliest
    ]


def _grown(
    generator: Generator, live: Sequence[_Beam], scores: Tensor, found: Found, width: int
) -> tuple[list[_Beam], list[int]]:
    """The best beams one token on, with the numbers of their parents; adds to `found`."""
    options: list[tuple[float, int, int]] = []
    writer: Any = generator.composed or generator.writer
    for number, beam in enumerate(live):
        allowed, turns = (torch.from_numpy(mask) for mask in (writer.allowed(beam.state), writer.turns(beam.state)))
        event = _event(generator, beam)
        if not allowed.any():
            if event and writer.finished(beam.state):
                _add(generator, found, event, beam.score)
            continue
        logs = scores[number].masked_fill(~allowed, -torch.inf).log_softmax(0)
        if event and turns.any():
            _add(generator, found, event, beam.score + float(logs[turns].logsumexp(0)))
            logs = logs.masked_fill(turns, -torch.inf)
        best = logs.topk(min(width, len(logs)))
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        options += [(beam.score + log, number, token) for log, token in pairs if log > -np.inf]
    grown: list[_Beam] = []
    parents: list[int] = []
    for score, number, token in sorted(options, key=lambda option: -option[0])[:width]:
        beam = live[number]
        state = writer.after(beam.state, token)
        if isinstance(state, ComposedState) and state.finished:
            _add(generator, found, state.finished[0], score)
            continue
        context = beam.context if token == generator.writer.onward else [*beam.context, token]
        grown.append(_Beam(score, state, context, beam.whole))
        parents.append(number)
    return grown, parents


def _event(generator: Generator, beam: _Beam) -> tuple[int, ...]:
    """The base tokens of the event that a beam has written."""
    if isinstance(beam.state, ComposedState):
        assert generator.composed is not None
        return generator.composed.event(beam.state)
    return tuple(beam.context[beam.whole :])


def _add(generator: Generator, found: Found, event: tuple[int, ...], score: float) -> None:
    if generator.checks.event(event) == event:
        found[event] = float(np.logaddexp(found.get(event, -np.inf), score))
