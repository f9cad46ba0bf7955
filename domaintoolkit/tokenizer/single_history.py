"""Encoding one history at a time, for serving: look-up tables are kept, and rows become no Arrow array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders import Lookup, TimestampEncoder
from domaintoolkit.errors import DataError, DomainToolkitError, Refusal
from domaintoolkit.schema import Numeric, Schema, Timestamp
from domaintoolkit.times.time_form import ISO
from domaintoolkit.tokenizer.layout import Layout
from domaintoolkit.tokenizer.rows.table import read_history
from domaintoolkit.values import to_microsecond
from domaintoolkit.values.objects import as_column, as_plain
from domaintoolkit.values.value_names import join_texts

__all__ = ["HistoryEncoder"]

Ids1 = list[tuple[int, ...]]
Row = Mapping[str, Any]


_OWN = frozenset({type(None), str, int, float, bool, Decimal, date, datetime})
"""Types of values that are looked up as they are."""


class HistoryEncoder:
    """Encodes the rows of one entity, given as dictionaries, to the ids that encoding a table gives."""

    def __init__(self, layout: Layout) -> None:
        schema = layout.schema
        self._layout = layout
        self._fields: list[tuple[str, Lookup]] = []
        self._time_form = ISO if schema.time is None else schema.time_form(schema.time)
        specs = (spec for spec in (*schema.static, *schema.fields) if isinstance(spec, Timestamp))
        self._cut = {spec.name for spec in specs if schema.time_form(spec.name).cut}
        self._time_place: int | None = None
        self._time_lookup: Callable[[Sequence[int]], Ids1] | None = None
        for bound in layout.events:
            assert bound.name is not None
            if bound.name == schema.time:
                assert isinstance(bound.encoder, TimestampEncoder)
                self._time_place = len(self._fields)
                self._time_lookup = bound.encoder.lookup_history(bound.ids)
            else:
                self._fields.append((bound.name, bound.field.lookup(bound.ids)))
        self._measures = {
            spec.name: spec.by for spec in (*schema.static, *schema.fields) if isinstance(spec, Numeric) and spec.by
        }
        """The field that says what each number measures."""
        self._static = [(b.name, b.field.lookup(b.ids)) for b in layout.header if b.name is not None]
        self._anchor = next((b.encoder.lookup(b.ids) for b in layout.header if b.name is None), None)

    def encode(self, rows: Any, encode_table: Callable[[Any], NDArray[np.int32]]) -> NDArray[np.int32]:
        """The ids of one history, a list of dictionaries or a table; `encode_table` takes one whose keys are all 0."""
        schema = self._layout.schema
        if not isinstance(rows, list):
            table = pa.table(read_history(schema, rows))
            try:
                rows = table.to_pylist()
            except (OverflowError, ValueError):  # a time that Python cannot hold
                keys = dict.fromkeys(schema.entity, pa.array(np.zeros(len(table), np.int64)))
                return encode_table({**dict(zip(table.column_names, table.columns, strict=True)), **keys})
        if not rows:
            raise DataError([Refusal(None, None, "a history needs at least one event")])
        _check_one_entity(schema, rows)
        ids = self._encode_alone(rows)
        if ids is not None:
            return ids
        # as a table is encoded: ties are broken by the rows themselves
        entity = dict.fromkeys(schema.entity, 0)
        return encode_table([{**row, **entity} if isinstance(row, Mapping) else row for row in rows])

    def _encode_alone(self, rows: Sequence[Row]) -> NDArray[np.int32] | None:
        """The ids of one history; None if only the encoding of a table tells them, or what is wrong with the rows.

        That is so for a tie, for a column that some rows lack, and for values that are refused.
        """
        try:
            return self._encode(rows)
        except Exception as error:
            if isinstance(error, DomainToolkitError) and not isinstance(error, DataError):
                raise
            return None

    def _encode(self, rows: Sequence[Row]) -> NDArray[np.int32] | None:
        schema = self._layout.schema
        # such rows are facts of the entity, which only a table sorts out
        if schema.untimed == "static" and any(value is None for value in _values(rows, schema.time or "")):
            return None
        times = self._times(rows)
        if times is None and schema.has_order and len(rows) > 1:
            return None
        if times is not None and any(a >= b for a, b in pairwise(times)):
            order = sorted(range(len(rows)), key=times.__getitem__)
            rows, times = [rows[k] for k in order], [times[k] for k in order]
            # a tie is broken by further keys, which only the encoding of a table computes
            if any(a == b for a, b in pairwise(times)):
                return None
        if schema.max_events is not None and len(rows) > schema.max_events:
            rows = rows[-schema.max_events :]
            times = None if times is None else times[-schema.max_events :]
        # for each field the tokens of each row
        columns = [find(self._inputs(rows, name)) for name, find in self._fields]
        if self._time_lookup is not None:
            assert times is not None
            assert self._time_place is not None
            columns.insert(self._time_place, self._time_lookup(times))
        if schema.gap is not None and times is not None:
            token = (self._layout.grammar.session,)
            columns.insert(0, [(), *(token if b - a >= schema.gap else () for a, b in pairwise(times))])
        if schema.session is not None:
            breaks = self._breaks(_values(rows, schema.session))
            if breaks is None:
                return None
            columns.insert(0, breaks)
        header = self._header(rows, times)
        if header is None:
            return None
        # row by row, and within a row field by field
        body = chain.from_iterable(chain.from_iterable(zip(*columns, strict=True)))
        return np.fromiter(chain(header, body), np.int32)

    def _inputs(self, rows: Sequence[Row], name: str) -> Sequence[Any]:
        """The values of a field as its look-up takes them."""
        values = _values(rows, name, name in self._cut)
        by = self._measures.get(name)
        return values if by is None else list(zip(values, _values(rows, by), strict=True))

    def _times(self, rows: Sequence[Row]) -> list[int] | None:
        schema = self._layout.schema
        if schema.time is None:
            return None
        times = []
        for number, value in enumerate(self._written_times(rows, schema.time)):
            instant = to_microsecond(value, self._layout.zone, self._time_form)
            if instant is None:
                raise DataError([Refusal(number, schema.time, "the time is null")])
            times.append(instant)
        return times

    def _written_times(self, rows: Sequence[Row], name: str) -> list[Any]:
        """The times as they are written, in one column or in those that make it."""
        parts, cut = self._layout.schema.time_join, self._time_form.cut
        if not parts or (name in rows[0] and not all(part in rows[0] for part in parts)):
            return _values(rows, name, cut)
        columns = [as_column(_values(rows, part, cut)).values for part in parts]
        joined: list[Any] = join_texts(columns).to_pylist()
        return joined

    def _breaks(self, sessions: Sequence[Any]) -> Ids1 | None:
        """The session tokens; None if the sessions are not all text or all whole numbers, which compare as they are."""
        if len(kinds := set(map(type, sessions))) > 1 or not kinds <= {str, int, type(None)}:
            return None
        token = (self._layout.grammar.session,)
        return [(), *(() if a == b else token for a, b in pairwise(sessions))]

    def _header(self, rows: Sequence[Row], times: list[int] | None) -> list[int] | None:
        """The tokens of the static fields and the anchor; None if a static field has several values."""
        ids = [self._layout.grammar.bos]
        for name, find in self._static:
            values = self._inputs(rows, name)
            first = values[0]
            # types too: 1, 1.0 and True are equal in Python
            if any(value is not first and (type(value) is not type(first) or value != first) for value in values):
                return None
            ids += find([first])[0]
        if self._anchor is not None:
            assert times is not None
            ids += self._anchor(times[:1])[0]
        return ids


def _values(rows: Sequence[Row], name: str, cut: bool = False) -> list[Any]:
    """The column of this name, in Python's own types."""
    values = [row[name] for row in rows]
    return values if _OWN.issuperset(map(type, values)) else [as_plain(value, cut) for value in values]


def _check_one_entity(schema: Schema, rows: Sequence[Row]) -> None:
    """Raise `DataError` if rows have different keys; those without a key belong to any entity."""
    for name in schema.entity:
        keys = [row[name] for row in rows if isinstance(row, Mapping) and row.get(name) is not None]
        for key in keys[1:]:
            if not _is_same(key, keys[0]):
                reason = (
                    f"the rows of one history have one key, and here are {keys[0]!r} and {key!r}; encode takes both"
                )
                raise DataError([Refusal(None, name, reason)])


def _is_same(key: object, other: object) -> bool:
    """Return True for equal keys, also if one is a number and the other its text."""
    try:
        return key is other or bool(key == other) or str(key) == str(other)
    except Exception:  # of a stranger's class; what is not a key is refused where it is read
        return True
