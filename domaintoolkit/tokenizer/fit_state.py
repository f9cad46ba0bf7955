"""What fitting has seen of a table: one state for each field, that merge exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

import pyarrow as pa

from domaintoolkit.encoders import AnchorState, Encoder, EncoderType, State
from domaintoolkit.schema import FieldSpec, Schema, Timestamp
from domaintoolkit.tokenizer.layout import Layout
from domaintoolkit.tokenizer.rows.column_types import column_type, common_type, parse_type
from domaintoolkit.tokenizer.rows.prepared_rows import Rows
from domaintoolkit.util.threads import Workers

__all__ = ["FitState", "resolved"]

T = TypeVar("T")


def resolved(schema: Schema, spec: FieldSpec) -> FieldSpec:
    """A declaration whose defaults that depend on the schema are settled."""
    return replace(spec, delta=schema.has_delta(spec)) if isinstance(spec, Timestamp) else spec


class FitState:
    """States of the static fields and of the fields, the years of events, and the types of columns."""

    def __init__(self, schema: Schema, kinds: Mapping[str, EncoderType]) -> None:
        self.schema = schema
        specs = [resolved(schema, spec) for spec in (*schema.static, *schema.fields)]
        self.states: dict[str, State] = {spec.name: kinds[spec.name].state(spec) for spec in specs}
        self.anchor = AnchorState() if schema.time else None
        self.types: dict[str, pa.DataType] = {}
        self.rows = 0

    def update(self, rows: Rows, pool: Workers) -> None:
        """Count prepared rows in."""
        for job in self._counting(rows, pool, lambda _: None).values():
            job.result()

    def learn(self, rows: Rows, pool: Workers) -> Layout:
        """Count prepared rows in, and fit: a field is done with as soon as it is counted."""
        jobs = self._counting(rows, pool, lambda state: state.finalize())
        return self._layout({name: job.result() for name, job in jobs.items()})

    def _counting(self, rows: Rows, pool: Workers, then: Callable[[State], T]) -> dict[str, Future[T]]:
        def count(state: State, values: pa.Array) -> T:
            state.update(values)
            return then(state)

        columns = dict(rows.values)
        if self.anchor is not None and self.schema.time_field is not None:
            columns[self.schema.time_field.name] = pa.array(rows.times, pa.timestamp("us", "UTC"))
        jobs = {name: pool.submit(count, self.states[name], values) for name, values in columns.items()}
        if self.anchor is not None:
            assert rows.times is not None
            self.anchor.update(rows.times)
        self._see({name: column_type(kind) for name, kind in rows.types.items()})
        self.rows += len(rows)
        return jobs

    def merge(self, other: FitState) -> None:
        """Count in what another state of the same schema has seen."""
        for name, state in self.states.items():
            state.merge(other.states[name])
        if self.anchor is not None and other.anchor is not None:
            self.anchor.merge(other.anchor)
        self._see(other.types)
        self.rows += other.rows

    def _see(self, types: Mapping[str, pa.DataType]) -> None:
        for name, kind in types.items():
            self.types[name] = common_type(self.types[name], kind) if name in self.types else kind

    def layout(self, pool: Workers) -> Layout:
        """The fitted encoders, and a vocabulary of their tokens."""
        jobs = {name: pool.submit(state.finalize) for name, state in self.states.items()}
        return self._layout({name: job.result() for name, job in jobs.items()})

    def _layout(self, fitted: Mapping[str, Encoder]) -> Layout:
        return Layout.built(
            self.schema,
            tuple(fitted[spec.name] for spec in self.schema.static),
            tuple(fitted[spec.name] for spec in self.schema.fields),
            None if self.anchor is None else self.anchor.finalize(),
        )

    def extended(self, layout: Layout) -> Layout:
        """A fitted layout with the tokens that this state brings besides; no id moves."""
        return layout.extended(
            tuple(e.extend(self.states[e.spec.name]) for e in layout.static),
            tuple(e.extend(self.states[e.spec.name]) for e in layout.fields),
            None if layout.anchor is None or self.anchor is None else layout.anchor.extend(self.anchor),
        )

    def dump(self) -> dict[str, pa.Table]:
        """The state as tables, to travel between processes; equal states give equal tables."""
        tables = {f"field {name}": state.dump() for name, state in self.states.items()}
        if self.anchor is not None:
            tables["anchor"] = self.anchor.dump()
        types = pa.table({"column": sorted(self.types), "type": [str(self.types[name]) for name in sorted(self.types)]})
        return {**tables, "types": types, "rows": pa.table({"rows": [self.rows]})}

    @classmethod
    def restore(cls, schema: Schema, kinds: Mapping[str, EncoderType], tables: Mapping[str, pa.Table]) -> FitState:
        """The state that `dump` wrote."""
        state = cls(schema, kinds)
        for spec in (*schema.static, *schema.fields):
            settled: Any = resolved(schema, spec)
            state.states[spec.name] = kinds[spec.name].state.restore(settled, tables[f"field {spec.name}"])
        if state.anchor is not None:
            state.anchor = AnchorState.restore(tables["anchor"])
        types = tables["types"]
        state._see({k: parse_type(v) for k, v in zip(*(types[c].to_pylist() for c in ("column", "type")), strict=True)})
        state.rows = tables["rows"]["rows"][0].as_py()
        return state
