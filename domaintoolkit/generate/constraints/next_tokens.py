"""The tokens that may come next in a history whose parts come in the order of the grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.generate.constraints.measured_tokens import MeasuredTokens
from domaintoolkit.generate.constraints.possible_times import Feasible, TimeField
from domaintoolkit.generate.constraints.token_tables import CHAINED, TokenTables
from domaintoolkit.times.calendar import DAY, day_number, days_of_month

__all__ = ["Event", "Mask", "OrderedWriter", "Stage", "Writer", "WritingState"]

Event = tuple[int, ...]
"""The base tokens of one event, or of a header without its BOS."""
Mask = NDArray[np.bool_]
Stage = Literal["tail", "session", "part"]

LONGEST = 64
"""Tokens of a tail, after which it ends as soon as its bytes make whole characters."""


class Writer(Protocol):
    """The rules by which a history is written: the tokens that may follow a state, and the state after each of them.

    States are immutable. Masks have an entry for each of V tokens, and a last one for going on without a token.
    """

    skip: int
    """V: the entry of a mask that goes on without a token."""

    def mask_next(self, state: Any) -> Mask:
        """(V + 1,) True for what may come next."""

    def mask_after_event(self, state: Any) -> Mask:
        """(V + 1,) True for what may come next and shows that the current event has ended."""

    def after(self, state: Any, token: int) -> Any:
        """The state after a token that is allowed; its `finished` are the events that the token has shown to end."""

    def is_open(self, state: Any) -> bool:
        """Return True if a header or an event has begun and has not ended."""

    def is_complete(self, state: Any) -> bool:
        """Return True if an event has begun and may end here."""

    def is_over(self, state: Any) -> bool:
        """Return True if the current header or event is complete and no token can add to it."""

    def is_in_order(self, state: Any) -> bool:
        """Return True if the fields are written in the order of the grammar, each whole before the next."""

    def is_tied(self, state: Any) -> bool:
        """Return True if the current event is at the instant of the event before it, by its tokens."""

    def event(self, state: Any) -> Event:
        """The base tokens of the current header or event."""

    def end_event(self, state: Any) -> Any:
        """The state after the current header or event."""

    def end_field(self, state: Any) -> Any:
        """The state in which nothing may be added to the current field."""

    def earlier_events(self, token: int) -> list[int]:
        """The base tokens that a token brings for events before the last of those that it is part of."""


@dataclass(frozen=True)
class WritingState:
    """A history up to some token; `OrderedWriter.after` gives the next state."""

    feasible: Feasible
    place: int = -1
    """The part that is being written; -1 before the first, and between a session token and its event."""
    following: int = 0
    """The part that comes next."""
    last: int = -1
    """The last token that is not text."""
    utf8: int = 0
    """The state of the bytes so far, a row of `TokenTables.utf8`."""
    run: int = 0
    """Tokens since the part began."""
    events: int = 0
    """Events begun."""
    session: bool = False
    """The last token is a session token."""
    closed: bool = False
    """The current field has ended: only a token that begins something may follow."""
    same_session: bool = False
    """The next event opens no session."""
    anchor: dict[str, int] = field(default_factory=dict)
    """Year, month and day of the header, as far as they are written."""
    event: Event = ()
    """The tokens of the current header or event."""
    finished: tuple[Event, ...] = ()
    """The header or event that the last token has shown to end."""


class OrderedWriter:
    """Writes headers and events part by part, in the order of the grammar.

    A `staged` writer, for models that predict part by part, asks first whether the part goes on, then whether a session
    begins, then which token begins the next part. Others ask for all at once, and never go on without a token.
    """

    measured: Mapping[int, MeasuredTokens]
    """By their place, the parts whose tokens depend on another field of the event."""

    def __init__(
        self, tables: TokenTables, time: TimeField | None, sessions: bool, staged: bool = False, gap: int | None = None
    ) -> None:
        self.measured = {}
        self.tables, self.time, self.sessions, self.staged, self.gap = tables, time, sessions, staged, gap
        self.header = tables.grammar.header_parts
        """The first event part."""
        self.end = tables.grammar.parts
        self.skip = len(tables.key)

    def begin(self) -> WritingState:
        """The state after BOS."""
        return WritingState(Feasible(self.time, (), first=True, gap=self.gap))

    def resume(self, time: int | None) -> WritingState:
        """The state after a history whose last event was at `time` in µs."""
        intervals = () if time is None else ((time, time + 1),)
        feasible = Feasible(self.time, intervals, first=False, known=intervals, gap=self.gap)
        # as after the last part of an event; it matters only that there has been one
        return WritingState(feasible, self.end - 1, self.end, events=1)

    def mask_next(self, state: WritingState) -> Mask:
        """(V + 1,) True for what may come next."""
        mask = np.zeros(self.skip + 1, np.bool_)
        mask[:-1] = continuing = self.continuing(state)
        stage = self.stage(state, continuing)
        if not self.staged or stage == "part":
            mask[self._beginning(state)] = True
        elif stage == "session":
            mask[self.tables.grammar.session] = True
            mask[-1] = len(self._beginning(state)) > 1  # more than the session token itself
        else:
            mask[-1] = state.utf8 == 0 and len(self._beginning(state)) > 0
        return mask

    def stage(self, state: WritingState, continuing: Mask | None = None) -> Stage:
        """The question that comes next; `continuing` saves working it out."""
        if (self.continuing(state) if continuing is None else continuing).any():
            return "tail"
        return "session" if self._may_open_session(state) else "part"

    def _may_open_session(self, state: WritingState) -> bool:
        boundary = state.following == self.end or (state.following == self.header and state.events > 0)
        return boundary and self.sessions and state.events > 0 and not state.session and not state.same_session

    def continuing(self, state: WritingState) -> Mask:
        """(V,) True for tokens that may continue the part that is being written."""
        mask = np.zeros(self.skip, np.bool_)
        if state.place < 0 or state.last < 0 or state.closed:
            return mask
        grammar, tables = self.tables.grammar, self.tables
        short = state.run < LONGEST
        # a token that stands for a value by itself takes no text; a character that has begun is ended in any case
        if not grammar.fusible[state.last] and self._takes_text(state) and (short or state.utf8):
            mask |= tables.text[state.place] & (tables.utf8[state.utf8] >= 0)
        if short and state.utf8 == 0 and tables.kind[state.last] != "null":
            deeper = tables.level == tables.level[state.last] + 1  # (V,)
            mask |= deeper & (grammar.place == state.place) & ~grammar.start
            if tables.kind[state.last] in CHAINED:
                mask |= tables.chained & (grammar.place == state.place)
        return mask

    def _takes_text(self, state: WritingState) -> bool:
        """Return True if text may follow: after the marker of a text or a spelled value."""
        return self.tables.kind[state.last].startswith(("spell", "text"))

    def mask_after_event(self, state: WritingState) -> Mask:
        """(V + 1,) True for what may come next and shows that the current event has ended."""
        mask = self.mask_next(state)
        if not self.is_complete(state):
            return np.zeros_like(mask)
        mask[:-1] &= ~self.continuing(state)
        return mask

    def is_open(self, state: WritingState) -> bool:
        """Return True if a header or an event has begun and has not ended."""
        return bool(state.event)

    def is_complete(self, state: WritingState) -> bool:
        """Return True if every part of the event is there, though the last may still go on."""
        return state.following == self.end and not state.session and state.events > 0 and state.utf8 == 0

    def is_over(self, state: WritingState) -> bool:
        """Return True if the current header or event is complete and no token can add to it."""
        end = self.end if state.events else self.header
        over = self.is_open(state) and state.following == end and not state.session
        return over and not self.continuing(state).any()

    def is_in_order(self, state: WritingState) -> bool:
        """Always True."""
        return True

    def is_tied(self, state: WritingState) -> bool:
        """Return True if the current event is at the instant of the event before it, by its tokens."""
        return state.feasible.is_tied

    def event(self, state: WritingState) -> Event:
        """The tokens of the current header or event."""
        return state.event

    def end_event(self, state: WritingState) -> WritingState:
        """The state after the current header or event."""
        return replace(state, closed=True, event=(), finished=())

    def end_field(self, state: WritingState) -> WritingState:
        """The state in which nothing may be added to the current field."""
        return replace(state, closed=True)

    def earlier_events(self, token: int) -> list[int]:
        """No token is part of several events."""
        return []

    def _beginning(self, state: WritingState) -> NDArray[np.int64]:
        """The tokens that may begin what comes next."""
        if state.utf8:
            return np.empty(0, np.int64)
        # after the last part comes the first part of the next event
        place = self.header if state.following == self.end else state.following
        tokens = np.flatnonzero(self.tables.starts[place])
        if place in self.measured:
            tokens = self.measured[place].filter_tokens(tokens, state.event)
        if place == self.header and state.events:
            tokens = state.feasible.next_event(state.session).filter_tokens(place, tokens)
            session = [self.tables.grammar.session] if self._may_open_session(state) else []
            return np.append(tokens, session).astype(np.int64)
        if place < self.header:
            return self._existing_days(state, place, tokens)
        return self.feasible(state).filter_tokens(place, tokens)

    def _existing_days(self, state: WritingState, place: int, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the tokens of a header part; of the anchor's day, the days that its month has."""
        if self.tables.grammar.part_fields[place] is not None or "month" not in state.anchor:
            return tokens
        months = np.array([state.anchor["month"]])
        days = int(days_of_month(np.array([state.anchor["year"]]), months)[0])
        return np.array([token for token in tokens if int(self.tables.key[token]) <= days], np.int64)

    def feasible(self, state: WritingState) -> Feasible:
        """The possible times; before the first event, those of the anchor's day."""
        if state.events or "day" not in state.anchor:
            return state.feasible
        day = int(day_number(state.anchor["year"], state.anchor["month"], state.anchor["day"]))
        return replace(state.feasible, intervals=((day * DAY, (day + 1) * DAY),))

    def after(self, state: WritingState, token: int) -> WritingState:
        """The state after a token that is allowed, or after going on without one."""
        grammar = self.tables.grammar
        if token == self.skip:
            tail = self.stage(state) == "tail"
            return replace(state, closed=True) if tail else replace(state, same_session=True)
        if token == grammar.session:
            finished = (state.event,) if state.event else ()
            return replace(
                state, session=True, closed=False, place=-1, last=-1, run=0, event=(token,), finished=finished
            )
        event = (*state.event, token)
        if not grammar.start[token]:
            last = state.last if token in self.tables.text_bytes else token
            utf8 = int(self.tables.utf8[state.utf8, token])
            return replace(state, last=last, utf8=utf8, run=state.run + 1, event=event, finished=())
        place = int(grammar.place[token])
        feasible, anchor = self.feasible(state), state.anchor
        if place == self.header and state.events:
            feasible = state.feasible.next_event(state.session)
        if place >= self.header:
            feasible = feasible.push(token, place)
        elif grammar.part_fields[place] is None:
            anchor = {**anchor, self.tables.kind[token]: int(self.tables.key[token])}
        # the first part of an event ends the header or event before it, unless its session token has done so
        ends = place == self.header and not state.session and len(state.event) > 0
        return WritingState(
            feasible=feasible,
            place=place,
            # a token for a whole field fills all its parts
            following=place + int(grammar.fills[token]),
            last=token,
            events=state.events + (place == self.header),
            anchor=anchor,
            event=(token,) if ends else event,
            finished=(state.event,) if ends else (),
        )
