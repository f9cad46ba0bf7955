"""Append new rows to the histories of a shard.

New events are spliced onto the ends of stored streams. It would be simpler to decode each history that gets new events
and encode all of it again, as is done for late events, and the bytes are the same. But it takes up to three times as
long, even if the times come from the shard and are not decoded; if they are decoded, up to 14 times.
"""

# Measured on 1,000,000 encoded events, in seconds of processor time and MB of memory at the peak; the times of the
# re-encoded events come from the shard:
#
#   events a history   new rows     splicing        re-encoding
#                 10     10,000     0.6 s  452 MB   0.6 s   599 MB
#                 10    100,000     0.6 s  549 MB   1.3 s   725 MB
#                 10  1,000,000     2.6 s  814 MB   3.4 s  1359 MB
#             10,000     10,000     0.5 s  489 MB   1.6 s   747 MB
#             10,000    100,000     0.6 s  503 MB   1.6 s   746 MB
#             10,000  1,000,000     1.4 s  826 MB   2.1 s  1134 MB

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import Refusal
from domaintoolkit.jobs.appending.already_encoded import Seen, known_rows, source_numbers
from domaintoolkit.jobs.appending.set_aside import hash_rows
from domaintoolkit.jobs.appending.static_fields import Statics, static_rows, with_statics
from domaintoolkit.jobs.appending.time_ties import before_last
from domaintoolkit.jobs.histories.event_limits import shortened
from domaintoolkit.jobs.histories.histories import Histories, instants, match
from domaintoolkit.jobs.partition.origin import drop_origins, origins_of
from domaintoolkit.jobs.partition.row_refusals import describe_refusals
from domaintoolkit.reading.refused_rows import RefusedRow
from domaintoolkit.schema import Categorical, Custom, Schema
from domaintoolkit.storage.shards import CARRIED, shard_table
from domaintoolkit.streams.keys import hash_keys, session_keys
from domaintoolkit.streams.streams import Counts, Streams
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.rows.preparation import PreparedRows
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.ragged import Ragged, offsets_of, positions

__all__ = ["Appended", "append_rows", "seen_rows"]

OLDER = "older than the last encoded event of its entity"
KNOWN = "an encoded event already"

Rows = NDArray[np.int64]


@dataclass(slots=True)
class Appended:
    """A shard with its new rows, and what became of them."""

    table: pa.Table
    left_out: pa.Table | None = None
    """Histories that are still too short, if the schema asks for more than one event."""
    counts: Counts = field(default_factory=Counts)
    refused: list[RefusedRow] = field(default_factory=list)
    older: list[RefusedRow] = field(default_factory=list)
    """Rows that come too late for their histories, or are events of them already; never an error."""
    aside: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    """A hash of the values of each of these."""
    newer: frozenset[int] = frozenset()
    """The sources that brought a row of a new entity, or one after its entity's last event."""
    behind: frozenset[int] = frozenset()
    """Those that brought one before its entity's last event."""


def append_rows(
    tokenizer: DomainTokenizer,
    old: pa.Table,
    left_out: pa.Table | None,
    new: pa.Table,
    names: Sequence[str],
    rewrite: bool,
    sharing: frozenset[int] = frozenset(),
) -> Appended:
    """Append `new` rows to the histories of a shard, and to those that were too short for it; rows that come too
    late are set aside; with `rewrite` their histories are encoded again, from their streams.

    Of the sources `sharing`, rows that are events of the histories already are set aside."""
    schema = tokenizer.schema
    appending = _Appending(tokenizer.without_limits(), _all_histories(schema, old, left_out), new, names)
    result = appending.run(rewrite, sharing)
    return _within_bounds(tokenizer, result, old, left_out)


def seen_rows(
    tokenizer: DomainTokenizer,
    old: pa.Table,
    left_out: pa.Table | None,
    new: pa.Table,
    sources: frozenset[int],
    aside: NDArray[np.uint64],
) -> dict[int, Seen]:
    """The number of `new` rows of each source that are events of a shard already; `aside` were set aside before."""
    histories = _all_histories(tokenizer.schema, old, left_out)
    appending = _Appending(tokenizer.without_limits(), histories, new, ())
    return appending.seen(sources, aside, tokenizer.schema.max_events)


def _all_histories(schema: Schema, old: pa.Table, left_out: pa.Table | None) -> pa.Table:
    """The histories of a shard, and those that were too short for it, by hash."""
    return old if left_out is None else _sorted(pa.concat_tables([old, left_out]), schema.entity)


def _within_bounds(tokenizer: DomainTokenizer, result: Appended, old: pa.Table, left_out: pa.Table | None) -> Appended:
    """The histories as the schema's bounds leave them. One that was long enough once stays in, whatever is left."""
    schema, table = tokenizer.schema, result.table
    if left_out is not None:
        keys = list(schema.entity)
        stays = match(table.select(keys), old.select(keys)) >= 0
        stays |= np.asarray(pc.list_value_length(table["event_starts"])) >= schema.min_events
        result.left_out = table.filter(pa.array(~stays)).combine_chunks()
        table = table.filter(pa.array(stays)).combine_chunks()
        result.counts += Counts(entities_left_out=len(result.left_out) - len(left_out))
    result.table = shortened(tokenizer, table, schema.max_events)
    added = result.counts.rows_in - result.counts.rows_refused
    result.counts += Counts(rows_left_out=_events(old) + added - _events(result.table))
    return result


def _events(table: pa.Table) -> int:
    return pc.sum(pc.list_value_length(table["event_starts"])).as_py() or 0


class _Appending:
    def __init__(self, tokenizer: DomainTokenizer, old: pa.Table, new: pa.Table, names: Sequence[str]) -> None:
        self.tokenizer, self.schema, self.names = tokenizer, tokenizer.schema, names
        self.histories = Histories(tokenizer, old)
        self.result = Appended(old)
        self.prepared = tokenizer.prepare_rows(drop_origins(new), "quarantine", tokenizer.types)
        numbers = self.prepared.numbers
        self.given, self.new = new, new if numbers is None else new.take(pa.array(numbers))
        """All rows, and those that can be encoded."""
        self.told = _told(drop_origins(self.new), self.prepared, self.schema)
        self.history = match(self.new.select(list(self.schema.entity)), self.histories.keys)

    def run(self, rewrite: bool, sharing: frozenset[int] = frozenset()) -> Appended:
        bad = len(self.given) - len(self.new)
        self.result.refused = describe_refusals(self.given, self.prepared.refused, self.names)
        self.result.counts = Counts(rows_in=bad, rows_refused=bad)
        known = self._known(sharing)
        late = self._late() & ~known
        aside = known if rewrite else known | late
        other = self.statics.other & ~aside
        anew = np.unique(self.history[late & ~other]) if rewrite else np.zeros(0, np.int64)
        self.result.older = [*self._refuse(known, KNOWN), *self._refuse(aside & ~known, OLDER)]
        self._refuse_statics(other)
        # with all rows at once, such a row may be the first of its history if it comes no later than the last
        remembered = aside | (other & (self.compared <= 0))
        self.result.aside = hash_rows(self.tokenizer, self.new.filter(pa.array(remembered)))
        of_anew = np.isin(self.history, anew) & ~aside & ~other
        continuing = (self.history >= 0) & ~of_anew & ~aside & ~other
        kept = np.setdiff1d(np.arange(len(self.histories)), anew)
        table = self._continued(np.flatnonzero(continuing)).take(pa.array(kept))
        parts = [table, self._begun(self.new.filter(pa.array(self.history < 0)))]
        if len(anew):
            parts.append(self._anew(anew, np.flatnonzero(of_anew)))
        self.result.table = _sorted(pa.concat_tables([part.cast(table.schema) for part in parts]), self.schema.entity)
        self.result.newer = self._newer()
        self.result.behind = frozenset(np.unique(source_numbers(self.new)[self.compared < 0]).tolist())
        return self.result

    @cached_property
    def compared(self) -> NDArray[np.int64]:
        """-1, 0 or 1: whether each row is before, at or after the last event of its history; 1 where it has none."""
        if self.schema.time is None or not len(self.histories):
            return np.ones(len(self.new), np.int64)
        last, times = self.histories.last_times[self.history], self.prepared.times
        assert times is not None
        compared = (times > last).astype(np.int64) - (times < last)
        return np.where(self.history < 0, 1, compared)

    def seen(self, sources: frozenset[int], aside: NDArray[np.uint64], limit: int | None) -> dict[int, Seen]:
        """Look at the rows of some sources that are not later than the last event of their history."""
        numbers, chosen = source_numbers(self.new), self.compared <= 0
        known, others = known_rows(self.tokenizer, self.histories, self.new, chosen, sources, aside, limit)
        flags = (known, others, known & (self.compared < 0))
        return {source: Seen(*(int(each[numbers == source].sum()) for each in flags)) for source in sources}

    def _known(self, sharing: frozenset[int]) -> NDArray[np.bool_]:
        """True for each row of the sources `sharing` that is an event already."""
        return known_rows(self.tokenizer, self.histories, self.new, self.compared <= 0, sharing)[0]

    def _newer(self) -> frozenset[int]:
        sources, newer = source_numbers(self.new), self.compared > 0
        if self.result.refused:
            # a row that was refused when its file was first read does not make the file another
            refused = {(row.source, row.row) for row in self.result.refused}
            rows = np.flatnonzero(newer)
            found = origins_of(self.new.take(pa.array(rows))).with_names(self.names)
            newer[rows] = [place not in refused for place in found]
        return frozenset(np.unique(sources[newer]).tolist())

    def _late(self) -> NDArray[np.bool_]:
        """True for each new row that comes before the last event of its history."""
        late: NDArray[np.bool_] = self.compared < 0
        tied = np.flatnonzero(self.compared == 0)
        if len(tied):
            late[tied] = before_last(self.histories, self.told.take(pa.array(tied)), self.history[tied])
        return late

    @cached_property
    def statics(self) -> Statics:
        """True for each row whose static values differ from those of its history."""
        return static_rows(self.schema, self.histories, self.prepared, self.history)

    def _refuse(self, rows: NDArray[np.bool_], reason: str) -> list[RefusedRow]:
        numbers = np.flatnonzero(rows).tolist()
        self.result.counts += Counts(rows_in=len(numbers), rows_refused=len(numbers))
        return describe_refusals(self.new, [Refusal(row, None, reason) for row in numbers], self.names)

    def _refuse_statics(self, rows: NDArray[np.bool_]) -> None:
        numbers = np.flatnonzero(rows).tolist()
        self.result.counts += Counts(rows_in=len(numbers), rows_refused=len(numbers))
        refusals = [refusal for row in numbers for refusal in self.statics.refusals(row, self.new)]
        self.result.refused += describe_refusals(self.new, refusals, self.names)

    def _begun(self, rows: pa.Table) -> pa.Table:
        """The histories of `rows`, which are new, in a shard."""
        streams = self.tokenizer.encode_by_hash(drop_origins(rows), on_bad_rows="quarantine")
        self.result.counts += streams.counts
        self.result.refused += describe_refusals(rows, streams.refused, self.names)
        return shard_table(streams)

    def _anew(self, chosen: Rows, numbers: Rows) -> pa.Table:
        """The chosen histories with the new rows of these numbers, encoded from the beginning."""
        rows = self.told.take(pa.array(numbers))
        again = self.histories.rows(chosen, rows.schema)
        first = offsets_of(self.histories.starts.lengths[chosen])[:-1]
        owner = again.take(pa.array(first[np.searchsorted(chosen, self.history[numbers])]))
        rows = with_statics(self.schema, rows, owner)
        self.result.counts += Counts(rows_in=-len(again))
        return self._with_hashes(self._rewritten(chosen, again, rows))

    def _rewritten(self, chosen: Rows, again: pa.Table, rows: pa.Table) -> pa.Table:
        """The events of the chosen histories and new ones in a shard; of the former, sessions are known by key."""
        name, session = self.schema.session, None
        if name is not None:
            # a key is its own key, so that sessions known by name and those known by key can stand in one column
            session = to_plain(rows[name])
            rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(session_keys(session)))
        streams = self.tokenizer.encode_by_hash(pa.concat_tables([again, rows]))
        self.result.counts += streams.counts
        made = shard_table(streams)
        if session is None:
            return made
        # the last event of a history is a new row, or its last encoded one
        last = to_plain(self.histories.table["last_session"].take(pa.array(chosen)))
        names = pa.concat_arrays([session, last.cast(session.type)])
        places = pc.index_in(made["last_session"], value_set=pa.array(session_keys(names)))
        return made.set_column(made.schema.get_field_index("last_session"), "last_session", names.take(places))

    def _with_hashes(self, table: pa.Table) -> pa.Table:
        """Rows of a shard with what their histories had of static values, which decoding does not tell."""
        if not self.schema.static:
            return table
        places = match(table.select(list(self.schema.entity)), self.histories.keys)
        hashes = self.histories.table["statics"].take(pa.array(places))
        return table.set_column(table.schema.get_field_index("statics"), "statics", hashes)

    def _continued(self, rows: Rows) -> pa.Table:
        """The old rows, with the events of `rows` at the ends of their histories."""
        if not len(rows):
            return self.histories.table
        chosen, firsts = np.unique(self.history[rows], return_index=True)
        ahead = self._last_events(chosen, rows[firsts], rows)
        streams = self.tokenizer.encode(pa.concat_tables([ahead, self.told.take(pa.array(rows))]))
        self.result.counts += _minus(streams.counts, self.tokenizer.encode(ahead).counts)
        return self._joined(streams)

    def _last_events(self, chosen: Rows, firsts: Rows, rows: Rows) -> pa.Table:
        """A row for each chosen history, to stand before its new ones: only its time and session count.

        All else is that of a new row, except where new rows have the very time of the last event: there it is
        the last event as the stream tells it, so that it comes first.
        """
        table = self.told.take(pa.array(firsts))
        if self.schema.time is not None:
            tied = np.isin(chosen, self.history[rows][self.compared[rows] == 0])
            if tied.any():
                decoded = self.histories.last_rows(chosen[tied], table.schema)
                decoded = with_statics(self.schema, decoded, table.filter(pa.array(tied)))
                both = pa.concat_tables([table.filter(pa.array(~tied)), decoded])
                table = both.take(pa.array(np.argsort(np.concatenate([np.flatnonzero(~tied), np.flatnonzero(tied)]))))
            table = self._with(table, self.schema.time, instants(self.histories.last_times[chosen]))
        if self.schema.session is not None:
            table = self._with(table, self.schema.session, self.histories.table["last_session"].take(pa.array(chosen)))
        return table

    def _with(self, table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
        place = table.schema.get_field_index(name)
        return table.set_column(place, table.schema.field(place), values.cast(table.schema.field(place).type))

    def _joined(self, streams: Streams) -> pa.Table:
        """The old rows with the tails of `streams`, all but their first events."""
        old, count = self.histories, np.diff(streams.event_offsets)
        stream = np.full(len(old), -1)
        stream[match(streams.entities, old.keys)] = np.arange(len(streams))
        second = streams.event_offsets[:-1] + 1
        begins = np.append(streams.event_starts, len(streams.ids))[second]
        begins = np.where(count > 1, begins, streams.offsets[1:])
        ids = Ragged(pa.array(streams.ids), streams.offsets)
        tails = _tail(ids, begins, streams.offsets[1:] - begins)
        events = positions(second, count - 1)
        places = match(streams.entities, old.keys)
        shift = np.repeat(old.ids.lengths[places] - begins, count - 1)
        starts = Ragged(
            pa.array((streams.event_starts[events] + shift).astype(np.int32)), np.append(0, np.cumsum(count - 1))
        )
        columns = {name: old.table[name] for name in old.table.column_names}
        columns["ids"] = old.ids.concat(tails.take(stream)).to_column()
        columns["event_starts"] = old.starts.concat(starts.take(stream)).to_column()
        if old.times is not None and streams.times is not None:
            columns["times"] = old.times.concat(
                Ragged(pa.array(streams.times[events]), starts.offsets).take(stream)
            ).to_column()
        for name, carried in zip(CARRIED, (streams.labels, streams.order_by), strict=True):
            if name in columns:
                columns[name] = self._carried(name, carried, events, starts, stream)
        if streams.last_session is not None and streams.sessions is not None:
            opened = Ragged(pa.array(streams.sessions.keys), streams.sessions.offsets)
            opened = opened.slices(np.ones(len(streams), np.int64), opened.lengths)
            columns["sessions"] = Ragged.of_column(old.table["sessions"]).concat(opened.take(stream)).to_column()
            told = streams.last_session.take(pa.array(stream, mask=stream < 0))
            columns["last_session"] = pc.if_else(
                pa.array(stream >= 0), told.cast(columns["last_session"].type), columns["last_session"].combine_chunks()
            )
        return pa.table(columns).cast(old.table.schema)

    def _carried(self, name: str, fresh: pa.Table, events: Rows, starts: Ragged, stream: Rows) -> pa.Array:
        """A struct of lists of the old rows, with the values of new events after theirs."""
        whole = self.histories.table[name].combine_chunks()
        names, lists = [field.name for field in whole.type], []
        for name in names:
            after = Ragged(to_plain(fresh[name]).take(pa.array(events)), starts.offsets).take(stream)
            lists.append(Ragged.of_column(whole.field(name)).concat(after).to_column())
        return pa.StructArray.from_arrays(lists, names)


def _told(rows: pa.Table, prepared: PreparedRows, schema: Schema) -> pa.Table:
    """Rows with their values as encoders take them, in types that those of decoded events can have too."""
    taken: dict[str, pa.Array] = {}
    for spec in (*schema.static, *schema.fields):
        if spec.name != schema.time and not isinstance(spec, Custom):
            # of a category, the name in the type that it was fitted in
            taken[spec.name] = (prepared.columns if isinstance(spec, Categorical) else prepared.values)[spec.name]
    if schema.time is not None and prepared.times is not None:
        taken[schema.time] = instants(prepared.times)
    for name, values in taken.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, to_plain(values))
    return rows


def _tail(lists: Ragged, begins: Rows, lengths: Rows) -> Ragged:
    return Ragged(lists.values.take(pa.array(positions(begins, lengths))), np.append(0, np.cumsum(lengths)))


def _sorted(table: pa.Table, entity: Sequence[str]) -> pa.Table:
    """The rows by (hash, key)."""
    keys = table.select(list(entity))
    numbered = keys.append_column("", pa.array(hash_keys(keys)))
    order = [("", "ascending"), *((name, "ascending") for name in entity)]
    return table.take(pc.sort_indices(numbered, sort_keys=order)).combine_chunks()


def _minus(counts: Counts, less: Counts) -> Counts:
    numbers = {each.name: -getattr(less, each.name) for each in fields(Counts) if each.name != "fields"}
    negative = {name: {word: -number for word, number in words.items()} for name, words in less.fields.items()}
    return counts + Counts(**numbers, fields=negative)
