"""`fit` on this machine: any amount of rows in bounded memory.

One pass, one more where no entity is for training, and one more where composites are learned.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pyarrow as pa

from domaintoolkit.encoders import EncoderType
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.jobs.composites import learn_composites
from domaintoolkit.jobs.partition.fitted_keys import fitted_keys
from domaintoolkit.jobs.partition.input import ORIGIN, Input, TableInput, tables, wanted_columns
from domaintoolkit.jobs.partition.row_refusals import Kept, in_file_order, located, raise_refused, refused_rows
from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.reading.refused_rows import KEPT, RefusedRow
from domaintoolkit.schema import Composite, Schema
from domaintoolkit.streams.keys import hash_keys, split_of
from domaintoolkit.tokenizer import DomainTokenizer, FitState
from domaintoolkit.tokenizer.rows.column_types import column_type
from domaintoolkit.util.collector import seldom_collected
from domaintoolkit.util.threads import Threads

__all__ = ["FitResult", "extend", "fit", "fitting_schema"]

ROWS = 1 << 16
"""Rows that are counted at a time."""


@dataclass(frozen=True, slots=True)
class FitResult:
    """A fitted tokenizer, and what it was fitted on."""

    tokenizer: DomainTokenizer
    rows_in: int
    rows_refused: int
    rows_fitted: int
    fitted_on: Literal["train", "all"]
    """`all` where no entity of the input belongs to the training split."""
    composite_entities: int = 0
    """How many entities the composites were learned on."""


@seldom_collected()
def fit(
    schema: Schema,
    source: Any,
    *,
    threads: int | None = None,
    on_bad_rows: Literal["error", "quarantine"] = "error",
    training_only: bool = True,
    encoders: Iterable[EncoderType] = (),
    progress: Progress | None = None,
) -> FitResult:
    """Fit a tokenizer on the training entities of `source` (files from `open_source`, or a table).

    An entity's split hangs on a hash of its key alone, so encoding puts the same ones into training. Rows that
    cannot be encoded raise one `DataError`, or with `quarantine` are passed over (encoding reports them).
    """
    rows: Input = source if hasattr(source, "batches") else TableInput(source)
    made = tuple(encoders)
    workers = threads or os.cpu_count() or 1
    tokenizer = DomainTokenizer(schema, made, workers)
    counting = _Counting(schema, made, workers, on_bad_rows, progress or silent)
    state, fitted_on = counting.best_state(rows, training_only)
    if not state.rows:
        raise DataError([Refusal(None, None, "there are no rows to fit on")])
    tokenizer.fit_states([state])
    entities = learn_composites(tokenizer, rows, schema.composite, fitted_on == "train", workers)
    return FitResult(tokenizer, counting.rows, counting.refused, state.rows, fitted_on, entities)


@seldom_collected()
def extend(
    tokenizer: DomainTokenizer,
    source: Any,
    *,
    threads: int | None = None,
    on_bad_rows: Literal["error", "quarantine"] = "error",
    training_only: bool = True,
    composites: Composite | None = None,
    progress: Progress | None = None,
) -> FitResult:
    """Add tokens to a fitted tokenizer for what `source` brings that is new; no id moves. The tokenizer is changed.

    With `composites`, so many further ones are learned besides.
    """
    rows: Input = source if hasattr(source, "batches") else TableInput(source)
    workers = threads or os.cpu_count() or 1
    counting = _Counting(
        tokenizer.schema, tokenizer.encoders, workers, on_bad_rows, progress or silent, tokenizer.types
    )
    state, fitted_on = counting.best_state(rows, training_only)
    tokenizer.extend_states([state])
    entities = learn_composites(tokenizer, rows, composites, fitted_on == "train", workers)
    return FitResult(tokenizer, counting.rows, counting.refused, state.rows, fitted_on, entities)


def fitting_schema(schema: Schema) -> Schema:
    """What fitting reads: no labels, sessions or order of ties, which would take half the time."""
    return replace(schema, session=None, labels=(), leaks=(), order_by=())


class _Counting:
    """One pass over the rows that counts those of training entities, or all."""

    def __init__(
        self,
        schema: Schema,
        encoders: Sequence[EncoderType],
        threads: int,
        on_bad_rows: Literal["error", "quarantine"],
        progress: Progress,
        fitted: Mapping[str, pa.DataType] | None = None,
    ) -> None:
        self._schema = fitting_schema(schema)
        self._tokenizer = DomainTokenizer(self._schema, encoders, threads).without_threads()
        self._full, self._threads, self._fitted = schema, threads, fitted or {}
        self._on_bad_rows, self._progress = on_bad_rows, progress
        self.rows = self.refused = 0

    def best_state(self, source: Input, training_only: bool) -> tuple[FitState, Literal["train", "all"]]:
        """The state of training entities, or of all where there are none."""
        if training_only:
            state = self.state(source, True)
            if state.rows:
                return state, "train"
        return self.state(source, False), "all"

    def state(self, source: Input, training_only: bool, every_column: bool = False) -> FitState:
        """What the rows of `source` count up to. One bad row brings on a pass that finds every other, to raise all."""
        # the first are told, where any is an error
        limit = KEPT if self._on_bad_rows == "error" else 0
        kept, wrong, names = Kept(limit), Kept(limit), list[str]()
        self.rows = 0
        columns = wanted_columns(self._full, source) if every_column else list(self._schema.columns)
        reading = tables(source, columns, kept, self._threads, names)
        whole: FitState | None = None
        passed_over = 0
        with Threads(self._threads) as workers:
            work = workers.map_in_order(lambda parts: self._count(parts, training_only, names), _gathered(reading))
            for counted in work:
                self.rows += counted.rows
                passed_over += counted.refused
                wrong.add_unordered(counted.told, names)
                wrong.problems += counted.untold
                if not every_column and (kept or wrong):
                    break
                whole = counted.state if whole is None else _merged(whole, counted.state)
                self._progress("fitting", self.rows, None)
        if limit and (kept or wrong):
            if not every_column:
                return self.state(source, False, every_column=True)
            first = in_file_order([*kept, *wrong], names)[:KEPT]
            raise_refused(list(located(source, first, names)), names, kept.problems + wrong.problems)
        self.refused = kept.rows + passed_over
        self.rows += kept.rows
        assert whole is not None
        for column in source.schema(wanted_columns(self._full, source)):
            whole.types.setdefault(column.name, column_type(column.type))
        return whole

    def _count(self, parts: list[pa.Table], training_only: bool, names: Sequence[str]) -> _Counted:
        """What some rows come to."""
        whole, *others = (self._counted(table, training_only, names) for table in parts)
        for other in others:
            whole.add(other)
        return whole

    def _counted(self, table: pa.Table, training_only: bool, names: Sequence[str]) -> _Counted:
        chosen: pa.Array | None = None
        if training_only:
            keys = fitted_keys(table.select(list(self._schema.entity)), self._fitted)
            chosen = pa.array(split_of(hash_keys(keys)) == 0)
        rows = table.drop_columns(ORIGIN)
        rows = rows if chosen is None else rows.filter(chosen)
        try:
            return _Counted(self._tokenizer.fit_state(rows, fitted=self._fitted), len(table))
        except DataError as error:
            if any(refusal.row is None for refusal in error.refusals):
                raise
            if self._on_bad_rows == "quarantine":
                state = self._tokenizer.fit_state(rows, "quarantine", self._fitted)
                return _Counted(state, len(table), len(rows) - state.rows)
            # nothing will come of these rows but an error, so they are not counted up
            nothing = self._tokenizer.fit_state(rows.slice(0, 0), fitted=self._fitted)
            told = refused_rows(table if chosen is None else table.filter(chosen), error.refusals, names)
            return _Counted(nothing, len(table), 0, told, error.total - len(error.refusals))


@dataclass(slots=True)
class _Counted:
    """What some rows come to in fitting."""

    state: FitState
    rows: int
    refused: int = 0
    """How many were passed over."""
    told: list[RefusedRow] = field(default_factory=list)
    """Where one is an error, the first of those that are refused."""
    untold: int = 0
    """How many problems others have."""

    def add(self, other: _Counted) -> None:
        """Both together."""
        self.state.merge(other.state)
        self.rows, self.refused = self.rows + other.rows, self.refused + other.refused
        self.told, self.untold = self.told + other.told, self.untold + other.untold


def _merged(first: FitState, other: FitState) -> FitState:
    first.merge(other)
    return first


def _gathered(parts: Iterator[pa.Table]) -> Iterator[list[pa.Table]]:
    """The same tables, so many together that they have at least `ROWS` rows, but for the last."""
    waiting: list[pa.Table] = []
    for part in parts:
        waiting.append(part)
        if sum(each.num_rows for each in waiting) >= ROWS:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
