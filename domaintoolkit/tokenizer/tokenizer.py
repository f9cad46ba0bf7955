"""`DomainTokenizer`: fit, encode, decode, save, load."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from copy import copy, deepcopy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from domaintoolkit.composite import CompositeModel, Segmenter, StreamArrays
from domaintoolkit.display import Fragment, ShownChip
from domaintoolkit.encoders import EncoderType
from domaintoolkit.errors import (
    NotFittedError,
    Problem,
    Refusal,
    SchemaError,
    VocabularyMismatchError,
    pluralize,
)
from domaintoolkit.grammar import Grammar
from domaintoolkit.schema import Composite, Schema
from domaintoolkit.streams.keys import hash_keys
from domaintoolkit.streams.streams import Streams
from domaintoolkit.tokenizer import saving
from domaintoolkit.tokenizer.decoding import as_ids, as_keys, as_offsets, decode_ids, drop_cut_events
from domaintoolkit.tokenizer.encoder_types import encoder_types
from domaintoolkit.tokenizer.encoding import encode_rows
from domaintoolkit.tokenizer.fit_state import FitState
from domaintoolkit.tokenizer.kept_counts import KeptCounts
from domaintoolkit.tokenizer.layout import Layout
from domaintoolkit.tokenizer.other_names import OTHER_NAMES
from domaintoolkit.tokenizer.rows.preparation import Preparation, PreparedRows
from domaintoolkit.tokenizer.rows.table import read_columns
from domaintoolkit.tokenizer.single_history import HistoryEncoder
from domaintoolkit.util.collector import collect_seldom
from domaintoolkit.util.threads import Inline, Threads, Workers
from domaintoolkit.vocabulary import Vocabulary

__all__ = ["DomainTokenizer", "OnBadRows"]

OnBadRows = Literal["error", "quarantine"]

FIRST_TOKENS = 8
"""Tokens of a field that a notebook shows."""


class DomainTokenizer:
    """Turns tables of events into streams of token ids and back, as a schema declares.

    `encoders` are your own encoders for `Custom` fields, in addition to those of installed plugins. `threads` is
    the number that work at once (default: one for each processor); it changes no result.

    Examples:
        >>> import domaintoolkit as dt
        >>> schema = dt.Schema(entity="user", time="at", fields=[dt.Categorical("what"), dt.Timestamp("at")])
        >>> table = {"user": [7, 7], "at": ["2019-10-01T10:00", "2019-10-01T10:05"], "what": ["view", "cart"]}
        >>> streams = dt.DomainTokenizer(schema).fit(table).encode(table)
        >>> streams.tokens(0)[4:6]
        ['[what=view]', '[at weekday=Tue]']
    """

    def __init__(self, schema: Schema, encoders: Iterable[EncoderType] = (), threads: int | None = None) -> None:
        self.schema = schema
        self.threads = threads or os.cpu_count() or 1
        self.encoders = tuple(encoders)
        self._kinds = encoder_types(schema, self.encoders)
        self._kept = KeptCounts(schema, self._kinds)
        self._fitted: Layout | None = None
        self.types: dict[str, pa.DataType] = {}
        self.extensions: tuple[str, ...] = ()
        """A digest of what each `domaintoolkit.jobs.extend` added, so that none is made twice."""
        self._history: HistoryEncoder | None = None

    def __repr__(self) -> str:
        fields = pluralize(len(self.schema.fields) + len(self.schema.static), "field")
        return f"<DomainTokenizer of {' and '.join(self.schema.entity)}: {fields}, {self._size()}>"

    def _size(self) -> str:
        """The size of the vocabulary, if it has been made."""
        if self._fitted is not None:
            return pluralize(self._fitted.size, "token")
        return "not fitted" if self._kept.state is None else f"{pluralize(self._kept.state.rows, 'row')} counted"

    def _repr_html_(self) -> str:
        """The tokenizer as a notebook shows it: the fields, and the first tokens of each."""
        if self._fitted is None:
            return self.schema._repr_html_()
        encoders = [(bound.name, bound.field) for bound in self._fitted.bound if bound.name is not None]
        shown = Fragment("DomainTokenizer", self._size(), [name for name, _ in encoders])
        for name, encoder in encoders:
            names = [f"[{name}{slot.text}]" for slot in encoder.slots[:FIRST_TOKENS]]
            shown.row(f"{encoder.spec.type}: {len(encoder.slots):,}", [ShownChip(each, name) for each in names])
        return shown.html()

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> NoReturn:
            """Say what is called by the name that other libraries use."""
            hint = f"; here it is called {OTHER_NAMES[name]}" if name in OTHER_NAMES else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    def __getstate__(self) -> dict[str, Any]:
        """All but threads and look-up tables, which each copy and each process makes for itself."""
        made = {name: value for name, value in vars(self).items() if not isinstance(value, Threads)}
        # a copy that is fitted anew keeps counts of its own
        return {**made, "_history": None, "_kept": copy(self._kept)}

    def __copy__(self) -> DomainTokenizer:
        """A copy with counts of its own: what it learns more does not come to these."""
        return deepcopy(self)

    # Fitting

    def fit(self, table: Any, on_bad_rows: OnBadRows = "error") -> DomainTokenizer:
        """Learn every field from a table, and forget what was learned before. Returns the tokenizer.

        Raises `DataError` for rows that cannot be encoded, all of them together, unless `on_bad_rows` is
        `quarantine`, which passes over them.
        """
        self._learn(self._prepare_afresh(table, on_bad_rows), on_bad_rows)
        return self

    def fit_encode(self, table: Any, on_bad_rows: OnBadRows = "error") -> Streams:
        """`fit` and then `encode` of the same table, which is read and prepared only once."""
        rows = self._prepare_afresh(table, on_bad_rows, grouped=True)
        self._learn(rows, on_bad_rows)
        return encode_rows(self.layout, rows, on_bad_rows, self._workers)

    def _prepare_afresh(self, table: Any, on_bad_rows: OnBadRows, grouped: bool = False) -> PreparedRows:
        """Forget what was learned, and prepare the rows of a table to learn from."""
        self._kept, self._fitted, self.extensions = KeptCounts(self.schema, self._kinds), None, ()
        return self.prepare_rows(table, on_bad_rows, grouped=grouped)

    def _learn(self, rows: PreparedRows, on_bad_rows: OnBadRows) -> None:
        state = FitState(self.schema, self._kinds)
        layout = state.learn(rows, self._workers)
        self._settle(state)
        self._fitted = layout
        if self.schema.composite is not None and len(rows):
            self.fit_composites(encode_rows(self.layout, rows, on_bad_rows, self._workers))

    def partial_fit(self, table: Any, on_bad_rows: OnBadRows = "error") -> DomainTokenizer:
        """Count one more batch. The vocabulary is the same, byte for byte, however the rows are batched.

        Ids follow from all counts, so they can move; and composites are dropped, until `fit_composites` learns
        new ones. `extend` keeps both. Raises `NotFittedError` for a fitted tokenizer without counts.
        """
        state = self._counts("this", "add to; use extend, or fit again")
        state.update(self.prepare_rows(table, on_bad_rows), self._workers)
        self._settle(state)
        return self

    def merge(self, other: DomainTokenizer) -> DomainTokenizer:
        """Add the counts of another tokenizer of the same schema, as `partial_fit` adds those of a batch.

        The result is that of fitting on the rows of both, byte for byte, also if they were saved and loaded. Raises
        `NotFittedError` if one was fitted but has no counts.
        """
        if other.schema != self.schema:
            raise NotFittedError("tokenizers of different schemas cannot be merged; fit both with one schema")
        if not other.fitted:
            raise NotFittedError("the other tokenizer is not fitted yet; call its fit first")
        state, added = self._counts("this", "merge"), other._counts("the other", "merge")
        # a tokenizer that is merged with itself would change what it reads
        state.merge(deepcopy(added) if added is state else added)
        self._settle(state)
        return self

    @property
    def has_counts(self) -> bool:
        """True if the counts that fitting made are there, so that `merge` and `partial_fit` can add to them."""
        return bool(self._kept)

    def _counts(self, whose: str, use: str) -> FitState:
        """The counts so far, empty before fitting; an error says whose are gone, and for which use."""
        if self.fitted:
            self._kept.need(whose, use)
        return self._kept.read()

    def extend(self, table: Any, on_bad_rows: OnBadRows = "error") -> DomainTokenizer:
        """Add tokens for the new values of a table. Existing ids stay the same; the vocabulary gains a generation."""
        layout = self.layout
        rows = self.prepare_rows(table, on_bad_rows, self.types)
        state = FitState(self.schema, self._kinds)
        state.update(rows, self._workers)
        self._settle_extended(state.extend(layout))
        return self

    def fit_composites(self, streams: Streams, spec: Composite | None = None) -> int:
        """Learn the schema's composites from base streams, or further ones; existing ids stay the same.

        Uses at most `max_entities` of the streams, those with the lowest hashes of their keys, and returns their
        number. `spec` replaces the schema's own declaration.
        """
        wanted = spec or self.schema.composite
        if wanted is None:
            raise SchemaError([Problem("composite", "the schema declares no composites; declare them, or give spec")])
        if len(streams) > wanted.max_entities:
            lowest = np.argsort(hash_keys(streams.entities), kind="stable")[: wanted.max_entities]
            # sorted, so that they keep the order of the streams
            streams = streams.select(np.sort(lowest))
        self.learn_composites(streams, wanted)
        return len(streams)

    def learn_composites(self, streams: StreamArrays, spec: Composite, memory: int | None = None) -> None:
        """As `fit_composites`, from all of the streams, whose ids are enough.

        Raises `MemoryLimitError`, and learns nothing, if the pairs of tokens take more than about `memory` bytes.
        """
        self._settle_layout(self.layout.learn_composites(streams, spec, memory))

    @property
    def composites(self) -> CompositeModel | None:
        """The composites that were learned; None if there are none."""
        return self.layout.composites

    @property
    def segmenter(self) -> Segmenter | None:
        """Converts base streams to streams with composites, and back; None without composites."""
        return self.layout.segmenter

    def fit_state(
        self,
        table: Any,
        on_bad_rows: OnBadRows = "error",
        fitted: Mapping[str, pa.DataType] | None = None,
        refused: list[Refusal] | None = None,
    ) -> FitState:
        """The counts of a table, which the tokenizer does not learn; `fitted` as the `types` of `prepare_rows`.

        `refused` receives the problems of the rows that `quarantine` passes over.
        """
        state, rows = FitState(self.schema, self._kinds), self.prepare_rows(table, on_bad_rows, fitted)
        state.update(rows, self._workers)
        if refused is not None:
            refused += rows.refused
        return state

    def restore_state(self, tables: Mapping[str, pa.Table]) -> FitState:
        """The counts that another process dumped."""
        return FitState.restore(self.schema, self._kinds, tables)

    def fit_states(self, states: Iterable[FitState]) -> DomainTokenizer:
        """Learn from counts that were made elsewhere."""
        self._settle(self._merge_states(states))
        return self

    def extend_states(self, states: Iterable[FitState]) -> DomainTokenizer:
        """Add tokens for the new values in counts that were made elsewhere."""
        self._settle_extended(self._merge_states(states).extend(self.layout))
        return self

    def _merge_states(self, states: Iterable[FitState]) -> FitState:
        whole = FitState(self.schema, self._kinds)
        for state in states:
            whole.merge(state)
        return whole

    def _settle(self, state: FitState) -> None:
        """Take counts; encoders are built from them when they are first needed, not after each batch."""
        self._kept.keep(state)
        self._fitted, self._history = None, None
        self.types = state.types

    def _settle_layout(self, layout: Layout) -> None:
        self._fitted, self._history = layout, None

    def _settle_extended(self, layout: Layout) -> None:
        """Take an extended layout, whose ids do not follow from counts."""
        self._kept.keep_saved(None)
        self._settle_layout(layout)

    def without_limits(self) -> DomainTokenizer:
        """The same tokenizer for histories of any length, without the schema's `min_events` and `max_events`."""
        return self._of(replace(self.schema, min_events=1, max_events=None))

    def without_threads(self) -> DomainTokenizer:
        """The same tokenizer working in the calling thread alone, for callers that encode several tables at once."""
        other = self._with_same_counts()
        other._workers = Inline()
        return other

    def _with_same_counts(self) -> DomainTokenizer:
        """A copy that shares what was learned, and is not to learn more."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__getstate__())
        return other

    def _of(self, schema: Schema) -> DomainTokenizer:
        """The same fitted encoders and vocabulary under a schema with the same fields."""
        other = self._with_same_counts()
        other.schema, other._fitted = schema, replace(self.layout, schema=schema)
        other._kept = KeptCounts(schema, self._kinds)
        return other

    @property
    def layout(self) -> Layout:
        """The fitted encoders of all fields, with the ids of their tokens."""
        if self._fitted is None:
            if self._kept.state is None:
                raise NotFittedError("this tokenizer is not fitted yet; call fit first")
            self._fitted = self._kept.state.layout(self._workers)
        return self._fitted

    @property
    def fitted(self) -> bool:
        """True if there is a vocabulary to encode with."""
        return self._fitted is not None or self._kept.state is not None

    @property
    def vocabulary(self) -> Vocabulary:
        """All tokens and their ids."""
        return self.layout.vocabulary

    @property
    def grammar(self) -> Grammar:
        """The syntax of streams of this vocabulary."""
        return self.layout.grammar

    # Encoding

    def encode(self, table: Any, on_bad_rows: OnBadRows = "error") -> Streams:
        """The streams of a table: one an entity, in the order of their keys.

        Rows may come in any order. Raises `DataError` for rows that cannot be encoded, all of them together;
        with `quarantine` they are left out, and listed in the result's `refused`.
        """
        self.layout  # noqa: B018 - first, so that the saved zones of its columns are known
        return self.encode_prepared(self.prepare_rows(table, on_bad_rows, self.types, grouped=True), on_bad_rows)

    def encode_prepared(self, rows: PreparedRows, on_bad_rows: OnBadRows = "error") -> Streams:
        """`encode` for rows of `prepare_rows`, grouped, which the caller needs as well."""
        return encode_rows(self.layout, rows, on_bad_rows, self._workers)

    def encode_by_hash(self, table: Any, on_bad_rows: OnBadRows = "error") -> Streams:
        """`encode`, with the streams in the order that they have in shards: by the hash of their key, then key."""
        rows = self.prepare_rows(table, on_bad_rows, self.types, grouped=True)
        return encode_rows(self.layout, rows, on_bad_rows, self._workers, by_hash=True)

    def encode_entity(self, rows: Any) -> NDArray[np.int32]:
        """The ids of one history, now: a list of dictionaries, or a table, of one entity's events.

        The key of the entity is not needed. Raises `DataError` if there are several keys.
        """
        if self._history is None:
            self._history = HistoryEncoder(self.layout)
        return self._history.encode(rows, self._encode_one)

    def _encode_one(self, table: Any) -> NDArray[np.int32]:
        """The ids of the one history in a table whose keys are all 0."""
        types = {name: kind for name, kind in self.types.items() if name not in self.schema.entity}
        prepared = self.prepare_rows(table, "error", types, grouped=True)
        layout = replace(self.layout, schema=replace(self.schema, min_events=1))
        return encode_rows(layout, prepared, "error", self._workers)[0]

    # Decoding

    def decode(
        self,
        streams: Streams | ArrayLike,
        offsets: ArrayLike | None = None,
        entities: pa.Table | None = None,
        *,
        sample: bool = False,
        seed: int = 0,
        partial: bool = False,
    ) -> pa.Table:
        """The table of the events in streams, in entity and time order, one row an event.

        Give streams, or ids with the offsets of each stream in them (default: there is one stream). A bucket of
        numbers comes back as the value seen in fitting that is nearest to its mean; with `sample`, as one drawn from
        the values seen in it, by `seed`. With `partial`, ids may end anywhere in the last event of a stream, as those
        of a model do that has written its last token; an event that is cut off is left out. Raises
        `DecodeError` for ids that are not streams, and `VocabularyMismatchError` for streams of another vocabulary.
        """
        layout, chosen = self.layout, seed if sample else None
        if isinstance(streams, Streams):
            if not layout.vocabulary.accepts(streams.vocabulary):
                raise VocabularyMismatchError(layout.vocabulary.hash, streams.vocabulary.hash)
            base = streams.segmenter is not None or layout.segmenter is None
            table = decode_ids(layout, self.types, streams.ids, streams.offsets, streams.entities, base, seed=chosen)
            return _add_labels(table, streams)
        ids = as_ids(streams)
        bounds = np.array([0, len(ids)]) if offsets is None else as_offsets(offsets, len(ids))
        keys = None if entities is None else as_keys(entities, self.schema, len(bounds) - 1)
        if partial:
            ids, bounds = drop_cut_events(layout, self.types, ids, bounds)
        return decode_ids(layout, self.types, ids, bounds, keys, seed=chosen)

    # Files

    def save(self, directory: str | Path, counts: bool | Literal["auto"] = "auto") -> None:
        """Write the fitted tokenizer into a folder of JSON files, and one of counts for `merge` and `partial_fit`.

        Counts name every value seen, also those without a token. `auto` writes them if there are any and they take
        no more than 16 MiB; True writes them in any case, or raises `NotFittedError` if there are none.
        """
        if counts is True:
            self._kept.need("this", "save")
        with collect_seldom():
            limit = {"auto": saving.SMALL, True: None, False: 0}[counts]
            saving.save(saving.Saved(self.layout, self.types, self._kept.to_bytes(limit), self.extensions), directory)

    @classmethod
    def load(
        cls, directory: str | Path, encoders: Iterable[EncoderType] = (), threads: int | None = None
    ) -> DomainTokenizer:
        """The tokenizer that `save` wrote. Raises `ArtifactError` for a folder that is damaged or not a tokenizer."""
        saved = saving.load(directory, encoders)
        tokenizer = cls(saved.layout.schema, encoders, threads)
        tokenizer._fitted, tokenizer.types = saved.layout, dict(saved.types)
        tokenizer._kept.keep_saved(saved.counts)
        tokenizer.extensions = saved.extensions
        return tokenizer

    def prepare_rows(
        self,
        table: Any,
        on_bad_rows: OnBadRows,
        types: Mapping[str, pa.DataType] | None = None,
        grouped: bool = False,
    ) -> PreparedRows:
        """The rows of a table as their encoders take them.

        `types` are those that columns were fitted in; `grouped` rows are also ordered by entity and time.
        """
        refused: list[Refusal] = []
        columns = read_columns(self.schema, table, refused)
        zones = {} if self._fitted is None else self._fitted.zones
        preparation = Preparation(self.schema, self._kinds, self._workers, on_bad_rows, zones, types or {})
        return preparation.prepare(columns, refused, grouped)

    @cached_property
    def _workers(self) -> Workers:
        return Threads(self.threads)


def _add_labels(table: pa.Table, streams: Streams) -> pa.Table:
    if streams.labels is None:
        return table
    for name in streams.labels.column_names:
        table = table.append_column(name, streams.labels[name])
    return table
