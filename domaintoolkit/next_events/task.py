"""The settings of `evaluate --next`, and what every way to predict an event shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Constraint

from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.next_events.cases import Cases
from domaintoolkit.next_events.context import Sequences
from domaintoolkit.next_events.folder_histories import FieldValues, FolderHistories
from domaintoolkit.schema.declaration import declaration
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["SUFFIX_DRAWS", "Advance", "NextSettings", "NextTask"]

Advance = Callable[[str, int, int], None]
"""Called with the work that is being done, the cases done, and all cases."""

SUFFIX_DRAWS = 5
"""Suffixes that are drawn for the median of the time left."""


@declaration
class NextSettings:
    """The settings of predicting next events.

    `held_out` is `last` (the last event of each history), `session` (all values of its last session), `every` (each
    event after the first) or a date, from which each event is one. Of the histories of `split`; rules learn from those
    of the training split, or with `all` from every history before its first held-out event. `samples` draws of what
    comes before the field in an event are averaged. `suffixes` is the number of cases whose whole suffix is written
    and compared, up to the value `end`; the time left is the median over
    `SUFFIX_DRAWS` suffixes that are drawn.
    """

    field: Annotated[str, Constraint(min_length=1)]
    held_out: str = "last"
    split: Literal["train", "validation", "test", "all"] = "test"
    tops: tuple[Annotated[int, Constraint(ge=1)], ...] = (5, 10, 20)
    samples: Annotated[int, Constraint(ge=1)] = 16
    suffixes: Annotated[int, Constraint(ge=0)] = 0
    end: str | None = None
    seed: Annotated[int, Constraint(ge=0)] = 0
    most_cases: Annotated[int, Constraint(ge=1)] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NextTask:
    """A model, the histories, and the cases to predict."""

    settings: NextSettings
    tokenizer: DomainTokenizer
    model: EventModel | TokenModel | None
    histories: FolderHistories
    values: FieldValues
    cases: Cases
    known: Sequences
    learned: NDArray[np.bool_] | None
    """(n,) the histories that rules learn from; None if these are all before their first case."""
    advance: Advance

    @property
    def learned_events(self) -> NDArray[np.bool_]:
        """(events,) those that rules learn from."""
        counts = self.histories.counts
        row = np.repeat(np.arange(len(counts)), counts)
        if self.learned is not None:
            return self.learned[row]
        ends = counts.copy()
        np.minimum.at(ends, self.cases.rows, self.cases.cuts)
        # the number of the event in its history comes before the first cut
        return np.asarray(np.arange(len(row)) - self.histories.events[:-1][row] < ends[row])
