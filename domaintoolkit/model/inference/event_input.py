"""`EventInput`: the decoder's input of an event model as sums of rows of one table.

The input is linear in the embeddings of the cells and in the time features of each part, so that every token has a row
of its own that is added to the position that it stands in: a product for each token that is used, in place of one for
each position.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.grammar import Place, index_events
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.layers.tails import FACTORS, SPREAD

__all__ = ["EventInput"]

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]


class _Tails(NamedTuple):
    """The tokens of a stream after the first of a cell."""

    at: Longs
    """(m,) where each stands."""
    part: Longs
    """(m,) the part of its cell."""
    step: Longs
    """(m,) its place in the tail, from 0."""
    length: Longs
    """(m,) the tokens of the tail."""


class EventInput:
    """The rows of all tokens of some streams."""

    def __init__(self, model: EventModel, ids: Ints) -> None:
        self.model = model
        self.layout = model.layout
        place, start = self.layout.place, self.layout.start
        self.begins = start | (place == Place.BOS) | (place == Place.SESSION)
        # (V,) the table has a row for each token that occurs, not for the whole vocabulary
        used = np.zeros(len(place), np.bool_)
        used[ids] = True
        tokens = np.flatnonzero(used)
        self.row = np.zeros(len(place), np.int32)
        """(V,) the row of each token that is used, unless it is a byte."""
        self.row[tokens] = np.arange(len(tokens), dtype=np.int32)
        rows = [self._rows(tokens)]
        self.bytes = np.zeros(0, np.int32)
        """(H + P,) the first row of the bytes in each part that has some."""
        spelled = tokens[place[tokens] == Place.BYTE]
        if len(spelled):
            self.row[spelled] = np.arange(len(spelled), dtype=np.int32)
            tails = self._tails(ids)
            parts = np.unique(tails.part[place[ids[tails.at]] == Place.BYTE])
            self.bytes = np.zeros(model.header_parts + model.event_parts, np.int32)
            self.bytes[parts] = len(tokens) + len(spelled) * np.arange(len(parts), dtype=np.int32)
            # a byte spells in many parts, and the projection of a cell depends on its part
            rows += [self._project(spelled, int(part)) for part in parts]
        self.table = torch.cat(rows)
        """(rows, width)"""
        self.factors = model.tail_encoder.factors.detach().cpu().numpy()

    def __call__(self, ids: Ints, offsets: Longs) -> Tensor:
        """The input (B, T, width) of B whole streams among those that the table was made for."""
        model, device = self.model, self.table.device
        index = index_events(ids, offsets, self.layout)
        events = np.diff(index.offsets)
        count, length = len(events), int(events.max(initial=0)) + 1
        # (B, T) where the tokens of each position begin: padding has none, and begins where its stream ends
        opens = np.repeat(offsets[1:, None].astype(np.int32), length, 1)
        # position 0 is the header, and event n is position n + 1
        opens[:, 0] = offsets[:-1]
        row = np.repeat(np.arange(count), events)
        opens[row, np.arange(len(row)) - index.offsets[:-1][row] + 1] = index.starts
        # (tokens,) rows; weights are only needed if some tokens do not begin a part
        rows, weights = self.row[ids], None
        if not self.begins[ids].all():
            rows, weights = self._weigh(ids, rows)
        x = functional.embedding_bag(
            torch.from_numpy(rows).to(device),
            self.table,
            # each sum goes up to where the next position begins
            torch.from_numpy(opens.ravel()).to(device),
            mode="sum",
            per_sample_weights=None if weights is None else torch.from_numpy(weights).to(device),
        ).view(count, length, -1)
        if model.steps is not None:
            if length > model.config.block:
                reason = f"longer than the block of {model.config.block} that the learned positions are for"
                raise DataError([Refusal(None, None, reason)])
            x = x + model.steps.weight[:length]
        return x

    def _weigh(self, ids: Ints, rows: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(row of each token, its weight): the tokens of a tail have the mean of their rows, each times a factor."""
        tails = self._tails(ids)
        weights = np.ones(len(ids), np.float32)
        # (tokens,) a factor by the place in the tail; the mean of the tail's cells
        weights[tails.at] = self.factors[np.minimum(tails.step, FACTORS - 1)] / tails.length
        if len(self.bytes):
            spelled = self.layout.place[ids[tails.at]] == Place.BYTE
            rows[tails.at[spelled]] += self.bytes[tails.part[spelled]]
        return rows, weights

    def _tails(self, ids: Ints) -> _Tails:
        begins = self.begins[ids]
        # (begins,) and (m,) the tokens that begin something, and the others
        first, at = np.flatnonzero(begins), np.flatnonzero(~begins)
        # (m,) the number of the token that each belongs to among those that begin something
        owner = np.searchsorted(first, at) - 1
        lengths = np.diff(first, append=len(ids)) - 1
        part = self.layout.place[ids[first[owner]]].astype(np.int64)
        return _Tails(at, part, at - first[owner] - 1, lengths[owner])

    def _project(self, tokens: Ints, part: int) -> Tensor:
        """(n, width) the rows of tokens in a cell of this part."""
        model = self.model
        weight = model.project.weight.view(model.config.width, -1, model.config.cell)[:, part]
        return functional.linear(model.embedding[torch.from_numpy(tokens).to(model.device)], weight) / SPREAD

    def _rows(self, tokens: Ints) -> Tensor:
        """(n, width) the rows of tokens; bytes have none here, since theirs depend on the part."""
        model = self.model
        place, start = self.layout.place[tokens], self.layout.start[tokens]
        # a token without a row, such as [BOS], adds nothing
        rows = torch.zeros(len(tokens), model.config.width, device=model.device)
        for part in np.unique(place[place >= 0]):
            own = np.flatnonzero(place == part)
            rows[torch.from_numpy(own).to(model.device)] = self._project(tokens[own], int(part))
        rows[torch.from_numpy(np.flatnonzero(place == Place.SESSION)).to(model.device)] = model.flag / SPREAD
        # the features of an event whose time parts are all missing, which every event has through its first part
        parts = model.header_parts + model.event_parts
        blank = model.clock(torch.zeros(1, parts, dtype=torch.long, device=model.device))
        first = np.flatnonzero(start & (place == model.header_parts))
        rows[torch.from_numpy(first).to(model.device)] += blank
        timed = np.flatnonzero(start & np.isin(place, [*model.clock.calendar, *model.clock.elapsed]))
        if len(timed):
            own = np.zeros((len(timed), parts), np.int64)
            own[np.arange(len(timed)), place[timed]] = tokens[timed]
            # time features are a sum over parts, so that each token has its share
            shares = model.clock(torch.from_numpy(own).to(model.device)) - blank
            rows[torch.from_numpy(timed).to(model.device)] += shares
        return rows
