"""The cost of held-out events in nats and bits, part by part."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.evaluate.part_sequences import find_last_events
from domaintoolkit.grammar import Syntax, index_events
from domaintoolkit.util.hashing import mix
from domaintoolkit.util.ragged import run_offsets

__all__ = ["HEADER", "Score", "Tally", "WindowsLike", "score_model"]

Ints = NDArray[np.integer[Any]]

HEADER = "[header]"
"""The part of a history's header, which is not part of an event."""
GROUPS = 1 << 16
"""Groups of entities, by a hash, in which costs are summed; of a few thousand entities nearly each has its own."""


class WindowsLike(Protocol):
    """Windows of histories, one after another."""

    @property
    def ids(self) -> Ints: ...
    @property
    def offsets(self) -> NDArray[np.int64]: ...
    @property
    def rows(self) -> NDArray[np.int64]: ...
    @property
    def entities(self) -> NDArray[np.int64]: ...
    @property
    def events(self) -> NDArray[np.int64]: ...
    @property
    def lost(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True)
class Score:
    """The cost of the same events under one model or baseline.

    Every token of an event counts: its parts, spelled and text tokens, session tokens, and tokens that did not fit
    into a block, at the uniform cost. Costs are summed by entity, or by a few entities: entities are independent of
    one another, so the spread between them gives the error of a figure.
    """

    name: str
    parts: tuple[str, ...]
    nats: NDArray[np.float64]
    """(groups of entities, parts)"""
    events: NDArray[np.int64]
    """(groups of entities,)"""
    tokens: int
    """Tokens that were predicted, including those of the header if it is a part."""

    @property
    def nats_per_token(self) -> float:
        """Mean nats of a predicted token."""
        return float(self.nats.sum()) / max(1, self.tokens)

    @property
    def bits_per_event(self) -> float:
        """Bits of an event's tokens, without those of the history's header."""
        return float(self.event_nats.sum()) / math.log(2) / max(1, int(self.events.sum()))

    @property
    def bits_by_part(self) -> dict[str, float]:
        """Bits an event of each part."""
        bits = self.nats.sum(0) / math.log(2) / max(1, int(self.events.sum()))
        return {part: float(value) for part, value in zip(self.parts, bits, strict=True)}

    @property
    def event_nats(self) -> NDArray[np.float64]:
        """(groups,) nats of events' tokens."""
        return self.nats_without(())

    def nats_without(self, parts: Collection[str]) -> NDArray[np.float64]:
        """(groups,) nats of events' tokens, except those of `parts`."""
        counted = [number for number, part in enumerate(self.parts) if part != HEADER and part not in parts]
        return np.asarray(self.nats[:, counted].sum(1), np.float64)


class Tally:
    """Sums of costs (n, parts) and events by group of entities, in memory that does not grow with their number."""

    def __init__(self, parts: int) -> None:
        self.nats = np.zeros((GROUPS, parts))
        self.events = np.zeros(GROUPS, np.int64)

    def add(self, entities: Ints, nats: NDArray[np.float64], events: Ints) -> None:
        """Add rows of costs, each of one entity."""
        # `at` adds rows of the same group up; indexed `+=` would keep the last one
        groups = entity_groups(entities)
        np.add.at(self.nats, groups, nats)
        np.add.at(self.events, groups, events)

    def score(self, name: str, parts: Sequence[str], tokens: int) -> Score:
        """The groups that have events."""
        there = np.flatnonzero(self.events)
        return Score(name, tuple(parts), self.nats[there], self.events[there], tokens)


def entity_groups(entities: Ints) -> NDArray[np.int64]:
    """The group of each entity, by its number in the folder."""
    return (mix(np.asarray(entities).astype(np.uint64)) & np.uint64(GROUPS - 1)).astype(np.int64)


def score_model(
    name: str,
    parts: tuple[str, ...],
    batches: Iterable[tuple[Any, WindowsLike]],
    loss: Callable[[Any], Any],
    lost_nats: float,
    grammar: Syntax | None = None,
) -> Score:
    """The score of a model on its batches and the windows in them.

    `loss` gives a `LossReport` for a batch; `lost_nats` is the cost of a token that did not fit. With the `grammar`,
    only the last event of each window counts, whose windows are then in base tokens.
    """
    tally, tokens = Tally(len(parts) + 1), 0
    for batch, windows in batches:
        report = loss(batch)
        # (B * T, parts) in float64, and the window of each position (B * T,)
        nats = report.nats.detach().flatten(0, 1).double().cpu().numpy()
        owner = _windows_of(batch.documents.cpu().numpy(), windows.rows).ravel()
        there = owner >= 0
        events, predicted = windows.events, int(report.tokens)
        if grammar is not None:
            begins = find_last_events(index_events(windows.ids, windows.offsets, grammar), windows.offsets)
            lengths = windows.offsets[1:] - begins
            # an event model has one position for the last event, and a token model one for each of its tokens
            size = np.ones_like(lengths) if batch.ids.ndim == 3 else lengths
            there &= _steps_to_end(owner) < size[np.maximum(owner, 0)]
            events, predicted = np.minimum(events, 1), int(lengths.sum())
        # (windows, parts + 1): the last column is for tokens that were cut off
        table = np.zeros((len(windows.rows), len(parts) + 1))
        np.add.at(table[:, :-1], owner[there], nats[there])
        table[:, -1] = windows.lost * lost_nats
        tally.add(windows.entities, table, events)
        tokens += predicted + int(windows.lost.sum())
    return tally.score(name, (*parts, "[cut off]"), tokens)


def _steps_to_end(owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) how many positions of its window follow each; those of a window lie together."""
    runs = run_offsets(owner)
    return np.repeat(runs[1:] - 1, np.diff(runs)) - np.arange(len(owner))


def _windows_of(documents: Ints, rows: Ints) -> NDArray[np.int64]:
    """(B, T) the window that each position belongs to, or -1; `documents` number those of a row from the left."""
    # stable: the windows of a row stay in the order in which `documents` numbers them
    order = np.argsort(rows, kind="stable")
    # (B,) the first window of each row, in that order
    first = np.searchsorted(rows[order], np.arange(len(documents)))
    at = np.where(documents >= 0, first[:, None] + documents, 0)
    return np.where(documents >= 0, order[at], -1)
