"""A model as a ranker: the probabilities of all values after each history, as far as the model reads back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.generate import TokenValueScorer, ValueScorer, ValueTokens
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.next_events.folder_histories import FolderHistories
from domaintoolkit.util.ragged import group_by_length, offsets_of

__all__ = ["HistoryWindows", "ModelRanker"]

POSITIONS = 1 << 14
"""Positions of a batch, padding included."""

Longs = NDArray[np.int64]


class HistoryWindows:
    """Histories as a model reads them: the header, and the latest events before each case that fit into its block."""

    def __init__(self, model: EventModel | TokenModel, histories: FolderHistories) -> None:
        self.histories, self.room = histories, max(2, model.config.block - 1)
        self.session = int(histories.ids[histories.event_starts[histories.opens][0]]) if histories.opens.any() else -1

    def stream(self, row: int, start: int, end: int) -> NDArray[np.int64]:
        """The header of a history, and its events from `start` to `end`, without the session token of the first."""
        h = self.histories
        low, first = int(h.offsets[row]), int(h.events[row])
        begins = h.event_starts[first : int(h.events[row + 1])]
        bounds = np.append(begins, h.offsets[row + 1])
        at = int(bounds[start])
        if start and int(h.ids[at]) == self.session:
            at += 1
        head = h.ids[low : int(begins[0])] if len(begins) else h.ids[low : int(h.offsets[row + 1])]
        return np.concatenate([head, h.ids[at : int(bounds[end])]]).astype(np.int64)

    def batches(self, cases: Cases) -> Iterator[tuple[NDArray[np.int64], Longs, list[Longs], Longs]]:
        """(ids, offsets, cuts of each stream, the cases in their order), a batch at a time.

        Cases of one history share a stream; so do those that see its end from at least half a block before.
        """
        half = max(1, self.room // 2)
        # (cases,) positions that a block does not hold, and the event from which on is read, a multiple of half a block
        over = np.maximum(cases.cuts - self.room, 0)
        starts = -(-over // half) * half
        # (cases,) one number for each history and start
        key = cases.rows * (int(starts.max(initial=0)) + 1) + starts
        _, first, group = np.unique(key, return_index=True, return_inverse=True)
        # (streams,) the end of the longest case of each, and its positions with the header
        ends = np.zeros(len(first), np.int64)
        np.maximum.at(ends, group, cases.cuts)
        lengths = ends - starts[first] + 1
        # (cases,) in the order of their streams, and (streams + 1,) where those of each begin
        members = np.argsort(group, kind="stable")
        bounds = np.searchsorted(group[members], np.arange(len(first) + 1))
        for some in group_by_length(lengths, POSITIONS):
            streams, cuts, chosen = [], [], []
            for g in some.tolist():
                at = int(first[g])
                own = members[bounds[g] : bounds[g + 1]]
                streams.append(self.stream(int(cases.rows[at]), int(starts[at]), int(ends[g])))
                cuts.append(cases.cuts[own] - starts[at])
                chosen.append(own)
            offsets = offsets_of(np.array([len(each) for each in streams], np.int64))
            yield np.concatenate(streams), offsets, cuts, np.concatenate(chosen)


class ModelRanker:
    """The probabilities of the model, given that the field has a value."""

    name, is_probability = "model", True

    def __init__(
        self,
        model: EventModel | TokenModel,
        histories: FolderHistories,
        place: int,
        values: ValueTokens,
        sessions: bool,
        samples: int,
    ) -> None:
        self.scorer: ValueScorer | TokenValueScorer = (
            ValueScorer(model, place, values, sessions, samples)
            if isinstance(model, EventModel)
            else TokenValueScorer(model, place, values, sessions, samples)
        )
        self.windows = HistoryWindows(model, histories)

    def scores(self, cases: Cases, known: Sequences) -> NDArray[np.float32]:
        """(n, V); an upper bound for spelled values that cannot be as likely as the target."""
        found = np.empty((len(cases), self.scorer.count), np.float32)
        alone = bool((np.diff(cases.offsets) == 1).all())
        for ids, offsets, cuts, chosen in self.windows.batches(cases):
            wanted = np.maximum(cases.targets[cases.offsets[:-1][chosen]], 0) if alone else None
            logs = self.scorer.log_probabilities(ids, offsets, cuts, cases.session, wanted)
            found[chosen] = np.exp(logs)
        return found
