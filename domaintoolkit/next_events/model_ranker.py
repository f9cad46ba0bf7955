"""A model as a ranker: the probabilities of all values after each history, as far as the model reads back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.generate import TokenValueScorer, ValueScorer, ValueTokens
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.next_events.folder_histories import FolderHistories
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import group_by_length, offsets_of, positions
from domaintoolkit.windows.prefixes import Prefixes, ReadingRule, prefix_windows
from domaintoolkit.windows.window_rule import window_rule

__all__ = ["HistoryWindows", "ModelRanker"]

POSITIONS = 1 << 14
"""Positions of a batch, padding included."""

Longs = NDArray[np.int64]


class HistoryWindows:
    """Histories as a model reads them: windows that begin as those it was trained on do."""

    def __init__(self, histories: FolderHistories, rule: ReadingRule) -> None:
        self.histories, self.rule = histories.stored, rule

    def batches(self, cases: Cases) -> Iterator[tuple[NDArray[Any], Longs, list[Longs], Longs]]:
        """(ids, offsets, cuts of each stream, the cases in their order), a batch at a time.

        Cases of one history share a stream if one window holds the ends of all of them.
        """
        windows = prefix_windows(self.histories, Prefixes(cases.rows, cases.cuts, np.zeros_like(cases.cuts)), self.rule)
        # (w,)
        lengths = np.diff(windows.offsets)
        # (cases,) in the order of their windows, and (w + 1,) where those of each begin
        members = np.argsort(windows.window, kind="stable")
        bounds = np.searchsorted(windows.window[members], np.arange(len(lengths) + 1))
        sizes = windows.events + 1 if self.rule.unit == "events" else lengths
        for some in group_by_length(sizes, POSITIONS):
            own = [members[bounds[g] : bounds[g + 1]] for g in some.tolist()]
            ids = windows.ids[positions(windows.offsets[some], lengths[some])]
            yield ids, offsets_of(lengths[some]), [windows.known[each] for each in own], np.concatenate(own)


class ModelRanker:
    """The probabilities of the model, given that the field has a value."""

    name, is_probability = "model", True

    def __init__(
        self,
        model: EventModel | TokenModel,
        histories: FolderHistories,
        place: int,
        values: ValueTokens,
        tokenizer: DomainTokenizer,
        samples: int,
    ) -> None:
        sessions = tokenizer.schema.has_sessions
        self.scorer: ValueScorer | TokenValueScorer = (
            ValueScorer(model, place, values, sessions, samples)
            if isinstance(model, EventModel)
            else TokenValueScorer(model, place, values, sessions, samples)
        )
        self.windows = HistoryWindows(histories, self.scorer.reading(window_rule(tokenizer)))

    def scores(self, cases: Cases, known: Sequences) -> NDArray[np.float32]:
        """(n, V); an upper bound for spelled values that cannot be as likely as the target."""
        found = np.empty((len(cases), self.scorer.count), np.float32)
        alone = bool((np.diff(cases.offsets) == 1).all())
        for ids, offsets, cuts, chosen in self.windows.batches(cases):
            wanted = np.maximum(cases.targets[cases.offsets[:-1][chosen]], 0) if alone else None
            logs = self.scorer.log_probabilities(ids, offsets, cuts, cases.session, wanted)
            found[chosen] = np.exp(logs)
        return found
