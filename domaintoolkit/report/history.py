"""One entity's history, parsed for display: events, and the tokens of each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.composite import Arrays
from domaintoolkit.grammar import Grammar, Place
from domaintoolkit.times import ZoneTable, zone_table
from domaintoolkit.times.zones import NO_TIME, YEARS_BEGIN, YEARS_END
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.vocabulary import Token

__all__ = ["Cell", "History", "ShownEvent", "ShownToken", "history_of"]


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token and its id."""

    id: int
    token: Token

    @property
    def name(self) -> str:
        """The readable name."""
        return self.token.name


@dataclass(frozen=True, slots=True)
class Cell:
    """The tokens of one field, and the value that they decode to. A special token is a cell without a field."""

    field: str | None
    tokens: tuple[ShownToken, ...]
    value: Any = None

    @property
    def is_special(self) -> bool:
        """True if this is a special token."""
        return self.tokens[0].token.kind == "special"


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event; `number` counts from 1."""

    number: int
    cells: tuple[Cell, ...]
    time: datetime | None = None
    """By the clock that its tokens show."""
    since: timedelta | None = None
    """Time since the previous event."""
    labels: Mapping[str, Any] = field(default_factory=dict)
    segmented: tuple[ShownToken, ...] | None = None
    """The event's tokens after segmentation into composites; None if the tokenizer has no composites."""

    @property
    def clock(self) -> str:
        """The time as people read it, with its offset unless that is UTC; empty if it is not known."""
        return "" if self.time is None else self.time.isoformat(" ").removesuffix("+00:00")

    @property
    def starts_session(self) -> bool:
        """True if the event begins with a session token."""
        return self.cells[0].is_special


@dataclass(frozen=True, slots=True)
class History:
    """A stream, parsed for reading."""

    header: tuple[Cell, ...]
    events: tuple[ShownEvent, ...]
    fields: tuple[str | None, ...]
    """The fields in the order of the stream; None is the anchor."""
    entity: Mapping[str, Any] = field(default_factory=dict)
    split: str | None = None
    left_out: int = 0
    """Later events of the stream, which are not shown."""

    @property
    def tokens(self) -> int:
        """Number of tokens of the stream."""
        return sum(len(cell.tokens) for cells in (self.header, *(e.cells for e in self.events)) for cell in cells)


def history_of(
    tokenizer: DomainTokenizer,
    ids: NDArray[np.integer[Any]],
    event_starts: Sequence[int] | NDArray[np.integer[Any]],
    times: NDArray[np.int64] | None = None,
    entity: pa.Table | None = None,
    split: str | None = None,
    labels: Mapping[str, Sequence[Any]] | None = None,
) -> History:
    """Parse one stream of base ids.

    `event_starts` are the positions of its events in `ids`, and `times` the events' times in microseconds; without
    them, the times are those that the tokens decode to.
    `entity` is a table of one row, the entity's key. `labels` has, for each label column, one value per event.
    Raises `DecodeError` if `ids` are not a stream.
    """
    table = tokenizer.decode(ids, [0, len(ids)], entity)
    rows = table.to_pylist()
    if times is None and tokenizer.schema.time is not None:
        times = _instants(table[tokenizer.schema.time])
    bounds = [*(int(start) for start in event_starts), len(ids)]  # (events + 1,)
    grammar = tokenizer.grammar
    statics = {spec.name for spec in tokenizer.schema.static}
    first = rows[0] if rows else {}
    header = _cells(tokenizer, ids[: bounds[0]], {name: first.get(name) for name in statics})
    events: list[ShownEvent] = []
    segmented = _segment(tokenizer, ids, event_starts)
    shown = [] if times is None else _local(times, _zone_of(tokenizer))
    for number, row in enumerate(rows):
        at, before = (shown[k] if shown and k >= 0 else None for k in (number, number - 1))
        since = at - before if at is not None and before is not None else None
        if at is not None:
            row[tokenizer.schema.time or ""] = at
        cells = _cells(tokenizer, ids[bounds[number] : bounds[number + 1]], row)
        known = {name: values[number] for name, values in (labels or {}).items()}
        events.append(ShownEvent(number + 1, cells, at, since, known, segmented[number] if segmented else None))
    fields = tuple(dict.fromkeys(grammar.part_fields))
    return History(header, tuple(events), fields, {} if entity is None else entity.to_pylist()[0], split)


def _instants(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Decoded times in microseconds since 1970, UTC; `NO_TIME` for null."""
    instants = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).fill_null(NO_TIME)
    return np.asarray(instants.to_numpy(), np.int64)


def _cells(tokenizer: DomainTokenizer, ids: NDArray[np.integer[Any]], values: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Group the tokens of each field into a cell."""
    vocabulary, grammar = tokenizer.vocabulary, tokenizer.grammar
    groups: list[tuple[str | None, list[ShownToken]]] = []
    open_field = False
    for number in ids.tolist():
        shown = ShownToken(number, vocabulary.token(number))
        if grammar.place[number] in (Place.BOS, Place.SESSION, Place.PAD):
            groups.append((None, [shown]))
            open_field = False
            continue
        name = _field_of(grammar, number) if grammar.start[number] else groups[-1][0]
        # a field with several parts has one cell, and so has a value of several pieces
        if open_field and groups[-1][0] == name:
            groups[-1][1].append(shown)
        else:
            groups.append((name, [shown]))
        open_field = True
    return tuple(Cell(name, tuple(tokens), None if name is None else values.get(name)) for name, tokens in groups)


def _segment(
    tokenizer: DomainTokenizer, ids: NDArray[np.integer[Any]], starts: Sequence[int] | NDArray[np.integer[Any]]
) -> list[tuple[ShownToken, ...]] | None:
    """The tokens of each event after greedy segmentation; none for an event inside an earlier event's composite."""
    if tokenizer.segmenter is None or not len(starts):
        return None
    made = tokenizer.segmenter.greedy(
        Arrays(ids, np.array([0, len(ids)]), np.asarray(starts, np.int64), np.array([0, len(starts)]))
    )
    begins = made.event_starts.tolist()
    # events inside one composite all begin at its token
    ends = dict(pairwise(sorted({*begins, len(made.ids)})))
    tokens = [ShownToken(number, tokenizer.vocabulary.token(number)) for number in made.ids.tolist()]
    return [
        () if k and begin == begins[k - 1] else tuple(tokens[begin : ends[begin]]) for k, begin in enumerate(begins)
    ]


def _field_of(grammar: Grammar, number: int) -> str | None:
    return grammar.part_fields[int(grammar.place[number])]


def _zone_of(tokenizer: DomainTokenizer) -> ZoneTable:
    """The zone of the clock that the tokens of events show: that of the field of the time, if there is one."""
    spec = tokenizer.schema.time_field
    return zone_table(tokenizer.schema.zone if spec is None else spec.zone)


def _local(times: NDArray[np.int64], zone: ZoneTable) -> list[datetime | None]:
    """Instants as the clock of a zone shows them, each with its offset from UTC; None for rows without a time."""
    walls = zone.local(times)
    # at the ends of the calendar, which Python cannot leave, the clock of UTC is shown
    walls = np.where((walls < YEARS_BEGIN) | (walls >= YEARS_END), times, walls)
    return [
        None
        if time == NO_TIME
        else (_EPOCH + timedelta(microseconds=wall)).replace(tzinfo=timezone(timedelta(microseconds=wall - time)))
        for time, wall in zip(times.tolist(), walls.tolist(), strict=True)
    ]


_EPOCH = datetime(1970, 1, 1)
