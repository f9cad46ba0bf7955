"""Streams back into a table, in entity and time order."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells, TimestampEncoder, decode_instants
from domaintoolkit.errors import DataError, DecodeError, Refusal
from domaintoolkit.grammar import Place, parse_spans
from domaintoolkit.schema import Schema
from domaintoolkit.times.zones import LAST
from domaintoolkit.tokenizer.field_cells import Parsed, parse
from domaintoolkit.tokenizer.layout import Bound, Layout
from domaintoolkit.tokenizer.rows.column_types import column_type, decoded_type
from domaintoolkit.tokenizer.rows.order import ranks_of
from domaintoolkit.tokenizer.rows.table import read_some_columns
from domaintoolkit.tokenizer.rows.ties import cell_ranks, descends
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.values.columns import plain

__all__ = ["as_ids", "as_keys", "as_offsets", "decode_ids", "drop_cut_events"]

Types = Mapping[str, pa.DataType]


def as_ids(ids: Any) -> NDArray[np.integer]:
    """`ids` as an array; raises `DecodeError` if they are anything but whole numbers one after another."""
    return _whole_numbers(ids, "ids")


def as_offsets(offsets: Any, end: int) -> NDArray[np.int64]:
    """`offsets` as an array; raises `DecodeError` if they do not rise from 0 to `end`."""
    bounds = _whole_numbers(offsets, "offsets")
    if not len(bounds) or bounds[0] != 0 or bounds[-1] != end or (bounds[1:] < bounds[:-1]).any():
        raise DecodeError(f"offsets must rise from 0 to the number of ids, {end:,}")
    return bounds.astype(np.int64)


def _whole_numbers(values: Any, name: str) -> NDArray[np.integer]:
    try:
        array = np.asarray(values)
    except Exception as error:
        raise DecodeError(f"{name} must be a sequence of whole numbers: {error}") from None
    if array.ndim == 1 and not len(array):
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        found = f"an array of {array.dtype} with the shape {array.shape}"
        raise DecodeError(f"{name} must be a sequence of whole numbers, got {found}")
    return array


def as_keys(entities: Any, schema: Schema, streams: int) -> pa.Table:
    """The keys of streams; raises `DataError` for a table without the key columns, or of other length."""
    columns = read_some_columns(schema, entities, schema.entity)
    table = pa.table(columns)
    if len(table) != streams:
        reason = f"there are {streams:,} streams, and {len(table):,} rows of keys"
        raise DataError([Refusal(None, None, reason)])
    return table


def decode_ids(
    layout: Layout,
    types: Types,
    ids: NDArray[np.integer],
    offsets: NDArray[np.int64],
    entities: pa.Table | None,
    base: bool = False,
    times: pa.Array | None = None,
    seed: int | None = None,
) -> pa.Table:
    """One row an event. With `base`, the ids must not hold composites.

    `times` is the time column, if the times are known: finding times that agree with the tokens is slow.
    With a `seed`, a value is drawn among those that have the same tokens, as far as their encoder knows them.
    Without `entities`, their columns hold the number of the stream. Sessions come back as their number within
    the history, and an `order_by` column that is not a field as the number of the event.
    """
    schema = layout.schema
    if not base and layout.segmenter is not None:  # even without composites in it, a stream's events may be shuffled
        ids, offsets, _, _ = layout.segmenter.expand(ids, offsets)
    parsed = parse(layout, ids, offsets)
    counts = np.diff(parsed.index.offsets)
    streams = np.repeat(np.arange(len(counts)), counts)  # (events,); header values have one row a stream
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for name in schema.entity:
        whole = pa.array(np.arange(len(counts))) if entities is None else entities[name]
        columns[name] = whole.take(pa.array(streams))
    for bound in layout.header:
        if bound.name is not None:
            values = _field(bound, parsed.header[bound.name], types, seed)
            columns[bound.name] = values.take(pa.array(streams))
    for bound in layout.events:
        if bound.name is not None and bound.name != schema.time and not _is_near_time(bound, schema):
            columns[bound.name] = _field(bound, parsed.events[bound.name], types, seed)
    if schema.session is not None:
        columns[schema.session] = pa.array(_within(np.cumsum(parsed.index.has_session), parsed.index.offsets))
    for name in schema.tie_order:
        if name not in columns:
            columns[name] = pa.array(_within(np.arange(len(streams)), parsed.index.offsets))
    if schema.time is not None and times is not None:
        columns[schema.time] = times
    elif schema.time is not None:
        columns[schema.time] = _times(layout, types[schema.time], parsed, columns)
    for bound in layout.events:
        if bound.name is not None and _is_near_time(bound, schema):
            columns[bound.name] = _near_times(bound, parsed.events[bound.name], types, columns[schema.time or ""])
    return pa.table({name: columns[name] for name in schema.columns if name in columns})


def drop_cut_events(
    layout: Layout, types: Types, ids: NDArray[np.integer], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """(ids, offsets) without the last event of a stream if it is cut off, between two parts or within a character.

    A header must be whole. Composites are expanded.
    """
    if layout.segmenter is not None:
        ids, offsets, _, _ = layout.segmenter.expand(ids, offsets)
    grammar = layout.grammar
    spans = parse_spans(ids, offsets, grammar, cut=True)
    starts = spans.index(offsets)
    # (streams,) the last span of each, and the place that must come after it
    last = np.append(np.flatnonzero(spans.places == Place.BOS)[1:], len(spans.places)) - 1
    following = spans.places[last] + grammar.fills[spans.firsts[last]]
    has_events = np.diff(starts.offsets) > 0
    opens = spans.places[last] == Place.SESSION
    # (streams,) the last event lacks parts; with `opens` there is only its session token
    is_cut = has_events & (following != grammar.parts) & ~opens
    ends = offsets[1:].copy()
    ends[is_cut] = starts.starts[starts.offsets[1:][is_cut] - 1]
    ends[opens] = spans.begins[last[opens]]
    ids, offsets = _cut_streams(ids, offsets, ends)
    try:
        decode_ids(layout, types, ids, offsets, None, base=True)
    except DecodeError:
        whole = [_end_whole(layout, types, ids[low:high]) for low, high in pairwise(offsets.tolist())]
        ids, offsets = _cut_streams(ids, offsets, offsets[:-1] + np.array(whole, np.int64))
    return ids, offsets


def _cut_streams(
    ids: NDArray[np.integer], offsets: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """The streams up to their new `ends`."""
    lengths = ends - offsets[:-1]
    return ids[positions(offsets[:-1], lengths)], offsets_of(lengths)


def _end_whole(layout: Layout, types: Types, ids: NDArray[np.integer]) -> int:
    """The tokens of one stream up to the end of its last event that decodes: the last one, or the one before."""
    bounds = np.array([0, len(ids)])
    try:
        decode_ids(layout, types, ids, bounds, None, base=True)
    except DecodeError:
        # whole parts, but a character that is cut off: the last event goes
        starts = parse(layout, ids, bounds).index.starts
        return int(starts[-1]) if len(starts) else len(ids)
    return len(ids)


def _is_near_time(bound: Bound, schema: Schema) -> bool:
    """Return True if a field is a second time of the event, which lies near the first."""
    is_second = isinstance(bound.encoder, TimestampEncoder) and bound.name != schema.time
    return is_second and schema.time is not None and bound.name not in schema.tie_order


def _near_times(bound: Bound, parts: list[Cells], types: Types, times: pa.Array | pa.ChunkedArray) -> pa.Array:
    """(events,) a second time of each event: its parts may lack the year, which is then that of the event."""
    assert bound.name is not None
    assert isinstance(bound.encoder, TimestampEncoder)
    kind = decoded_type(types[bound.name], bound.encoder.spec)
    near = plain(times).cast(pa.timestamp("us", times.type.tz)).view(pa.int64()).fill_null(0)
    return bound.encoder.decode_near(parts, kind, near.to_numpy(zero_copy_only=False))


def _field(bound: Bound, parts: list[Cells], types: Types, seed: int | None) -> pa.Array:
    assert bound.name is not None
    encoder = bound.field
    kind = decoded_type(types[bound.name], encoder.spec)
    if seed is None:
        return encoder.decode(parts, kind)
    # each field has numbers of its own, whatever other fields there are
    random = np.random.Generator(np.random.Philox(key=[seed, crc32(bound.name.encode())]))
    return encoder.sample(parts, kind, random.random(len(parts[0].codes)))


def _within(numbers: NDArray[np.int64], event_offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """(events,) numbers that rise over all events, counted again from 0 in each history."""
    counts = np.diff(event_offsets)
    # (streams,): the number of the first event of each
    first = numbers[np.minimum(event_offsets[:-1], max(len(numbers) - 1, 0))] if len(numbers) else numbers[:0]
    return numbers - np.repeat(first if len(first) else np.zeros(len(counts), np.int64), counts)


def _times(
    layout: Layout, kind: pa.DataType, parsed: Parsed, columns: Mapping[str, pa.Array | pa.ChunkedArray]
) -> pa.Array:
    """(events,) instants that agree with every token, later than the event before if a tie would change the order.

    With gaps between sessions, also as late as the session tokens say.
    """
    schema = layout.schema
    assert layout.anchor is not None
    assert schema.time is not None
    # the sort keys of ties, as encoding has them: (events,) each
    keys = [ranks_of(plain(columns[name]), by_number=True) for name in schema.tie_order]
    if schema.session is not None:
        keys.append(ranks_of(plain(columns[schema.session])))
    for bound in layout.events:
        if bound.name != schema.time:
            keys += [cell_ranks(cells) for cells in parsed.events[bound.name]]
    count = len(parsed.index.starts)
    # (events,) each: an event is at least `low` and less than `high` µs later than the one before
    low, high = np.zeros(count, np.int64), np.full(count, LAST)
    if keys:
        low = descends(keys).astype(np.int64)
    if schema.gap is not None:
        low = np.where(parsed.index.has_session, schema.gap, low)
        high[~parsed.index.has_session] = schema.gap
    days = layout.anchor.decode(parsed.header[None])
    cells: list[Cells] = parsed.events.get(schema.time, [])
    encoder = next((b.encoder for b in layout.events if b.name == schema.time), None)
    assert encoder is None or isinstance(encoder, TimestampEncoder)
    if schema.untimed == "refuse" or encoder is None:
        return column_of(decode_instants(encoder, cells, days, parsed.index.offsets, low, high), kind, schema.zone)
    present = ~encoder.read(cells).null
    offsets = offsets_of(present.astype(np.int64))  # (events + 1,) events with a time before each
    _check_untimed(present, parsed.index.offsets)
    timed = [Cells(part.codes[present], part.slots, part.offsets) for part in cells]
    instants = np.zeros(count, np.int64)
    instants[present] = decode_instants(
        encoder, timed, days, offsets[parsed.index.offsets], low[present], high[present]
    )
    column = column_of(instants, kind, schema.zone)
    return pc.if_else(pa.array(present), column, pa.scalar(None, column.type))


def _check_untimed(present: NDArray[np.bool_], offsets: NDArray[np.int64]) -> None:
    """Raise `DecodeError` for an event without a time after one with a time."""
    wrong = ~present
    wrong[1:] &= present[:-1]
    wrong[:1] = False
    # the event before the first one of a history is of another history
    wrong[offsets[:-1][np.diff(offsets) > 0]] = False
    if wrong.any():
        event = int(np.argmax(wrong))
        history = int(np.searchsorted(offsets, event, "right")) - 1
        reason = "an event without a time comes after one with a time"
        raise DecodeError(f"event {event - int(offsets[history])}: {reason}", history)


def column_of(instants: NDArray[np.int64], kind: pa.DataType, zone: str) -> pa.Array:
    """Microseconds since the epoch as a column: in the zone it was fitted with, otherwise UTC.

    Times without a zone come back without one only if they were read as UTC: in other zones, an hour that a clock
    shows twice would come back as another instant.
    """
    column = pa.array(instants, pa.timestamp("us", "UTC"))
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(column_type(kind))
    if pa.types.is_timestamp(kind) and zone == "UTC":
        return column.cast(pa.timestamp("us"))
    return column
