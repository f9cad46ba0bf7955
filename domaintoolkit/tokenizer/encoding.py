"""Encoding a table: its rows are grouped, ordered, turned into cells and written as streams."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders import Anchor, Encoded, TimestampEncoder
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.schema import Schema
from domaintoolkit.streams.keys import hash_keys, hash_values, session_keys
from domaintoolkit.streams.streams import Counts, Ids, Sessions, Streams
from domaintoolkit.times.zones import NO_TIME
from domaintoolkit.tokenizer.assembly import FixedPart, StreamParts, TokenPart, assemble, assign_ids
from domaintoolkit.tokenizer.layout import Bound, Layout
from domaintoolkit.tokenizer.rows.order import Grouping, break_ties, group_rows, ranks_of
from domaintoolkit.tokenizer.rows.preparation import PreparedRows
from domaintoolkit.tokenizer.rows.row_splits import split_times
from domaintoolkit.tokenizer.rows.row_times import anchor_times
from domaintoolkit.tokenizer.rows.ties import cell_ranks
from domaintoolkit.util.arrow import show_value
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.util.threads import Workers

__all__ = ["encode_rows", "statics_of", "tie_keys"]

Places = NDArray[np.int64]


def encode_rows(
    layout: Layout, rows: PreparedRows, on_bad_rows: str, workers: Workers, by_hash: bool = False
) -> Streams:
    """The streams of prepared rows, by key or `by_hash` of the key, then key.

    Rows whose static values differ from those of most rows of their entity are refused, or raised.
    """
    schema = layout.schema
    jobs: dict[str | None, Future[Encoded]] = {
        bound.name: workers.submit(bound.field.encode, rows.values[bound.name])
        for bound in layout.events
        if bound.name in rows.values
    }
    grouping = rows.grouping
    if grouping is None:
        grouping = group_rows([rows.columns[name] for name in schema.entity], rows.times, schema.has_order)
    cells = {name: job.result() for name, job in jobs.items()}
    if grouping.tied is not None:
        grouping = break_ties(grouping, lambda chosen: tie_keys(schema, rows, layout, cells, chosen))
    conflicts = _find_static_conflicts(schema, rows, grouping)
    if conflicts:
        if on_bad_rows == "error":
            problems = [refusal for row in conflicts.values() for refusal in row]
            raise DataError(problems[:1000], len(problems))
        # once more from the beginning: the numbers of all later rows have changed
        return encode_rows(layout, rows.without(conflicts), on_bad_rows, workers, by_hash)
    if by_hash:
        # stable: entities with equal hashes stay in the order of their keys
        hashes = hash_keys(_entities(schema, rows, grouping))
        grouping = grouping.reorder(np.argsort(hashes, kind="stable"))
    return _write_streams(layout, rows, grouping, cells, workers)


def _entities(schema: Schema, rows: PreparedRows, grouping: Grouping) -> pa.Table:
    """The key of each entity."""
    first = pa.array(grouping.first)
    return pa.table({name: rows.columns[name].take(first) for name in schema.entity})


def _write_streams(
    layout: Layout, rows: PreparedRows, whole: Grouping, cells: dict[str | None, Encoded], workers: Workers
) -> Streams:
    """The streams of ordered rows; session, header, times and fields are worked on at once."""
    schema = layout.schema
    grouping, left_out = _apply_limits(schema, whole)
    order, starts = grouping.order, grouping.starts
    times = grouping.times
    if times is None and rows.times is not None:
        times = grouping.rows(rows.times)
    session_job = workers.submit(_find_sessions, schema, rows, grouping, times)
    header_job = workers.submit(_encode_header, layout, rows, grouping, times)
    time_job = None if times is None else workers.submit(_encode_times, layout, times, starts)
    part_jobs = {
        bound.name: [workers.submit(assign_ids, bound, part, layout.id_type, order) for part in cells[bound.name].parts]
        for bound in layout.events
        if bound.name in cells
    }
    events: list[TokenPart] = []
    fields: dict[str, Encoded] = {}
    for bound in layout.events:
        assert bound.name is not None
        if bound.name == schema.time:
            assert time_job is not None
            field, parts = time_job.result()
            events += parts
        else:
            field = cells[bound.name]
            events += [job.result() for job in part_jobs[bound.name]]
        fields[bound.name] = field
    header, header_fields = header_job.result()
    breaks, last_session, sessions = session_job.result()
    made = assemble(StreamParts(header, events, starts, breaks), layout, workers)
    counted = {**header_fields, **fields, **_encode_left_out(layout, rows, whole, left_out)}
    return Streams(
        entities=_entities(schema, rows, grouping),
        ids=made.ids,
        offsets=made.offsets,
        event_starts=made.event_starts,
        event_offsets=starts,
        source=layout,
        times=times,
        labels=_take_columns(schema.labels, rows, order),
        order_by=_take_columns(schema.free_order, rows, order),
        statics=statics_of(schema, rows, grouping.first) if schema.static else None,
        last_session=last_session,
        **_find_splits(schema, rows, grouping, times),
        sessions=sessions,
        segmenter=layout.segmenter,
        counts=_count_values(Counts(len(rows), 0, *left_out), rows, counted),
        refused=rows.refused,
        rows=_input_rows(rows, order),
    )


def _find_splits(
    schema: Schema, rows: PreparedRows, grouping: Grouping, times: NDArray[np.int64] | None
) -> dict[str, Any]:
    """The split of each entity, which is that of its last event, and the value of the split column there."""
    cuts, last = None if schema.split is None else schema.split.cuts(schema.zone), grouping.starts[1:] - 1
    if cuts is not None and times is not None:
        return {"splits": split_times(times[last], cuts)}
    if rows.splits is None or schema.split_column is None:
        return {}
    chosen = last if grouping.order is None else grouping.order[last]
    return {"splits": rows.splits[chosen], "split_values": rows.columns[schema.split_column].take(pa.array(chosen))}


def _input_rows(rows: PreparedRows, order: NDArray[np.integer[Any]] | None) -> NDArray[np.integer[Any]]:
    """(events,) the row of the table that each event was."""
    if rows.numbers is None:
        return np.arange(len(rows)) if order is None else order
    return rows.numbers if order is None else rows.numbers.take(order)


def _count_values(counts: Counts, rows: PreparedRows, fields: dict[str, Encoded]) -> Counts:
    words = ("spelled", "hashed", "clipped", "missing")
    table = {name: {word: int(getattr(field, word)) for word in words} for name, field in fields.items()}
    totals = {word: sum(field[word] for field in table.values()) for word in words}
    return replace(counts, rows_in=rows.rows_in, rows_refused=rows.rows_in - len(rows), fields=table, **totals)


def _encode_left_out(
    layout: Layout, rows: PreparedRows, whole: Grouping, left_out: tuple[int, int]
) -> dict[str, Encoded]:
    """Static fields and times of all events, also those that are left out, whose other values are counted too."""
    if not any(left_out):
        return {}
    counted = {
        bound.name: bound.field.encode(rows.values[bound.name].take(pa.array(whole.first)))
        for bound in layout.header
        if bound.name is not None
    }
    if rows.times is not None and any(bound.name == layout.schema.time for bound in layout.events):
        counted[layout.schema.time or ""] = _encode_times(
            layout, whole.rows(rows.times).astype(np.int64, copy=False), whole.starts
        )[0]
    return counted


def _encode_times(
    layout: Layout, times: NDArray[np.int64], starts: NDArray[np.int64]
) -> tuple[Encoded, list[TokenPart]]:
    """The tokens of the time field; none if the schema does not encode its time column."""
    bound = next((bound for bound in layout.events if bound.name == layout.schema.time), None)
    if bound is None:
        return Encoded([]), []
    assert isinstance(bound.encoder, TimestampEncoder)
    untimed = layout.schema.untimed == "static" and bool((times == NO_TIME).any())
    if "year" not in bound.encoder.parts and not untimed:  # a year has any number of tokens, the other parts have one
        return Encoded([]), [_time_part(bound, bound.encoder, layout.id_type, times, starts[:-1])]
    field = bound.encoder.encode_history(times, starts[:-1])
    return field, [assign_ids(bound, part, layout.id_type, None) for part in field.parts]


def _time_part(
    bound: Bound, encoder: TimestampEncoder, type: np.dtype[Any], times: NDArray[np.int64], starts: NDArray[np.int64]
) -> FixedPart:
    """The tokens of times, made as they are written, so that intermediate arrays stay in the processor's cache."""
    ids = bound.ids.astype(type)

    def tokens(chunk: slice) -> list[Ids]:
        # the event before a chunk comes along, since the first delta is counted from it
        begin = max(chunk.start - 1, 0)
        # the histories that begin in the chunk, counted from the event before it
        inside = starts[np.searchsorted(starts, begin) : np.searchsorted(starts, chunk.stop)] - begin
        parts = encoder.encode_history(times[begin : chunk.stop], inside).parts
        return [ids[part.slots].take(part.codes[chunk.start - begin :]) for part in parts]

    return FixedPart(len(encoder.parts), tokens)


def tie_keys(
    schema: Schema, rows: PreparedRows, layout: Layout, cells: dict[str | None, Encoded], chosen: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The sort keys of rows with equal entity and time: `order_by`, session, tokens, statics, labels, split.

    The session comes before the tokens, so that the events of one session stay together. Shards keep all
    of them, so that appending to a history finds the same order.
    """
    taken = pa.array(chosen)
    keys = [ranks_of(rows.columns[name].take(taken), by_number=True) for name in schema.tie_order]
    if schema.session is not None:
        keys.append(session_keys(rows.columns[schema.session].take(taken)))
    for bound in layout.events:
        if bound.name in cells:
            keys += [cell_ranks(replace(part, codes=part.codes[chosen])) for part in cells[bound.name].parts]
    if schema.static:
        keys += [np.asarray(column) for column in statics_of(schema, rows, chosen).columns]
    keys += [ranks_of(rows.columns[name].take(taken)) for name in schema.labels if name in rows.columns]
    return keys if rows.splits is None else [*keys, rows.splits[chosen].astype(np.int64)]


def statics_of(schema: Schema, rows: PreparedRows, chosen: NDArray[np.integer[Any]] | None = None) -> pa.Table:
    """A hash of each static value of the `chosen` rows (default: of all), as its encoder takes it."""
    names = [spec.name for spec in schema.static]
    columns = {name: rows.plain_values(name) for name in names}
    if chosen is not None:
        columns = {name: column.take(pa.array(chosen)) for name, column in columns.items()}
    return pa.table({name: hash_values(column) for name, column in columns.items()})


def _find_static_conflicts(schema: Schema, rows: PreparedRows, grouping: Grouping) -> dict[int, list[Refusal]]:
    """The rows to refuse so that the others of each entity agree in every static field: as few rows as possible."""
    conflicts: dict[int, list[Refusal]] = {}
    if not schema.static:
        return conflicts
    # (rows,) in the order of events: the first row of the entity of each, and the row itself
    first = np.repeat(grouping.first, np.diff(grouping.starts))
    order = np.arange(len(first)) if grouping.order is None else grouping.order
    hashes = [np.asarray(column) for column in statics_of(schema, rows).columns]
    # (rows,) True if a row has another value than the first of its entity, in any static field
    differs = np.zeros(len(order), bool)
    for values in hashes:
        differs |= values[order] != values[first]
    if not differs.any():
        return conflicts
    # (rows,) for each the row whose values its entity keeps
    kept = order[_find_kept_events(grouping, differs, [values[order] for values in hashes])]
    for spec, values in zip(schema.static, hashes, strict=True):
        wrong = np.flatnonzero(values[order] != values[kept])
        column = rows.columns[spec.name]
        for row, other in zip(order[wrong].tolist(), kept[wrong].tolist(), strict=True):
            number, against = (k if rows.numbers is None else int(rows.numbers[k]) for k in (row, other))
            found, expected = (show_value(column[k]) for k in (row, other))
            reason = f"static field is {found} here, and {expected} in most rows of the same entity"
            conflicts.setdefault(row, []).append(Refusal(number, spec.name, reason, other=against))
    return conflicts


def _find_kept_events(grouping: Grouping, differs: NDArray[np.bool_], statics: Sequence[NDArray[Any]]) -> Places:
    """(events,): the first event of the entity of each that has its most frequent static values.

    Of values that are equally frequent, those of the earliest event count. `statics` are given event by event.
    """
    counts = np.diff(grouping.starts)
    entity = np.repeat(np.arange(len(counts)), counts)
    kept = grouping.starts[entity]
    # (events of entities whose rows differ,)
    some = np.flatnonzero(np.isin(entity, entity[differs]))
    # (1 + statics, those events)
    together = np.stack([entity[some], *(values[some] for values in statics)])
    _, places, times = np.unique(together, axis=1, return_index=True, return_counts=True)
    firsts = some[places]  # (distinct values of an entity,): the first event that has them
    # by entity, then the most frequent values, then the earliest event; the first of each entity is kept
    best = np.lexsort((firsts, -times, entity[firsts]))
    owners, chosen = np.unique(entity[firsts[best]], return_index=True)
    kept[some] = firsts[best][chosen][np.searchsorted(owners, entity[some])]
    return kept


def _apply_limits(schema: Schema, grouping: Grouping) -> tuple[Grouping, tuple[int, int]]:
    """Entities and events within `min_events` and `max_events`, and (events, entities) that are left out."""
    # (entities,): the last `kept` events of each stay
    counts = np.diff(grouping.starts)
    kept = np.where(counts >= schema.min_events, counts, 0)
    if schema.max_events is not None:
        kept = np.minimum(kept, schema.max_events)
    if (kept == counts).all():
        return grouping, (0, 0)
    places = positions(grouping.starts[1:] - kept, kept)
    order = places if grouping.order is None else grouping.order[places]
    left = kept[kept > 0]
    return Grouping(order, offsets_of(left), None), (int(counts.sum() - kept.sum()), len(counts) - len(left))


def _find_sessions(
    schema: Schema, rows: PreparedRows, grouping: Grouping, times: NDArray[np.int64] | None
) -> tuple[NDArray[np.bool_] | None, pa.Array | None, Sessions | None]:
    """(events that begin a new session, the session of each entity's last event, all sessions)."""
    if schema.gap is not None:
        assert times is not None
        begins = np.zeros(len(times), bool)
        np.greater_equal(times[1:] - times[:-1], schema.gap, out=begins[1:])
        # an event after one without a time opens no session, however long ago `NO_TIME` is
        begins[1:] &= times[:-1] != NO_TIME
        begins[grouping.starts[:-1]] = False
        return begins, None, None
    if schema.session is None:
        return None, None, None
    column, starts = rows.columns[schema.session], grouping.starts
    # (events,): a session opens at an entity's first event and at each break; only breaks have a token
    keys = grouping.rows(session_keys(column))
    breaks = np.zeros(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=breaks[1:])
    opens = breaks.copy()
    opens[starts[:-1]], breaks[starts[:-1]] = True, False
    first = np.flatnonzero(opens)
    ends = starts[1:] - 1
    last = column.take(pa.array(ends if grouping.order is None else grouping.order[ends]))
    # (sessions,) their keys, and (streams + 1,) where those of each stream begin
    return breaks, last, Sessions(keys[first], np.searchsorted(first, starts))


def _encode_header(
    layout: Layout, rows: PreparedRows, grouping: Grouping, times: NDArray[np.int64] | None
) -> tuple[list[TokenPart], dict[str, Encoded]]:
    parts: list[TokenPart] = []
    counts: dict[str, Encoded] = {}
    for bound in layout.header:
        if bound.name is None:
            assert times is not None
            assert isinstance(bound.encoder, Anchor)
            cells = bound.encoder.encode(anchor_times(times, grouping.starts))
        else:
            encoded = bound.field.encode(rows.values[bound.name].take(pa.array(grouping.first)))
            counts[bound.name] = encoded
            cells = encoded.parts
        parts += [assign_ids(bound, cell, layout.id_type, None) for cell in cells]
    return parts, counts


def _take_columns(names: Sequence[str], rows: PreparedRows, order: NDArray[np.integer[Any]] | None) -> pa.Table | None:
    """The columns of these names that are there, one row an event; None without any."""
    present = [name for name in names if name in rows.columns]
    if not present:
        return None
    table = pa.table({name: rows.columns[name] for name in present})
    return table if order is None else table.take(pa.array(order))
