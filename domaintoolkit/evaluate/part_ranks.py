"""The ranks that a model gives to what came, part by part, and the reliability of its probabilities.

Each part's first token is ranked among all that can begin the part, given the events before and the parts before it in
its own event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.grammar import EventIndex, Place, index_events
from domaintoolkit.metrics import Reliability
from domaintoolkit.model.batches import TokenBatch, positions_at_once
from domaintoolkit.model.evaluation_mode import evaluation_mode
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.event_tensors import events_from_streams
from domaintoolkit.model.targets import event_targets
from domaintoolkit.model.token_model import TokenModel
from domaintoolkit.util.ragged import group_by_length

__all__ = ["PartRanks", "count_fitting", "fit_block", "rank_parts"]

BINS = 10
"""Bins of confidence, equally wide."""
NEAR = 10


@dataclass(slots=True)
class PartRanks:
    """The ranks of one part's tokens, added up; ranks count from 1, and equal scores share the mean rank."""

    part: str
    choices: int
    """Tokens that can begin the part."""
    count: int = 0
    first: float = 0.0
    """The share of tokens that were the likeliest."""
    near: float = 0.0
    """The share of tokens that were among the ten likeliest."""
    reciprocal: float = 0.0
    """Sum of 1 / rank."""
    nats: float = 0.0
    """Cost of the tokens that came."""
    binned: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, BINS)))
    """(3, BINS): how often the likeliest token's probability lay in each bin, their sum, and how often it came."""

    @property
    def accuracy(self) -> float:
        """Share of values for which the likeliest token came."""
        return self.first / max(1, self.count)

    @property
    def recall(self) -> float:
        """Share of values that were among the ten likeliest."""
        return self.near / max(1, self.count)

    @property
    def mean_reciprocal_rank(self) -> float:
        """Mean of 1 / rank."""
        return self.reciprocal / max(1, self.count)

    @property
    def reliability(self) -> Reliability:
        """Confidence against accuracy, in bins that are equally wide, since values come batch by batch."""
        return Reliability.of_sums(*self.binned)

    def add(self, scores: Tensor, wanted: Tensor) -> None:
        """Add the scores (n, choices) of n values, and the number of the token that came among them (n,)."""
        # (n, 1) the score of what came
        own = scores.gather(1, wanted[:, None])
        # (n,) from 1 on; tied choices share the middle of their places
        rank = 1 + (scores > own).sum(1) + ((scores == own).sum(1) - 1) / 2
        best, choice = scores.softmax(1).max(1)
        hit = (choice == wanted).double().cpu().numpy()
        sure = best.double().cpu().numpy()
        # (n,) the bin of each confidence; 1 belongs to the last one
        place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
        self.binned += [np.bincount(place, values, BINS) for values in (np.ones(len(sure)), sure, hit)]
        self.count += len(wanted)
        self.nats -= float(scores.log_softmax(1).gather(1, wanted[:, None]).double().sum())
        self.first += float(hit.sum())
        self.near += float((rank <= NEAR).sum())
        self.reciprocal += float((1 / rank).sum())


def count_fitting(model: TokenModel | EventModel, ids: NDArray[np.integer[Any]], starts: NDArray[Any]) -> int:
    """The number of whole events, from the first on, that a block of the model holds; `starts` are their positions."""
    if isinstance(model, EventModel):  # the header is a position, and so is each event
        return min(len(starts), model.config.block - 1)
    return int((np.append(starts[1:], len(ids))[: len(starts)] <= model.config.block).sum())


def fit_block(
    model: TokenModel | EventModel, histories: Sequence[NDArray[np.integer[Any]]], starts: Sequence[NDArray[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(ids, offsets) of the first whole events of histories, as many as a block of the model holds.

    A history whose first event is too long is left out.
    """
    pieces = []
    for ids, events in zip(histories, starts, strict=True):
        if count := count_fitting(model, ids, events):
            pieces.append(np.asarray(ids[: int(np.append(events, len(ids))[count])], np.int64))
    return np.concatenate(pieces or [np.zeros(0, np.int64)]), np.cumsum([0, *map(len, pieces)], dtype=np.int64)


@torch.inference_mode()
def rank_parts(
    model: TokenModel | EventModel,
    ids: NDArray[np.integer[Any]],
    offsets: NDArray[np.integer[Any]],
    last_only: bool = False,
) -> list[PartRanks]:
    """The ranks of every part of the events of histories in base tokens; a history's first event counts too.

    With `last_only`, only the last event of each history counts. A token model that reads composites ranks nothing: its
    tokens are of no one part.
    """
    with evaluation_mode(model):
        names = model.part_names
        candidates = [_candidates(model, model.header_parts + part) for part in range(model.event_parts)]
        found = [PartRanks(names[part], len(candidates[part])) for part in range(model.event_parts)]
        if not model.config.composites:
            is_event = isinstance(model, EventModel)
            rank = _rank_events if is_event else _rank_tokens
            index = index_events(ids, offsets, model.layout)
            # (histories,) positions: an event has one, and the header another
            sizes = np.diff(index.offsets) + 1 if is_event else np.diff(offsets)
            first = _first_ranked(index, offsets, is_event) if last_only else np.zeros(len(sizes), np.int64)
            for rows in group_by_length(sizes, positions_at_once(model.device)):
                chosen = [np.asarray(ids[offsets[row] : offsets[row + 1]], np.int64) for row in rows]
                begins = torch.from_numpy(first[rows]).to(model.device)
                rank(model, chosen, candidates, found, begins)  # type: ignore[arg-type]
    return found


def _first_ranked(index: EventIndex, offsets: NDArray[np.integer[Any]], is_event: bool) -> NDArray[np.int64]:
    """(histories,) the position of the last event: as an event model counts them, or of its first token.

    Of a history without events, nothing is ranked from any position on.
    """
    counts, lengths = np.diff(index.offsets), np.diff(offsets)
    if is_event:  # the header is position 0 of its row, so event n is position n + 1
        return counts
    if not len(index.starts):
        return lengths
    return np.where(counts > 0, index.starts[index.offsets[1:] - 1] - offsets[:-1], lengths)


def _candidates(model: TokenModel | EventModel, place: int) -> Tensor:
    """Ids of the tokens that can begin a part, rising."""
    return ((model.place == place) & model.start).nonzero().flatten()


def _rank_events(
    model: EventModel,
    histories: list[NDArray[np.int64]],
    candidates: list[Tensor],
    found: list[PartRanks],
    first: Tensor,
) -> None:
    # (histories + 1,)
    ends = np.cumsum([0, *map(len, histories)])
    batch = events_from_streams(np.concatenate(histories), ends, model.layout).batch().to(model.device)
    targets = event_targets(batch, model.header_parts, model.place, model.get_buffer("continues"))
    if not len(targets.source):
        return
    # (B, T, H + P, cell)
    cells = model.cells(batch)
    # (N, width) the state before each event that is predicted
    hidden = model.hidden(batch, cells).flatten(0, 1)[targets.source]
    # the event of a state is at the next position of its row
    target, ids = targets.source + 1, batch.ids.flatten(0, 1)
    row, position = target // batch.ids.shape[1], target % batch.ids.shape[1]
    # (N, P, cell) the event's own parts, of which each sees those before it
    own = cells.flatten(0, 1)[target][:, model.header_parts :]
    # (N, K, P); (N, P, width) and (N, P, cell)
    earlier = model.earlier_ids(batch, targets.source)
    before = model.embed_scored(earlier[:, 0])
    contexts, queries = model.heads(hidden, batch.session.flatten()[target], own, before)
    for part, choices in enumerate(candidates):
        place = model.header_parts + part
        # (N,) numbers of the events that have this part
        there = targets.there[place]
        there = there[position[there] >= first[row[there]]]
        if not len(there):
            continue
        # (events, choices)
        gains = model.gains(place, contexts[there, part], earlier[there, :, part])
        found[part].add(
            model.scores(place, queries[there, part], gains), torch.searchsorted(choices, ids[target[there], place])
        )


def _rank_tokens(
    model: TokenModel,
    histories: list[NDArray[np.int64]],
    candidates: list[Tensor],
    found: list[PartRanks],
    first: Tensor,
) -> None:
    # (B, T) filled up on the right; a row is one history, and padding is of document -1
    ids = torch.zeros(len(histories), max(map(len, histories)), dtype=torch.long)
    documents = torch.full_like(ids, -1)
    for row, history in enumerate(histories):
        ids[row, : len(history)] = torch.from_numpy(history)
        documents[row, : len(history)] = 0
    batch = TokenBatch(ids, documents).to(model.device)
    # (B * (T - 1), width) the state before each token but the first of a row
    hidden = model.hidden(batch.ids, batch.documents)[:, :-1].flatten(0, 1)
    # (B, T - 1) and (B * (T - 1),): which of these tokens are real and late enough
    ranked = torch.arange(1, batch.documents.shape[1], device=first.device) >= first[:, None]
    follows = ((batch.documents[:, 1:] >= 0) & ranked).flatten()
    # (B * (T - 1),) the tokens that came
    after = batch.ids[:, 1:].flatten()
    place, begins = model.place[after], model.start[after]
    for part, choices in enumerate(candidates):
        # only tokens that begin the part are ranked: the others stand in a distribution of their own
        there = (follows & begins & (place == model.header_parts + part) & (place >= Place.BYTE)).nonzero().flatten()
        if not len(there):
            continue
        scores = hidden[there] @ model.output[choices].t()
        found[part].add(scores.float(), torch.searchsorted(choices, after[there]))
