"""Encoding one history at a time, for serving: look-up tables are kept, and no Arrow array is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np

from domaintoolkit.encoders import Lookup, TimestampEncoder
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.streams.streams import Ids
from domaintoolkit.tokenizer.layout import Layout
from domaintoolkit.values import to_microsecond

__all__ = ["HistoryEncoder"]

Ids1 = list[tuple[int, ...]]
Row = Mapping[str, Any]


class HistoryEncoder:
    """Encodes the rows of one entity, given as dictionaries, to the ids that encoding a table gives."""

    def __init__(self, layout: Layout) -> None:
        schema = layout.schema
        self._layout = layout
        self._fields: list[tuple[str, Lookup]] = []
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
        self._static = [(b.name, b.field.lookup(b.ids)) for b in layout.header if b.name is not None]
        self._anchor = next((b.encoder.lookup(b.ids) for b in layout.header if b.name is None), None)

    def encode(self, rows: Sequence[Row]) -> Ids | None:
        """The ids of one history; None if its times alone do not give its order."""
        schema = self._layout.schema
        if not rows:
            raise DataError([Refusal(None, None, "a history needs at least one event")])
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
        columns = [find([row[name] for row in rows]) for name, find in self._fields]
        if self._time_lookup is not None:
            assert times is not None
            assert self._time_place is not None
            columns.insert(self._time_place, self._time_lookup(times))
        if schema.session is not None:
            columns.insert(0, self._breaks(rows))
        body = chain.from_iterable(chain.from_iterable(zip(*columns, strict=True)))
        return np.fromiter(chain(self._header(rows, times), body), self._layout.id_type)

    def _times(self, rows: Sequence[Row]) -> list[int] | None:
        schema = self._layout.schema
        if schema.time is None:
            return None
        times = []
        for number, row in enumerate(rows):
            instant = to_microsecond(row[schema.time], self._layout.zone, schema.time_unit)
            if instant is None:
                raise DataError([Refusal(number, schema.time, "the time is null")])
            times.append(instant)
        return times

    def _breaks(self, rows: Sequence[Row]) -> Ids1:
        token = (self._layout.grammar.session,)
        sessions = [row[self._layout.schema.session or ""] for row in rows]
        return [(), *(() if a == b else token for a, b in pairwise(sessions))]

    def _header(self, rows: Sequence[Row], times: list[int] | None) -> list[int]:
        ids = [self._layout.grammar.bos]
        for name, find in self._static:
            first = rows[0][name]
            for number, row in enumerate(rows):
                if row[name] != first and (row[name] == row[name] or first == first):  # NaN is not itself
                    reason = f"static field is {row[name]!r} here, and {first!r} in another row of the same entity"
                    raise DataError([Refusal(number, name, reason, other=0)])
            ids += find([first])[0]
        if self._anchor is not None:
            assert times is not None
            ids += self._anchor(times[:1])[0]
        return ids
