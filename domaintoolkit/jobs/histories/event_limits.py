"""Histories within `min_events` and `max_events`, found from their streams alone.

A history that goes beyond `max_events` loses its oldest events: its last ones are all that any later event needs,
so nothing else is kept of it. One that falls short of `min_events` is left out, but kept whole beside the shards.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.grammar import WindowStart
from domaintoolkit.jobs.histories.histories import Histories, match
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.storage.shards import CARRIED, shard_table
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.anchor_ids import encode_anchors
from domaintoolkit.util.ragged import Ragged, positions

__all__ = ["left_out_part", "shortened"]

Rows = NDArray[np.int64]


def left_out_part(whole: DomainTokenizer, rows: pa.Table, kept: pa.Table) -> pa.Table:
    """The histories in `rows` that `min_events` left out, in a shard's columns.

    `kept` has the keys of the others, by hash; `whole` is the tokenizer without bounds.
    """
    keys = EntityKeys.of(whole).select(rows)
    others = rows.filter(pa.array(match(keys, kept) < 0))
    return shard_table(whole.encode_by_hash(others, on_bad_rows="quarantine"))


def shortened(tokenizer: DomainTokenizer, table: pa.Table, limit: int | None) -> pa.Table:
    """Rows of a shard whose histories have at most their last `limit` events (None: all), as if encoded so."""
    if limit is None or not table.num_rows:
        return table
    counts = Histories(tokenizer, table).starts.lengths
    over = counts > limit
    if not over.any():
        return table
    cut = _Cut(tokenizer, table.filter(pa.array(over)), limit).table().cast(table.schema)
    both = pa.concat_tables([table.filter(pa.array(~over)), cut])
    places = np.concatenate([np.flatnonzero(~over), np.flatnonzero(over)])
    return both.take(pa.array(np.argsort(places))).combine_chunks()


class _Cut:
    """Histories that lose their first events. What is first then has an anchor, no delta and no session's start."""

    def __init__(self, tokenizer: DomainTokenizer, table: pa.Table, limit: int) -> None:
        self.tokenizer, self.old, self.limit = tokenizer, Histories(tokenizer, table), limit
        ends = self.old.starts.offsets[1:]
        self.events = positions(ends - limit, np.full(len(table), limit))
        """Those that stay, among all."""
        starts = np.append(np.asarray(self.old.starts.values), 0)
        self.begins = starts[ends - limit]
        """The positions in its stream at which the first event that stays begins and ends."""
        self.ends = self.old.ids.lengths if limit == 1 else starts[ends - limit + 1]

    def table(self) -> pa.Table:
        """The rows of the shard."""
        old, head = self.old, self._header()
        values, behind = self._first_events()
        tails = Ragged(values, old.ids.offsets).slices(self.begins + behind, old.ids.lengths)
        shift = head.lengths - self.begins - behind
        starts = np.asarray(old.starts.values)[self.events].reshape(-1, self.limit) + shift[:, None]
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
        """The sessions from that of the first event that stays on."""
        old = self.old
        sessions, opened = Ragged.of_column(old.table["sessions"]), np.append(0, np.cumsum(old.opens()))
        gone = opened[self.events[:: self.limit] + 1] - opened[old.starts.offsets[:-1]]
        return sessions.slices(gone, sessions.lengths)

    def _header(self) -> Ragged:
        """BOS and static fields as they were, and the anchor of the first event that stays."""
        old, statics = self.old, self.old.static_lengths()
        head = old.ids.slices(np.zeros(len(old), np.int64), statics)
        if old.times is None:
            return head
        ids, offsets = encode_anchors(self.tokenizer.layout, np.asarray(old.times.values)[self.events[:: self.limit]])
        return head.concat(Ragged(pa.array(ids), offsets))

    def _first_events(self) -> tuple[pa.Array, Rows]:
        """All ids, with no delta before the events that become first; and where each of these has a session token."""
        grammar, ids = self.tokenizer.grammar, np.asarray(self.old.ids.values).copy()
        start = WindowStart.of(grammar, self.tokenizer.layout.no_delta)
        places = positions(self.old.ids.offsets[:-1] + self.begins, self.ends - self.begins)
        if start.no_delta >= 0:
            ids[places[grammar.place[ids[places]] == start.delta_place]] = start.no_delta
        session = ids[self.old.ids.offsets[:-1] + self.begins] == start.session
        return pa.array(ids), session.astype(np.int64)
