"""`Streams`: encoded histories in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.composite import Segmenter
from domaintoolkit.errors import LookupFailedError, NotFittedError, Refusal
from domaintoolkit.streams.keys import hash_keys
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.vocabulary import Vocabulary

__all__ = ["Counts", "Ids", "Sessions", "Streams", "id_type"]

Ids = NDArray[np.unsignedinteger[Any]]


def id_type(size: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The integer type of the ids of a vocabulary of `size` tokens, with room for it to double."""
    return np.dtype(np.uint16) if size <= 1 << 15 else np.dtype(np.uint32)


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows and values of an encoding.

    Values are counted once a row and field, static ones once an entity; those that are left out are counted too.
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


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """Which sessions streams have: those of stream i are `keys[offsets[i]:offsets[i + 1]]`, one for its first event
    and one for each session token. They tell which session an event belongs to that comes late."""

    keys: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def select(self, streams: NDArray[np.int64]) -> Sessions:
        """Those of some streams, in that order."""
        lengths = np.diff(self.offsets)[streams]
        return Sessions(self.keys[positions(self.offsets[streams], lengths)], offsets_of(lengths))


class HasVocabulary(Protocol):
    """Something that a vocabulary belongs to, made when it is first asked for."""

    @property
    def vocabulary(self) -> Vocabulary: ...


@dataclass(frozen=True, slots=True, eq=False)
class Streams:
    """The token ids of n histories, in the order of their entity keys.

    `ids[offsets[i]:offsets[i + 1]]` is stream i. Event k, numbered over all streams, begins at
    `ids[event_starts[k]]`; those of stream i are `event_offsets[i]` to `event_offsets[i + 1]`.
    """

    entities: pa.Table
    """One row a stream: the schema's entity columns."""
    ids: Ids
    offsets: NDArray[np.int64]
    event_starts: NDArray[np.int64]
    event_offsets: NDArray[np.int64]
    source: HasVocabulary
    """What made the streams, and knows their vocabulary."""
    times: NDArray[np.int64] | None = None
    """When each event was, in microseconds since the epoch, UTC; None without a time column."""
    labels: pa.Table | None = None
    """The schema's label columns, one row an event; None where the table had none."""
    order_by: pa.Table | None = None
    """Those `order_by` columns of the schema that are no fields, one row an event; None where there are none."""
    statics: pa.Table | None = None
    """A hash of each static field's value, one row a stream: what it was, of which tokens may tell less. None
    without static fields."""
    last_session: pa.Array | None = None
    """The session of each stream's last event; None without a session column."""
    sessions: Sessions | None = None
    """All sessions, by `session_keys`; None without a session column."""
    segmenter: Segmenter | None = None
    """What puts composites in; None where the tokenizer has learned none, or where they are in already."""
    counts: Counts = Counts()
    refused: tuple[Refusal, ...] = ()
    rows: NDArray[np.integer[Any]] | None = None
    """(events,): the row of the encoded table that each event was; None if the streams were not made from a table."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens that the ids stand for."""
        return self.source.vocabulary

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, stream: int) -> Ids:
        """The ids of one stream."""
        if not -len(self) <= stream < len(self):
            raise IndexError(f"stream {stream} of {len(self)}")
        stream %= len(self)
        return self.ids[self.offsets[stream] : self.offsets[stream + 1]]

    def __iter__(self) -> Iterator[Ids]:
        return (self[stream] for stream in range(len(self)))

    @property
    def events(self) -> int:
        """How many events all streams hold."""
        return len(self.event_starts)

    def tokens(self, stream: int) -> list[str]:
        """The readable tokens of one stream."""
        return self.vocabulary.decode(self[stream])

    def composites(self, method: Literal["greedy", "spr"] = "greedy", *, seed: int = 0, epoch: int = 0) -> Streams:
        """The same histories with composites in the place of base tokens.

        `greedy` is deterministic; `spr` shuffles the tokens of each event (set permutation regularisation),
        differently for every `seed`, `epoch` and entity, whichever others are there. Raises `NotFittedError`
        where there are no composites.
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
        lengths = np.diff(self.offsets)[chosen]
        counts = np.diff(self.event_offsets)[chosen]
        offsets = offsets_of(lengths)
        events = positions(self.event_offsets[chosen], counts)
        return replace(
            self,
            entities=self.entities.take(pa.array(chosen)),
            ids=self.ids[positions(self.offsets[chosen], lengths)],
            offsets=offsets,
            event_starts=self.event_starts[events] - np.repeat(self.offsets[chosen] - offsets[:-1], counts),
            event_offsets=offsets_of(counts),
            times=None if self.times is None else self.times[events],
            labels=None if self.labels is None else self.labels.take(pa.array(events)),
            order_by=None if self.order_by is None else self.order_by.take(pa.array(events)),
            statics=None if self.statics is None else self.statics.take(pa.array(chosen)),
            last_session=None if self.last_session is None else self.last_session.take(pa.array(chosen)),
            sessions=None if self.sessions is None else self.sessions.select(chosen),
            rows=None if self.rows is None else self.rows[events],
        )
