"""One history as it is being written: which tokens may come next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.generate.constraints.possible_times import Feasible, TimeField
from domaintoolkit.generate.constraints.token_tables import Rules
from domaintoolkit.times.calendar import DAY, day_number, days_of_month

__all__ = ["Stage", "State", "Writer"]

Stage = Literal["tail", "session", "part"]

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
    """Tokens since the part began."""
    events: int = 0
    """Events begun."""
    session: bool = False
    closed: bool = False
    """What has been written is finished: only what begins something may come."""
    same_session: bool = False
    """The next event opens no session."""
    anchor: dict[str, int] = field(default_factory=dict)


class Writer:
    """Gives the tokens that may follow, and the state after one of them.

    Masks have an entry for each token, and a last one for going on without a token. A `staged` writer, for models
    that predict part by part, asks first whether the part is finished, then whether a session begins, and then
    what begins the next part; the others ask for all at once, and never go on without a token.
    """

    def __init__(self, rules: Rules, time: TimeField | None, sessions: bool, staged: bool = False) -> None:
        self.rules, self.time, self.sessions, self.staged = rules, time, sessions, staged
        self.header = rules.grammar.header_parts
        self.end = self.header + rules.grammar.event_parts
        self.onward = len(rules.key)
        """The entry that goes on without a token."""

    def empty(self) -> State:
        """After BOS."""
        return State(Feasible(self.time, (), first=True), 1)

    def continued(self, length: int, time: int | None) -> State:
        """After `length` tokens that end with a whole event, at `time` in µs."""
        intervals = () if time is None else ((time, time + 1),)
        feasible = Feasible(self.time, intervals, first=False, ahead=intervals)
        return State(feasible, length, self.end - 1, self.end, events=1)

    def allowed(self, state: State) -> NDArray[np.bool_]:
        """(V + 1,): what may come next."""
        mask = np.zeros(self.onward + 1, np.bool_)
        further = self.continuing(state)
        mask[:-1] |= further
        stage = self.stage(state, further)
        if not self.staged or stage == "part":
            mask[self.beginning(state)] = True
        elif stage == "session":
            mask[self.rules.grammar.session] = True
            mask[-1] = len(self.beginning(state)) > 1
        else:
            mask[-1] = state.utf8 == 0 and len(self.beginning(state)) > 0
        return mask

    def stage(self, state: State, further: NDArray[np.bool_] | None = None) -> Stage:
        """What is to be said next."""
        if (self.continuing(state) if further is None else further).any():
            return "tail"
        return "session" if self._may_open(state) else "part"

    def _may_open(self, state: State) -> bool:
        """Whether a session token may come next."""
        boundary = state.following == self.end or (state.following == self.header and state.events > 0)
        return boundary and self.sessions and state.events > 0 and not state.session and not state.same_session

    def continuing(self, state: State) -> NDArray[np.bool_]:
        """(V,): tokens that may continue the part that is being written."""
        mask = np.zeros(self.onward, np.bool_)
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

    def turns(self, state: State) -> NDArray[np.bool_]:
        """(V + 1,): what may come next and shows that the current event is whole without it."""
        mask = self.allowed(state)
        if not self.finished(state):
            return np.zeros_like(mask)
        mask[:-1] &= ~self.continuing(state)
        return mask

    def begins(self, token: int) -> bool:
        """Whether a token begins a part, or a session."""
        return bool(self.rules.grammar.start[token]) or token == self.rules.grammar.session

    def finished(self, state: State) -> bool:
        """Whether an event is whole, unless its last part goes on."""
        return state.following == self.end and not state.session and state.events > 0 and state.utf8 == 0

    def _continues(self, state: State) -> bool:
        """Whether text may follow: after a marker, but not after null, or in the header's dates."""
        return self.rules.kind[state.last].startswith(("spell", "text"))

    def beginning(self, state: State) -> NDArray[np.int64]:
        """Tokens that may begin what comes next."""
        if state.utf8:
            return np.empty(0, np.int64)
        starts, grammar = self.rules.starts, self.rules.grammar
        place = self.header if state.following == self.end else state.following
        tokens = np.flatnonzero(starts[place])
        if place == self.header and state.events:
            tokens = state.feasible.next_event().allowed(place, tokens)
            session = [grammar.session] if self._may_open(state) else []
            return np.append(tokens, session).astype(np.int64)
        if place < self.header:
            return self._dates(state, place, tokens)
        return self.feasible(state).allowed(place, tokens)

    def _dates(self, state: State, place: int, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The anchor's day exists in its month."""
        if self.rules.grammar.part_fields[place] is not None or "month" not in state.anchor:
            return tokens
        months = np.array([state.anchor["month"]])
        days = int(days_of_month(np.array([state.anchor["year"]]), months)[0])
        return np.array([token for token in tokens if int(self.rules.key[token]) <= days], np.int64)

    def feasible(self, state: State) -> Feasible:
        """With the day of the anchor, before the first event."""
        if state.events or "day" not in state.anchor:
            return state.feasible
        day = int(day_number(state.anchor["year"], state.anchor["month"], state.anchor["day"]))
        return replace(state.feasible, intervals=((day * DAY, (day + 1) * DAY),))

    def after(self, state: State, token: int) -> State:
        """The state after a token that is allowed, or after going on without one."""
        grammar = self.rules.grammar
        if token == self.onward:
            tail = self.stage(state) == "tail"
            return replace(state, closed=True) if tail else replace(state, same_session=True)
        if token == grammar.session:
            return replace(state, length=state.length + 1, session=True, closed=False, place=-1, last=-1, run=0)
        if not grammar.start[token]:
            last = state.last if token in self.rules.written else token
            utf8 = int(self.rules.utf8[state.utf8, token])
            return replace(state, length=state.length + 1, last=last, utf8=utf8, run=state.run + 1)
        place = int(grammar.place[token])
        feasible, anchor = self.feasible(state), state.anchor
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
