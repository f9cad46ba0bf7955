"""The likeliest next events of a history, by beam search over their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.model._decoder import Cache
from domaintoolkit.model._generate import Generator
from domaintoolkit.model._writer import State

__all__ = ["Prediction", "predict_next"]

BEAM = 8
"""Events that are followed at once, at least."""
STEPS = 256


@dataclass(frozen=True, slots=True)
class Prediction:
    """One event that may come next."""

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    probability: float
    """Among all events that the grammar allows here."""


@dataclass(frozen=True, slots=True)
class _Beam:
    score: float
    state: State
    ids: tuple[int, ...] = ()


@torch.inference_mode()
def predict_next(generator: Generator, history: NDArray[np.integer[Any]], count: int = 5) -> list[Prediction]:
    """The `count` likeliest next events that a beam search finds, the likeliest first.

    Raises `DecodeError` for what is no history of whole events.
    """
    model = generator.model
    was_training = model.training
    model.eval()
    ids = [int(token) for token in history]
    state = generator._begun(ids, 1).state
    found, live, cache = list[_Beam](), [_Beam(0.0, state)], Cache()
    fed = torch.tensor([ids])
    for _ in range(STEPS):
        hidden = model.read(fed.to(model.device), torch.ones_like(fed, dtype=torch.bool).to(model.device), cache)
        scores = model.logits(hidden[:, -1]).float().cpu()
        grown, parents, tokens = _grown(generator, live, scores, found, max(BEAM, count))
        found = sorted(found, key=lambda beam: -beam.score)[:count]
        beaten = len(found) == count and (not grown or grown[0].score <= found[-1].score)
        if not grown or beaten:
            break
        live, fed = grown, torch.tensor(tokens)[:, None]
        cache.pick(torch.tensor(parents, device=model.device))
    model.train(was_training)
    names = generator.tokenizer.vocabulary.names
    return [
        Prediction(beam.ids, tuple(names[token] for token in beam.ids), float(np.exp(beam.score))) for beam in found
    ]


def _grown(
    generator: Generator, live: list[_Beam], scores: Tensor, found: list[_Beam], width: int
) -> tuple[list[_Beam], list[int], list[int]]:
    """The best beams one token on, with the numbers of their parents and their new tokens; adds to `found`."""
    writer, rules = generator.writer, generator.rules
    options: list[tuple[float, int, int]] = []
    for number, beam in enumerate(live):
        allowed = torch.from_numpy(writer.allowed(beam.state))
        if not allowed.any():
            continue
        logs = scores[number].masked_fill(~allowed, -torch.inf).log_softmax(0)
        if beam.ids and beam.state.following == writer.end and not beam.state.session:
            begins = torch.from_numpy(rules.grammar.start) | (torch.arange(len(logs)) == rules.grammar.session)
            if (begins & allowed).any():
                ending = float(logs[begins].logsumexp(0))
                found.append(_Beam(beam.score + ending, beam.state, beam.ids))
            logs = logs.masked_fill(begins, -torch.inf)
        best = logs.topk(min(width, len(logs)))
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        options += [(beam.score + log, number, token) for log, token in pairs if log > -np.inf]
    options = sorted(options, key=lambda option: -option[0])[:width]
    grown = [
        _Beam(score, writer.after(live[number].state, token), (*live[number].ids, token))
        for score, number, token in options
    ]
    return grown, [number for _, number, _ in options], [token for _, _, token in options]
