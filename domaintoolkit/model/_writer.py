"""One history as it is being written: which tokens may come next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders._calendar import DAY, day_number, days_of_month
from domaintoolkit.model._feasible import Feasible, TimeField
from domaintoolkit.model._rules import Rules

__all__ = ["State", "Writer"]

LONGEST = 64
"""Tokens after which a tail ends as soon as its bytes make whole characters."""


@dataclass(frozen=True)
class State:
    """Immutable; `after` gives the next one."""

    feasible: Feasible
    length: int = 0
    place: int = -1
    """The part that is being written; -1 before the first, and between a session token and its event."""
    following: int = 0
    """The part that comes next."""
    last: int = -1
    """The last token that was not text."""
    utf8: int = 0
    run: int = 0
    events: int = 0
    """Events begun."""
    session: bool = False
    closed: bool = False
    """What has been written is finished: only what begins something may come."""
    anchor: dict[str, int] = field(default_factory=dict)


class Writer:
    """Gives the tokens that may follow, and the state after one of them."""

    def __init__(self, rules: Rules, time: TimeField | None, sessions: bool) -> None:
        self.rules, self.time, self.sessions = rules, time, sessions
        self.header = rules.grammar.header_parts
        self.end = self.header + rules.grammar.event_parts

    def empty(self) -> State:
        """After BOS."""
        return State(Feasible(self.time, (), first=True), 1)

    def continued(self, length: int, time: int | None) -> State:
        """After `length` tokens that end with a whole event, at `time` in µs."""
        intervals = () if time is None else ((time, time + 1),)
        feasible = Feasible(self.time, intervals, first=False, ahead=intervals)
        return State(feasible, length, self.end - 1, self.end, events=1)

    def allowed(self, state: State) -> NDArray[np.bool_]:
        """(V,): which tokens may come next."""
        mask = np.zeros(len(self.rules.key), np.bool_)
        if state.utf8 == 0:
            mask[self._starts(state)] = True
        if state.place < 0 or state.last < 0 or state.closed:
            return mask
        grammar = self.rules.grammar
        going_on = state.run < LONGEST
        if not grammar.fusible[state.last] and self._continues(state) and (going_on or state.utf8):
            mask |= self.rules.text[state.place] & (self.rules.utf8[state.utf8] >= 0)
        if going_on and state.utf8 == 0 and self.rules.kind[state.last] != "null":
            deeper = self.rules.level == self.rules.level[state.last] + 1
            mask |= deeper & (grammar.place == state.place) & ~grammar.start
        return mask

    def _continues(self, state: State) -> bool:
        """Whether text may follow: after a marker, but not after null, or in the header's dates."""
        return self.rules.kind[state.last].startswith(("spell", "text"))

    def _starts(self, state: State) -> NDArray[np.int64]:
        """Tokens that may begin what comes next."""
        starts, grammar = self.rules.starts, self.rules.grammar
        place = self.header if state.following == self.end else state.following
        tokens = np.flatnonzero(starts[place])
        if place == self.header and state.events:
            tokens = state.feasible.next_event().allowed(place, tokens)
            session = [grammar.session] if self.sessions and not state.session else []
            return np.append(tokens, session).astype(np.int64)
        if place < self.header:
            return self._dates(state, place, tokens)
        return self._feasible(state).allowed(place, tokens)

    def _dates(self, state: State, place: int, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The anchor's day exists in its month."""
        if self.rules.grammar.part_fields[place] is not None or "month" not in state.anchor:
            return tokens
        months = np.array([state.anchor["month"]])
        days = int(days_of_month(np.array([state.anchor["year"]]), months)[0])
        return np.array([token for token in tokens if int(self.rules.key[token]) <= days], np.int64)

    def _feasible(self, state: State) -> Feasible:
        """With the day of the anchor, before the first event."""
        if state.events or "day" not in state.anchor:
            return state.feasible
        day = int(day_number(state.anchor["year"], state.anchor["month"], state.anchor["day"]))
        return replace(state.feasible, intervals=((day * DAY, (day + 1) * DAY),))

    def after(self, state: State, token: int) -> State:
        """The state after a token that is allowed."""
        grammar = self.rules.grammar
        if token == grammar.session:
            return replace(state, length=state.length + 1, session=True, closed=False, last=-1, run=0)
        if not grammar.start[token]:
            last = state.last if token in self.rules.written else token
            utf8 = int(self.rules.utf8[state.utf8, token])
            return replace(state, length=state.length + 1, last=last, utf8=utf8, run=state.run + 1)
        place = int(grammar.place[token])
        feasible, anchor = self._feasible(state), state.anchor
        if place == self.header and state.events:
            feasible = state.feasible.next_event()
        if place >= self.header:
            feasible = feasible.push(token, place)
        elif grammar.part_fields[place] is None:
            anchor = {**anchor, self.rules.kind[token]: int(self.rules.key[token])}
        return State(
            feasible=feasible,
            length=state.length + 1,
            place=place,
            following=place + int(grammar.fills[token]),
            last=token,
            events=state.events + (place == self.header),
            anchor=anchor,
        )
