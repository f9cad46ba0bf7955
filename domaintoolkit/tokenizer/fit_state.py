"""The counts that fitting makes of a table: one state for each field; states merge exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import pyarrow as pa

from domaintoolkit.encoders import AnchorState, Encoder, EncoderType, State
from domaintoolkit.schema import FieldSpec, Schema, Timestamp
from domaintoolkit.times.zones import NO_TIME
from domaintoolkit.tokenizer.layout import Layout
from domaintoolkit.tokenizer.rows.column_types import column_type, common_type, parse_type, write_type
from domaintoolkit.tokenizer.rows.preparation import PreparedRows
from domaintoolkit.tokenizer.rows.row_times import time_column
from domaintoolkit.util.threads import Workers
from domaintoolkit.values.columns import plain

__all__ = ["FitState", "settle_defaults"]

T = TypeVar("T")


def settle_defaults(schema: Schema, spec: FieldSpec) -> FieldSpec:
    """A declaration with the defaults that depend on the schema filled in."""
    return schema.settled(spec) if isinstance(spec, Timestamp) else spec


class FitState:
    """States of the static fields and of the fields, the years of events, and the types of columns."""

    def __init__(self, schema: Schema, kinds: Mapping[str, EncoderType]) -> None:
        self.schema = schema
        specs = [settle_defaults(schema, spec) for spec in (*schema.static, *schema.fields)]
        self.states: dict[str, State] = {spec.name: kinds[spec.name].state(spec) for spec in specs}
        self.anchor = AnchorState() if schema.time else None
        self.types: dict[str, pa.DataType] = {}
        self.rows = 0

    def __repr__(self) -> str:
        return f"<FitState of {self.rows:,} rows: {', '.join(self.states)}>"

    def update(self, rows: PreparedRows, workers: Workers) -> None:
        """Count prepared rows."""
        for job in self._submit(rows, workers, lambda _: None).values():
            job.result()

    def learn(self, rows: PreparedRows, workers: Workers) -> Layout:
        """Count prepared rows, and fit each field as soon as it is counted."""
        jobs = self._submit(rows, workers, lambda state: state.finalize())
        return self._layout({name: job.result() for name, job in jobs.items()})

    def _submit(self, rows: PreparedRows, workers: Workers, then: Callable[[State], T]) -> dict[str, Future[T]]:
        def count(state: State, values: pa.Array) -> T:
            state.update(values)
            return then(state)

        columns = dict(rows.values)
        if self.anchor is not None and self.schema.time_field is not None:
            assert rows.times is not None
            columns[self.schema.time_field.name] = time_column(rows.times)
        jobs = {name: workers.submit(count, self.states[name], values) for name, values in columns.items()}
        if self.anchor is not None:
            assert rows.times is not None
            self.anchor.update(rows.times[rows.times != NO_TIME] if self.schema.untimed == "static" else rows.times)
        self._add_types({name: column_type(kind) for name, kind in rows.types.items()})
        self.rows += len(rows)
        return jobs

    def note_others(self, table: pa.Table, others: pa.Array) -> None:
        """Note what the `others` of a table's rows, which are not counted, tell, such as infinities.

        These have tokens whatever rows they are in.
        """
        for name, state in self.states.items():
            # most kinds of fields have nothing to note, and need not be filtered
            if type(state).note_others is State.note_others or name not in table.column_names:
                continue
            values = table[name].filter(others)
            if len(values):
                state.note_others(plain(values))

    def merge(self, other: FitState) -> None:
        """Add the counts of another state of the same schema."""
        for name, state in self.states.items():
            state.merge(other.states[name])
        if self.anchor is not None and other.anchor is not None:
            self.anchor.merge(other.anchor)
        self._add_types(other.types)
        self.rows += other.rows

    def _add_types(self, types: Mapping[str, pa.DataType]) -> None:
        for name, kind in types.items():
            self.types[name] = common_type(self.types[name], kind) if name in self.types else kind

    def layout(self, workers: Workers) -> Layout:
        """The fitted encoders, and a vocabulary of their tokens."""
        jobs = {name: workers.submit(state.finalize) for name, state in self.states.items()}
        return self._layout({name: job.result() for name, job in jobs.items()})

    def _layout(self, fitted: Mapping[str, Encoder]) -> Layout:
        return Layout.build(
            self.schema,
            tuple(fitted[spec.name] for spec in self.schema.static),
            tuple(fitted[spec.name] for spec in self.schema.fields),
            None if self.anchor is None else self.anchor.finalize(),
        )

    def extend(self, layout: Layout) -> Layout:
        """A fitted layout with tokens for the new values of this state; existing ids stay the same."""
        return layout.extend(
            tuple(e.extend(self.states[e.spec.name]) for e in layout.static),
            tuple(e.extend(self.states[e.spec.name]) for e in layout.fields),
            None if layout.anchor is None or self.anchor is None else layout.anchor.extend(self.anchor),
        )

    def dump(self) -> dict[str, pa.Table]:
        """The state as tables, to travel between processes; equal states give equal tables."""
        return dict(self._dump())

    def _dump(self) -> Iterator[tuple[str, pa.Table]]:
        names = sorted(self.types)
        yield "types", pa.table({"column": names, "type": [write_type(self.types[name]) for name in names]})
        yield "rows", pa.table({"rows": [self.rows]})
        if self.anchor is not None:
            yield "anchor", self.anchor.dump()
        for name, state in self.states.items():
            yield f"field {name}", state.dump()

    @classmethod
    def restore(cls, schema: Schema, kinds: Mapping[str, EncoderType], tables: Mapping[str, pa.Table]) -> FitState:
        """The state that `dump` wrote."""
        state = cls(schema, kinds)
        for spec in (*schema.static, *schema.fields):
            settled: Any = settle_defaults(schema, spec)
            state.states[spec.name] = kinds[spec.name].state.restore(settled, tables[f"field {spec.name}"])
        if state.anchor is not None:
            state.anchor = AnchorState.restore(tables["anchor"])
        names, types = (tables["types"][column].to_pylist() for column in ("column", "type"))
        state._add_types({name: parse_type(kind) for name, kind in zip(names, types, strict=True)})
        state.rows = tables["rows"]["rows"][0].as_py()
        return state

    def to_bytes(self, limit: int | None = None) -> bytes | None:
        """The state as an Arrow file of its tables, one a row; None if it is longer than `limit` bytes."""
        parts: dict[str, bytes] = {}
        for name, table in self._dump():
            parts[name] = _write(table.combine_chunks(), pa.ipc.new_stream)
            if limit is not None and sum(map(len, parts.values())) > limit:
                return None  # fields can have millions of values: the rest is not counted out
        names, data = pa.array(list(parts), pa.string()), pa.array(list(parts.values()), pa.large_binary())
        whole = _write(pa.table({"part": names, "table": data}), pa.ipc.new_file)
        return None if limit is not None and len(whole) > limit else whole

    @classmethod
    def from_bytes(cls, schema: Schema, kinds: Mapping[str, EncoderType], data: bytes) -> FitState:
        """The state that `to_bytes` wrote. Raises `ValueError` for anything else."""
        try:
            with pa.ipc.open_file(pa.py_buffer(data)) as file:
                rows = file.read_all()
            tables = {
                name.as_py(): pa.ipc.open_stream(table.as_buffer()).read_all()
                for name, table in zip(rows["part"], rows["table"], strict=True)
            }
            return cls.restore(schema, kinds, tables)
        except (KeyError, IndexError, TypeError, AttributeError, OSError) as error:
            raise ValueError(repr(error)) from None


def _write(table: pa.Table, new: Callable[..., Any]) -> bytes:
    sink = pa.BufferOutputStream()
    with new(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data
