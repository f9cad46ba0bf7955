"""`fit` on this machine: any amount of rows in bounded memory.

One pass over the rows, one more if no entity is for training, and one more to learn composites.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.encoders import INFINITE, EncoderType
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.jobs.composites import learn_composites
from domaintoolkit.jobs.partition.budget import Budget
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.origin import drop_origins
from domaintoolkit.jobs.partition.row_refusals import (
    RefusalList,
    describe_refusals,
    locate_rows,
    raise_refusals,
    sort_rows,
)
from domaintoolkit.jobs.partition.row_source import AnyTable, RowSource, columns_to_read, open_rows, read_tables
from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.reading import Source
from domaintoolkit.reading.refused_rows import KEPT, RefusedRow
from domaintoolkit.schema import Composite, Schema
from domaintoolkit.tokenizer import DomainTokenizer, FitState, OnBadRows
from domaintoolkit.tokenizer.rows.column_types import column_type
from domaintoolkit.util.collector import collect_seldom
from domaintoolkit.util.threads import Threads

__all__ = ["FitResult", "extend", "fit", "fitting_schema"]

ROWS = 1 << 16
"""Rows that are counted at a time."""


@dataclass(frozen=True, slots=True)
class FitResult:
    """A fitted tokenizer, and the rows that it was fitted on."""

    tokenizer: DomainTokenizer
    rows_in: int
    rows_refused: int
    rows_fitted: int
    fitted_on: Literal["train", "all"]
    """`all` if no entity of the input belongs to the training split."""
    composite_entities: int = 0
    """The number of entities that the composites were learned on."""
    composites_cut: bool = False
    """These are fewer than `Composite.max_entities` allows, since more do not fit into the memory limit."""
    known: bool = False
    """The tokenizer was extended with these rows before, and has not changed."""


@collect_seldom()
def fit(
    schema: Schema,
    source: RowSource | AnyTable,
    *,
    threads: int | None = None,
    on_bad_rows: OnBadRows = "error",
    training_only: bool = True,
    encoders: Iterable[EncoderType] = (),
    memory: str | int = "2GB",
    keep_rows: bool = False,
    progress: Progress | None = None,
) -> FitResult:
    """Fit a tokenizer on the training entities of `source` (files from `open_source`, or a table).

    An entity's split depends on a hash of its key alone, so encoding puts the same entities into training. Rows
    that cannot be encoded raise one `DataError`, or with `quarantine` are passed over (encoding reports them).
    Composites are learned from as many entities as fit into about `memory`. With `keep_rows`, rows of files stay in a
    part of it if they fit, so that an `encode` that follows need not read the same `source` again.
    """
    rows = open_rows(source, schema)
    budget = Budget.of(memory, threads)
    if keep_rows and schema.composite is None and isinstance(rows, Source):
        rows.keep(columns_to_read(schema, rows), budget.kept_bytes)
    tokenizer = DomainTokenizer(schema, encoders, threads)
    counting = _Counting(tokenizer, on_bad_rows, progress or silent)
    state, fitted_on = counting.best_state(rows, training_only)
    if not state.rows:
        if counting.refused:
            # all rows: named, as if they were an error
            _Counting(tokenizer, "error", progress or silent).state(rows, False)
        raise DataError([Refusal(None, None, "there are no rows to fit on")])
    tokenizer.fit_states([state])
    learned = learn_composites(tokenizer, rows, schema.composite, fitted_on == "train", budget)
    return FitResult(tokenizer, counting.rows, counting.refused, state.rows, fitted_on, *learned)


@collect_seldom()
def extend(
    tokenizer: DomainTokenizer,
    source: RowSource | AnyTable,
    *,
    threads: int | None = None,
    on_bad_rows: OnBadRows = "error",
    training_only: bool = True,
    composites: Composite | None = None,
    memory: str | int = "2GB",
    progress: Progress | None = None,
) -> FitResult:
    """Add tokens for the new values in `source` to a fitted tokenizer, in place; existing ids stay the same.

    With `composites`, so many further ones are learned too, from as many entities as fit into about `memory`. An
    extension that the tokenizer has already is not made again, so that a command that was killed at the last moment can
    be repeated.
    """
    rows = open_rows(source, tokenizer.schema)
    workers = threads or os.cpu_count() or 1
    counting = _Counting(tokenizer, on_bad_rows, progress or silent, workers)
    state, fitted_on = counting.best_state(rows, training_only)
    digest = _digest(state, composites)
    if digest in tokenizer.extensions:
        return FitResult(tokenizer, counting.rows, counting.refused, state.rows, fitted_on, known=True)
    tokenizer.extend_states([state])
    tokenizer.extensions = (*tokenizer.extensions, digest)
    learned = learn_composites(tokenizer, rows, composites, fitted_on == "train", Budget.of(memory, threads))
    return FitResult(tokenizer, counting.rows, counting.refused, state.rows, fitted_on, *learned)


def _digest(state: FitState, composites: Composite | None) -> str:
    """A hash of counts, whatever the types of the columns were, and of the composites that are learned with them."""
    found = hashlib.sha256(f"{composites!r}".encode())
    for name, table in state.dump().items():
        if name != "types":
            # integers and their texts are the same counts, in another order
            columns = [map(str, column.to_pylist()) for column in table.columns]
            found.update((table.schema.metadata or {}).get(INFINITE, b""))
            found.update(repr([name, sorted(zip(*columns, strict=True))]).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def fitting_schema(schema: Schema) -> Schema:
    """The part of a schema that fitting reads: no labels, sessions or order of ties, which would take half the time."""
    return replace(schema, session=None, labels=(), leaks=(), order_by=())


class _Counting:
    """Passes over the rows that count the values of training entities, or of all."""

    def __init__(
        self,
        tokenizer: DomainTokenizer,
        on_bad_rows: OnBadRows,
        progress: Progress,
        threads: int | None = None,
    ) -> None:
        self._full, self._schema = tokenizer.schema, fitting_schema(tokenizer.schema)
        self._threads, self._types = threads or tokenizer.threads, tokenizer.types
        self._keys = EntityKeys(self._schema.entity, self._types)
        # several tables are counted at once, so none of them needs threads of its own
        self._tokenizer = DomainTokenizer(self._schema, tokenizer.encoders).without_threads()
        self._on_bad_rows, self._progress = on_bad_rows, progress
        self.rows = self.refused = 0

    def best_state(self, source: RowSource, training_only: bool) -> tuple[FitState, Literal["train", "all"]]:
        """The state of training entities, or of all entities if there are no rows of training ones."""
        if training_only:
            state = self.state(source, True)
            if state.rows:
                return state, "train"
        return self.state(source, False), "all"

    def state(self, source: RowSource, training_only: bool, every_column: bool = False) -> FitState:
        """The counts of the rows of `source`. After one bad row, another pass looks for all of them, to raise them."""
        limit = KEPT if self._on_bad_rows == "error" else 0
        unread, wrong, names = RefusalList(limit), RefusalList(limit), list[str]()
        self.rows = 0
        # the first pass reads only what is counted; to tell all that is wrong with a row, all columns are read
        columns = columns_to_read(self._full, source) if every_column else list(self._schema.columns)
        tables = read_tables(source, columns, names, unread, self._threads)
        whole: FitState | None = None
        passed_over = 0
        with Threads(self._threads) as workers:
            groups = workers.map_in_order(lambda group: self._count_group(group, training_only, names), _group(tables))
            for counted in groups:
                self.rows += counted.rows
                passed_over += counted.passed_over
                wrong.add_unordered(counted.listed, names)
                wrong.problems += counted.unlisted
                # one bad row is enough to begin the other pass
                if not every_column and (unread or wrong):
                    break
                if whole is None:
                    whole = counted.state
                else:
                    whole.merge(counted.state)
                self._progress("fitting", self.rows, None)
        if limit and (unread or wrong):
            if not every_column:
                return self.state(source, False, every_column=True)
            first = sort_rows([*unread, *wrong], names)[:KEPT]
            raise_refusals(list(locate_rows(source, first, names)), names, unread.problems + wrong.problems)
        self.refused = unread.rows + passed_over
        self.rows += unread.rows
        assert whole is not None
        # types of the columns that are not fields: entity, labels and such
        for column in source.schema(columns_to_read(self._full, source)):
            whole.types.setdefault(column.name, column_type(column.type))
        return whole

    def _count_group(self, group: list[pa.Table], training_only: bool, names: Sequence[str]) -> _Counted:
        whole, *others = (self._count(table, training_only, names) for table in group)
        for other in others:
            whole.add(other)
        return whole

    def _count(self, table: pa.Table, training_only: bool, names: Sequence[str]) -> _Counted:
        total = len(table)
        every = table
        if training_only:
            is_training = pa.array(self._keys.is_training(table, self._schema))
            table = table.filter(is_training)
        refused: list[Refusal] = []
        state = self._tokenizer.fit_state(drop_origins(table), "quarantine", self._types, refused)
        if training_only:
            state.note_others(every, pc.invert(is_training))
        passed_over = len(table) - state.rows
        if not refused or self._on_bad_rows == "quarantine":
            return _Counted(state, total, passed_over)
        listed = describe_refusals(table, refused[:KEPT], names)
        return _Counted(state, total, passed_over, listed, len(refused) - len(refused[:KEPT]))


@dataclass(slots=True)
class _Counted:
    """The counts of some rows, and those of them that cannot be encoded."""

    state: FitState
    rows: int
    passed_over: int = 0
    listed: list[RefusedRow] = field(default_factory=list)
    """If bad rows are an error, the first of them."""
    unlisted: int = 0
    """The number of problems of the others."""

    def add(self, other: _Counted) -> None:
        """Count in other rows."""
        self.state.merge(other.state)
        self.rows, self.passed_over = self.rows + other.rows, self.passed_over + other.passed_over
        self.listed, self.unlisted = self.listed + other.listed, self.unlisted + other.unlisted


def _group(tables: Iterator[pa.Table]) -> Iterator[list[pa.Table]]:
    """The same tables in groups of at least `ROWS` rows, but for the last: small ones cost more than they hold."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(each.num_rows for each in waiting) >= ROWS:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
