"""`LabelTable`: entity, date and target of each row, checked against the streams that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, LookupFailedError, Refusal
from domaintoolkit.labels.label_task import Kind, LabelTask, find_task
from domaintoolkit.util.arrow import to_plain

__all__ = ["ROLES", "LabelSettings", "LabelTable"]

ROLES = ("date", "target", "task", "split", "weight")
"""The columns of a label table beside the entity's key; each may be absent."""


@dataclass(frozen=True, slots=True)
class LabelSettings:
    """The reading of a label table."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """The header of a column, by its role (`date`, `target`, `task`, `split`, `weight`) or by the name of the key's
    column; an empty header says that there is no such column."""
    including: bool = False
    """True if the events at a date count as known; otherwise only those before it."""
    until: str | None = None
    """A date after which nothing is known, whatever date a row has."""
    validation_from: str | None = None
    test_from: str | None = None
    """Dates from which rows are for validation and test, in place of a split column."""
    kind: Kind | None = None
    """The kind of all targets, if their values do not tell."""
    positive: str | None = None
    """The positive class of binary targets."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelTable:
    """Labels: one row an entity, date and task."""

    table: pa.Table
    """All columns of the file, as they were read."""
    columns: Mapping[str, str]
    """The header of each role that the file has."""
    keys: pa.Table
    """(rows,) the entity's key, in the types of the streams."""
    times: NDArray[np.int64]
    """(rows,) µs since the epoch, UTC: events before this time are known (up to and with it, if `including`). The
    largest integer for a row without a date: all its events are known."""
    splits: NDArray[np.int8]
    """(rows,) 0, 1 or 2 for training, validation or test; -1 for a row whose entity decides."""
    weights: NDArray[np.float64]
    """(rows,)"""
    including: bool = False
    kind: Kind | None = None
    positive: str | None = None

    def __len__(self) -> int:
        return len(self.times)

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks in the order of their names; without a task column the header of the target; without a target
        none."""
        if "target" not in self.columns:
            return ()
        if "task" not in self.columns:
            return (self.columns["target"],)
        return tuple(sorted({str(name) for name in self.table[self.columns["task"]].to_pylist() if name is not None}))

    def task(self, name: str | None = None) -> LabelTask:
        """The task of this name; the only one if none is named.

        Raises `LookupFailedError` if there is none such, and `DataError` without a target or with a choice of tasks.
        """
        names = self.task_names
        if not names:
            reason = "the table has no target: call its column target or label, or name it: --column target=HEADER"
            raise DataError([Refusal(None, None, reason)])
        if name is None and len(names) > 1:
            reason = f"the table has several tasks, name one: --task {' or '.join(names)}"
            raise DataError([Refusal(None, None, reason)])
        name = names[0] if name is None else name
        if name not in names:
            raise LookupFailedError("task", name, names)
        target = to_plain(self.table[self.columns["target"]])
        rows = np.arange(len(self))
        if "task" in self.columns:
            tasks = np.array([str(value) for value in self.table[self.columns["task"]].to_pylist()])
            rows = np.flatnonzero(tasks == name)
            target = target.take(pa.array(rows))
        return find_task(name, target, rows, self.kind, self.positive)

    @property
    def identity(self) -> pa.Table:
        """The columns that say which row is which: key, date and task, as in the file, without those it lacks."""
        names = [*(self.columns[name] for name in self.keys.column_names)]
        names += [self.columns[role] for role in ("date", "task") if role in self.columns]
        return self.table.select(list(dict.fromkeys(names)))

    def select(self, rows: NDArray[np.int64]) -> LabelTable:
        """Some rows, in that order."""
        chosen = pa.array(rows)
        return LabelTable(
            self.table.take(chosen), self.columns, self.keys.take(chosen), self.times[rows], self.splits[rows],
            self.weights[rows], self.including, self.kind, self.positive,
        )  # fmt: skip
