"""The likeliest tokens of the next event by an event model, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.model.evaluation_mode import evaluation_mode
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.event_tensors import events_from_streams
from domaintoolkit.model.layers.tails import SPREAD

__all__ = ["LikelyPart", "likely_parts"]


@dataclass(frozen=True, slots=True)
class LikelyPart:
    """The likeliest first tokens of one part, with their probabilities among all that can begin it."""

    part: str
    ids: tuple[int, ...]
    probabilities: tuple[float, ...]


@torch.inference_mode()
def likely_parts(model: EventModel, history: NDArray[np.integer[Any]], count: int = 3) -> list[LikelyPart]:
    """The `count` likeliest first tokens of each part of the event after `history`, ids of base tokens.

    Each part is ranked given the likeliest tokens of the parts before it; a part that such a token fills is left out.
    Raises `DecodeError` if `history` is not a history of whole events.
    """
    with evaluation_mode(model):
        batch = events_from_streams(history, np.array([0, len(history)]), model.layout).batch().to(model.device)
        # (1, width)
        hidden = model.hidden(batch)[:, -1]
        session = model.session_head(hidden).squeeze(1) > 0
        last = torch.tensor([batch.ids.shape[1] - 1], device=model.device)
        # (1, K, P) and (1, P, cell)
        earlier = model.earlier_ids(batch, last)
        before = model.embed_scored(earlier[:, 0])
        # (1, P, cell) filled from the left: a part depends on the parts before it alone
        own = torch.zeros(1, model.event_parts, model.config.cell, device=model.device)
        found: list[LikelyPart] = []
        part = 0
        while part < model.event_parts:
            # (1, P, width) and (1, P, cell)
            contexts, queries = model.heads(hidden, session, own, before)
            place = model.header_parts + part
            gains = model.gains(place, contexts[:, part], earlier[:, :, part])
            found.append(_rank(model, part, model.scores(place, queries[:, part], gains)[0], count))
            own[0, part] = model.embedding[found[-1].ids[0]] / SPREAD
            # on to the next part that the likeliest token does not fill
            part += max(1, int(model.fills[found[-1].ids[0]]))
    return found


def _rank(model: EventModel, part: int, scores: Tensor, count: int) -> LikelyPart:
    candidates = model.candidates(model.header_parts + part)
    shares = scores.softmax(0)  # (candidates,)
    best = shares.topk(min(count, len(candidates)))
    ids = candidates[best.indices].tolist()
    return LikelyPart(model.part_names[part], tuple(ids), tuple(best.values.tolist()))
