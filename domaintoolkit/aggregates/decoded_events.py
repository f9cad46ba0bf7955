"""The events of some histories as flat columns of numbers and codes, decoded from their streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.grammar import index_events
from domaintoolkit.schema import Categorical, FieldSpec, Text, Timestamp
from domaintoolkit.storage import ShardRows
from domaintoolkit.times.zones import NO_TIME
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.decoding import decode_ids
from domaintoolkit.tokenizer.rows.row_times import time_column
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.value_names import has_names, write_names

__all__ = ["Codes", "DecodedEvents", "frequent_values"]

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Codes:
    """A column of categories: code i below the number of frequent values is the i-th of them; -1 is null."""

    codes: NDArray[np.int64]
    distinct: int
    """The number of all codes."""


class DecodedEvents:
    """Some histories of a shard, one after another, decoded; a column is made when it is first asked for."""

    def __init__(self, tokenizer: DomainTokenizer, rows: ShardRows, histories: NDArray[np.int64]) -> None:
        self._tokenizer = tokenizer
        lengths = np.diff(rows.offsets).astype(np.int64)[histories]  # (histories,) tokens
        ids = rows.ids[positions(rows.offsets[:-1][histories].astype(np.int64), lengths)]
        counts = np.diff(rows.event_offsets).astype(np.int64)[histories]  # (histories,) events
        self.offsets = offsets_of(counts)
        """(histories + 1,): history i has the events `offsets[i]` to `offsets[i + 1]`."""
        self.times: NDArray[np.int64] | None = None
        """(events,) µs since the epoch; `NO_TIME` for an event without a time."""
        if rows.times is not None:
            self.times = rows.times[positions(rows.event_offsets[:-1][histories].astype(np.int64), counts)]
        known = None if self.times is None else time_column(self.times)
        layout = tokenizer.layout
        self._table = decode_ids(layout, tokenizer.types, ids, offsets_of(lengths), None, base=True, times=known)
        self.has_session = index_events(ids, offsets_of(lengths), layout.grammar).has_session
        """(events,) True if a session begins there."""

    def seconds(self) -> NDArray[np.float64]:
        """(events,) seconds since the epoch, NaN without a time."""
        assert self.times is not None
        return np.where(self.times == NO_TIME, np.nan, self.times / SECOND)

    def numbers(self, spec: FieldSpec) -> NDArray[np.float64]:
        """(events,) a field as numbers: seconds of times, lengths of texts; NaN for null."""
        column = to_plain(self._table[spec.name])
        if isinstance(spec, Text):
            column = pc.utf8_length(column)
        if pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("us"))
        if isinstance(spec, Timestamp) and pa.types.is_string(column.type):
            column = pc.cast(column, pa.timestamp("us"))
        if pa.types.is_timestamp(column.type):
            column = pc.divide(
                column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).cast(pa.float64()), SECOND
            )
        try:
            made = column.cast(pa.float64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return np.full(len(column), np.nan)
        numbers = np.asarray(pc.fill_null(made, np.nan), np.float64)
        # an infinity would be the mean of everything
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def codes(self, spec: FieldSpec, frequent: list[str]) -> Codes:
        """(events,) a field as codes, the `frequent` values first."""
        # (events,) codes of (distinct,) values, null among these; names are made once for each distinct value
        codes, distinct = codes_of(to_plain(self._table[spec.name]))
        names = (write_names(distinct) if has_names(distinct.type) else distinct.cast(pa.string())).cast(pa.string())
        if isinstance(spec, Categorical) and spec.separator is not None:
            # of a path the first level, so that several distinct values may have one name
            names = pc.list_element(pc.split_pattern(names, spec.separator, max_splits=1), 0)
        names = names.dictionary_encode()
        # (names,) the place of each among the frequent ones, or null
        known = pc.index_in(names.dictionary, value_set=pa.array(frequent, pa.string()))
        order = np.asarray(pc.fill_null(known, -1)).astype(np.int64)
        others = order < 0
        # (names,) the others are numbered after the frequent ones
        order[others] = len(frequent) + np.arange(np.count_nonzero(others))
        # (names + 1,) the last entry is for null
        table = np.append(order, -1)
        places = np.asarray(pc.fill_null(names.indices, len(order)))  # (distinct,)
        return Codes(table[places][codes], len(frequent) + int(np.count_nonzero(others)))


def frequent_values(tokenizer: DomainTokenizer, name: str, limit: int) -> list[str]:
    """At most `limit` values of a field (the first level of paths) that have tokens, the most frequent first.

    They are those of the vocabulary, so that later data does not change which they are.
    """
    found: Any = next(bound for bound in tokenizer.layout.bound if bound.name == name)
    return [slot.key for slot in found.field.slots if slot.kind == "value"][:limit]
