"""`Streams`: encoded histories in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import pairwise
from operator import index
from typing import Any, Literal, Protocol, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.composite import Segmenter
from domaintoolkit.display import Fragment, ShownChip
from domaintoolkit.errors import LookupFailedError, NotFittedError, Refusal, pluralize
from domaintoolkit.streams.keys import hash_keys
from domaintoolkit.util.ragged import Ragged, offsets_of, positions
from domaintoolkit.vocabulary import Token, Vocabulary

__all__ = ["Counts", "Ids", "Sessions", "Streams", "id_type"]

FIRST_STREAMS = 5
"""Streams that a notebook shows."""
FIRST_EVENTS = 3
"""Events of each that it shows."""
COMPARED = 2_000
"""Keys that are compared with one that is not found."""

Ids = NDArray[np.unsignedinteger[Any]]


def id_type(size: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The integer type of the ids of a vocabulary of `size` tokens, with room for it to double."""
    return np.dtype(np.uint16) if size <= 1 << 15 else np.dtype(np.uint32)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of the rows and values of an encoding.

    A value is counted once for its row and field, a static one once for its entity; so are those that are left out.
    """

    rows_in: int = 0
    rows_refused: int = 0
    rows_left_out: int = 0
    """Events beyond `max_events`, or of entities with fewer than `min_events`."""
    entities_left_out: int = 0
    spelled: int = 0
    hashed: int = 0
    clipped: int = 0
    missing: int = 0
    fields: dict[str, dict[str, int]] = field(default_factory=dict)
    """`spelled`, `hashed`, `clipped` and `missing` of each field."""

    def __add__(self, other: Counts) -> Counts:
        """The counts of both."""
        merged = {name: dict(counts) for name, counts in self.fields.items()}
        for name, counts in other.fields.items():
            mine = merged.setdefault(name, {})
            for what, number in counts.items():
                mine[what] = mine.get(what, 0) + number
        numbers = (name for name in Counts.__dataclass_fields__ if name != "fields")
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in numbers}, fields=merged)

    def __sub__(self, other: Counts) -> Counts:
        """These counts without those of `other`."""
        numbers = {name: -getattr(other, name) for name in Counts.__dataclass_fields__ if name != "fields"}
        fields = {name: {word: -number for word, number in words.items()} for name, words in other.fields.items()}
        return self + Counts(**numbers, fields=fields)


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """The sessions of streams: stream i has `keys[offsets[i]:offsets[i + 1]]`, one for its first event and one for
    each session token. They show which session an event belongs to that is appended late."""

    keys: NDArray[np.int64]  # (sessions,)
    offsets: NDArray[np.int64]  # (n + 1,)

    def select(self, streams: NDArray[np.int64]) -> Sessions:
        """The sessions of some streams, in that order."""
        chosen = Ragged(self.keys, self.offsets).take(streams)
        return Sessions(chosen.values, chosen.offsets)


class HasVocabulary(Protocol):
    """An object with a vocabulary, which is made when it is first asked for."""

    @property
    def vocabulary(self) -> Vocabulary: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Streams:
    """The token ids of n histories, in the order of their entity keys.

    `ids[offsets[i]:offsets[i + 1]]` is stream i. Event k, numbered over all streams, begins at
    `ids[event_starts[k]]`; those of stream i are `event_offsets[i]` to `event_offsets[i + 1]`.
    """

    entities: pa.Table
    """One row a stream: the schema's entity columns."""
    ids: Ids  # (tokens,)
    offsets: NDArray[np.int64]  # (n + 1,)
    event_starts: NDArray[np.int64]  # (events,)
    event_offsets: NDArray[np.int64]  # (n + 1,)
    source: HasVocabulary
    """The tokenizer's layout that made the streams; it has their vocabulary."""
    times: NDArray[np.int64] | None = None
    """(events,): microseconds since the epoch, UTC; None without a time column."""
    labels: pa.Table | None = None
    """The schema's label columns, one row an event; None if the table had none."""
    order_by: pa.Table | None = None
    """The schema's `order_by` columns that are not fields, one row an event; None if there are none."""
    statics: pa.Table | None = None
    """A hash of each static field's value, one row a stream, since tokens may lose part of the value. None without
    static fields."""
    splits: NDArray[np.uint8] | None = None
    """(n,): 0, 1 or 2 for training, validation or test; None if a hash of the key decides."""
    split_values: pa.Array | None = None
    """The value of the split column at each stream's last event; None without such a column."""
    last_session: pa.Array | None = None
    """The session of each stream's last event; None without a session column."""
    sessions: Sessions | None = None
    """All sessions, by `session_keys`; None without a session column."""
    segmenter: Segmenter | None = None
    """Puts composites in; None if the tokenizer has learned none, or if they are in already."""
    counts: Counts = Counts()
    refused: tuple[Refusal, ...] = ()
    rows: NDArray[np.integer[Any]] | None = None
    """(events,): the row of the encoded table that each event was; None if the streams were not made from a table."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens of the ids."""
        return self.source.vocabulary

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, stream: int) -> NDArray[np.int32]: ...

    @overload
    def __getitem__(self, stream: slice) -> Streams: ...

    def __getitem__(self, stream: int | slice) -> NDArray[np.int32] | Streams:
        """The ids of one stream, in a type that indexes an embedding of torch; for a slice, `select` of its streams."""
        if isinstance(stream, slice):
            return self.select(range(*stream.indices(len(self))))
        number = index(stream)
        if not -len(self) <= number < len(self):
            raise IndexError(f"stream {number} of {len(self)}")
        number %= len(self)
        return self.ids[self.offsets[number] : self.offsets[number + 1]].astype(np.int32)

    def __repr__(self) -> str:
        return f"<Streams of {', '.join(self.entities.column_names)}: {self._size()}>"

    def _size(self) -> str:
        entities, events = pluralize(len(self), "entity", "entities"), pluralize(self.events, "event")
        return f"{entities}, {events}, {pluralize(len(self.ids), 'token')}"

    def _repr_html_(self) -> str:
        """The first streams as a notebook shows them, each with the tokens of its first events."""
        vocabulary = self.vocabulary
        fields = dict.fromkeys(field for token in vocabulary if (field := _shown_field(token)) is not None)
        shown = Fragment("Streams", self._size(), fields)
        for stream in range(min(len(self), FIRST_STREAMS)):
            key = ", ".join(str(value) for value in self.entities.slice(stream, 1).to_pylist()[0].values())
            starts = self.event_starts[self.event_offsets[stream] : self.event_offsets[stream + 1]]
            bounds = [int(self.offsets[stream]), *starts[: FIRST_EVENTS + 1].tolist(), int(self.offsets[stream + 1])]
            for number, (low, high) in enumerate(pairwise(bounds[: FIRST_EVENTS + 2])):
                found = (vocabulary.token(token) for token in self.ids[low:high].tolist())
                shown.row(
                    str(number) if number else key, [ShownChip(token.name, _shown_field(token)) for token in found]
                )
            if len(starts) > FIRST_EVENTS:
                shown.note(f"and {pluralize(len(starts) - FIRST_EVENTS, 'more event')}")
        if len(self) > FIRST_STREAMS:
            shown.note(f"and {pluralize(len(self) - FIRST_STREAMS, 'more stream')}")
        return shown.html()

    def __iter__(self) -> Iterator[NDArray[np.int32]]:
        return (self[stream] for stream in range(len(self)))

    @property
    def events(self) -> int:
        """The number of events in all streams."""
        return len(self.event_starts)

    def find(self, *key: Any) -> int:
        """The number of the stream of an entity, given by the values of its key columns.

        `streams[streams.find("ann")]` are its ids. Raises `LookupFailedError` for a key that is not there.
        """
        names = self.entities.column_names
        if len(key) != len(names):
            note = f"a key has {pluralize(len(names), 'column')}: {', '.join(names)}"
            raise LookupFailedError("entity", ", ".join(map(str, key)), self._some_keys(key), note)
        # (streams,) True for those whose key agrees so far
        found = np.ones(len(self), bool)
        for name, value in zip(names, key, strict=True):
            column = self.entities[name]
            try:
                wanted = pa.scalar(value, column.type)
            except (pa.ArrowException, OverflowError):
                note = f"the keys of {name} are of the type {column.type}"
                raise LookupFailedError("entity", repr(value), [], note) from None
            found &= np.asarray(pc.fill_null(pc.equal(column, wanted), False))
        if not found.any():
            raise LookupFailedError("entity", ", ".join(map(str, key)), self._some_keys(key))
        return int(found.argmax())

    def _some_keys(self, key: tuple[Any, ...]) -> list[str]:
        """Keys like the one that was asked for; without any, the first ones."""
        some = [", ".join(map(str, row.values())) for row in self.entities.slice(0, COMPARED).to_pylist()]
        return get_close_matches(", ".join(map(str, key)), some, n=5) or some[:20]

    def padded(
        self, length: int | None = None, side: Literal["right", "left"] = "right"
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """(ids, mask), each (streams, length): streams filled up with `[PAD]`, and True for what is not filled up.

        `length` is by default that of the longest stream; of longer ones the last tokens are kept.
        `side` is the one that is filled up.
        """
        lengths = np.diff(self.offsets)
        size = int(lengths.max(initial=0)) if length is None else length
        if size < 0:
            raise ValueError(f"length must not be negative, got {length}")
        if side not in ("right", "left"):
            raise LookupFailedError("side", side, ("right", "left"))
        kept = np.minimum(lengths, size)  # (streams,)
        # (streams, size) the place of each token in the ids
        places = np.arange(size) + (self.offsets[1:] - kept)[:, None]
        mask = np.arange(size) < kept[:, None]
        if side == "left":
            # the same tokens, moved to the end of each row
            places, mask = places - (size - kept)[:, None], np.arange(size) >= (size - kept)[:, None]
        ids = np.full(mask.shape, self.vocabulary.id("[PAD]"), np.int32)
        ids[mask] = self.ids[places[mask]]
        return ids, mask

    def tokens(self, stream: int) -> list[str]:
        """The readable tokens of one stream."""
        return self.vocabulary.decode(self[stream])

    def composites(self, method: Literal["greedy", "spr"] = "greedy", *, seed: int = 0, epoch: int = 0) -> Streams:
        """The same histories with composites in place of base tokens.

        `greedy` is deterministic; `spr` shuffles the tokens of each event (set permutation regularisation),
        differently for every `seed`, `epoch` and entity, independently of the other entities. Raises
        `NotFittedError` if there are no composites.
        """
        if self.segmenter is None:
            raise NotFittedError("these streams have no composites to put in; the schema must declare some")
        if method == "greedy":
            made = self.segmenter.greedy(self)
        elif method == "spr":
            made = self.segmenter.spr(self, seed=seed, epoch=epoch, keys=hash_keys(self.entities))
        else:
            raise LookupFailedError("segmentation", method, ("greedy", "spr"))
        return replace(
            self,
            ids=made.ids.astype(id_type(len(self.vocabulary)), copy=False),
            offsets=made.offsets,
            event_starts=made.event_starts,
            segmenter=None,
        )

    def select(self, streams: Sequence[int] | NDArray[np.integer]) -> Streams:
        """Some of the streams, in the order given."""
        chosen = np.asarray(streams, np.int64)
        ids = Ragged(self.ids, self.offsets).take(chosen)
        # (chosen events,): their numbers among all events, and by how much the place of each moves
        counts = np.diff(self.event_offsets)[chosen]
        events = positions(self.event_offsets[chosen], counts)
        # event starts are counted from the first token of all streams
        shift = np.repeat(self.offsets[chosen] - ids.offsets[:-1], counts)
        return replace(
            self,
            entities=self.entities.take(pa.array(chosen)),
            ids=ids.values,
            offsets=ids.offsets,
            event_starts=self.event_starts[events] - shift,
            event_offsets=offsets_of(counts),
            times=None if self.times is None else self.times[events],
            labels=None if self.labels is None else self.labels.take(pa.array(events)),
            order_by=None if self.order_by is None else self.order_by.take(pa.array(events)),
            statics=None if self.statics is None else self.statics.take(pa.array(chosen)),
            splits=None if self.splits is None else self.splits[chosen],
            split_values=None if self.split_values is None else self.split_values.take(pa.array(chosen)),
            last_session=None if self.last_session is None else self.last_session.take(pa.array(chosen)),
            sessions=None if self.sessions is None else self.sessions.select(chosen),
            rows=None if self.rows is None else self.rows[events],
        )


def _shown_field(token: Token) -> str | None:
    """The field whose colour a token is shown in; the anchor, which is of no field, has one too."""
    return "anchor" if token.kind == "anchor" else token.field
