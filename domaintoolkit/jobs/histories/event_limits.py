"""Apply `min_events` and `max_events` to encoded histories, from their streams alone.

A history longer than `max_events` loses its oldest events; nothing that comes later depends on them. A history
shorter than `min_events` is left out of the shards, but kept whole in a file next to them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.grammar import WindowStart
from domaintoolkit.jobs.histories.histories import Histories, find_keys
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.storage.shards import CARRIED, shard_table
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.anchor_ids import encode_anchors
from domaintoolkit.tokenizer.rows.row_times import anchor_times
from domaintoolkit.util.ragged import Ragged, positions

__all__ = ["drop_oldest_events", "encode_left_out"]

Ints = NDArray[np.int64]


def encode_left_out(whole: DomainTokenizer, rows: pa.Table, kept: pa.Table) -> pa.Table:
    """The histories in `rows` that `min_events` leaves out, with a shard's columns.

    `kept` holds the keys of the other histories, in hash order; `whole` is the tokenizer without limits.
    """
    keys = EntityKeys.of(whole).select(rows)
    others = rows.filter(pa.array(find_keys(keys, kept) < 0))
    return shard_table(whole.encode_by_hash(others, on_bad_rows="quarantine"))


def drop_oldest_events(tokenizer: DomainTokenizer, table: pa.Table, limit: int | None) -> pa.Table:
    """Rows of a shard whose histories keep their last `limit` events (None: all), as encoding only those gives."""
    if limit is None or not table.num_rows:
        return table
    over = Histories(tokenizer, table).starts.lengths > limit  # (histories,)
    if not over.any():
        return table
    cut = _Cut(tokenizer, table.filter(pa.array(over)), limit).table().cast(table.schema)
    both = pa.concat_tables([table.filter(pa.array(~over)), cut])
    # the row of `table` of each row of `both`; its `argsort` is the inverse
    places = np.concatenate([np.flatnonzero(~over), np.flatnonzero(over)])
    return both.take(pa.array(np.argsort(places))).combine_chunks()


class _Cut:
    """Histories that lose their first events.

    The event that is first then gets an anchor, and loses its delta and its session token.
    """

    def __init__(self, tokenizer: DomainTokenizer, table: pa.Table, limit: int) -> None:
        self.tokenizer, self.old, self.limit = tokenizer, Histories(tokenizer, table), limit
        ends = self.old.starts.offsets[1:]
        self.events = positions(ends - limit, np.full(len(table), limit))
        """The events that stay, numbered over all histories: (histories * limit,)."""
        starts = np.append(np.asarray(self.old.starts.values), 0)
        self.begins = starts[ends - limit]
        """The position in each stream of the first event that stays; `ends` is its end. Both are (histories,)."""
        self.ends = self.old.ids.lengths if limit == 1 else starts[ends - limit + 1]

    def table(self) -> pa.Table:
        """The rows of the shard."""
        old, head = self.old, self._header()
        values, session_tokens = self._first_events()
        tails = Ragged(values, old.ids.offsets).slices(self.begins + session_tokens, old.ids.lengths)
        # a stream is its new header and then its tail, so all event starts move by the same number
        shift = head.lengths - self.begins - session_tokens
        starts = np.asarray(old.starts.values)[self.events].reshape(-1, self.limit) + shift[:, None]
        # (histories, limit): the first event has lost its session token, and begins right after the header
        starts[:, 0] = head.lengths
        offsets = np.arange(len(old) + 1) * self.limit
        columns = {name: old.table[name] for name in old.table.column_names}
        columns["ids"] = head.concat(tails).to_column()
        columns["event_starts"] = Ragged(pa.array(starts.ravel().astype(np.int32)), offsets).to_column()
        taken = pa.array(self.events)
        if old.times is not None:
            columns["times"] = Ragged(old.times.values.take(taken), offsets).to_column()
        for carried in (name for name in CARRIED if name in columns):
            structs = columns[carried].combine_chunks()
            names = [field.name for field in structs.type]
            lists = [Ragged(structs.field(name).flatten().take(taken), offsets).to_column() for name in names]
            columns[carried] = pa.StructArray.from_arrays(lists, names)
        if "sessions" in columns:
            columns["sessions"] = self._sessions().to_column()
        return pa.table(columns)

    def _sessions(self) -> Ragged:
        """The sessions of each history, from that of its first event that stays."""
        old = self.old
        sessions = Ragged.of_column(old.table["sessions"])
        opened = np.append(0, np.cumsum(old.opens_session()))  # (events + 1,): session tokens before each event
        # (histories,): sessions opened up to the first event that stays; the first of a history has no token
        gone = opened[self.events[:: self.limit] + 1] - opened[old.starts.offsets[:-1]]
        return sessions.slices(gone, sessions.lengths)

    def _header(self) -> Ragged:
        """BOS and static fields as they are, and the anchor of the first time that stays."""
        old, statics = self.old, self.old.static_lengths()
        head = old.ids.slices(np.zeros(len(old), np.int64), statics)
        if old.times is None:
            return head
        starts = np.arange(len(old) + 1) * self.limit
        ids, offsets = encode_anchors(
            self.tokenizer.layout, anchor_times(np.asarray(old.times.values)[self.events], starts)
        )
        return head.concat(Ragged(pa.array(ids), offsets))

    def _first_events(self) -> tuple[pa.Array, Ints]:
        """(All ids, with no delta in the events that become first; how many session tokens each of these has.)"""
        grammar, ids = self.tokenizer.grammar, np.asarray(self.old.ids.values).copy()
        start = WindowStart.of(grammar, self.tokenizer.layout.no_delta)
        # (tokens of the events that become first,)
        places = positions(self.old.ids.offsets[:-1] + self.begins, self.ends - self.begins)
        if start.no_delta >= 0:
            ids[places[grammar.place[ids[places]] == start.delta_place]] = start.no_delta
        session = ids[self.old.ids.offsets[:-1] + self.begins] == start.session
        return pa.array(ids), session.astype(np.int64)
