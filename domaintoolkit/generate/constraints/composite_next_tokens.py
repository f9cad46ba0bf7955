"""The tokens that may come next in a history that is written with composites.

The header comes part by part, as without composites. The tokens of an event come in any order, each part once. A
composite brings several of them, and one across events ends the current event and begins the next. This is the
automaton that `composite.kernels.expansion` reads such streams with, turned around: it says what would be read.

A part with levels (a path, the digits of a number) is several *slots*: slot p is the start token of event part p, and
each deeper level that some token gives has a slot of its own, which needs the slot above it. An event is complete when
all P first slots are filled and no deeper slot is filled without the one above. For each token, `fills` says which
slots of the current event it fills, so that one comparison of (V, S) with (S,) finds the tokens that would fill a slot
again: such a token *clashes*, and can only begin the next event. A token may come

- now, as part of the current event: it continues the last base token, or it clashes with nothing; if it goes on into
  further events, it must also complete the current one;
- later, as the beginning of the next event: the current event is complete, and the token fills a first slot; if it goes
  on into further events, it is all of its first.

A token that could be either is read as part of the current event if it does not clash, and so ends no event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from domaintoolkit.composite import CompositeModel, CompositePart
from domaintoolkit.generate.constraints.next_tokens import Event, Mask, OrderedWriter, WritingState
from domaintoolkit.generate.constraints.possible_times import Feasible

__all__ = ["ComposedState", "ComposedWriter"]

PartTokens = tuple[tuple[tuple[int, int], ...], ...]
"""For each event part, its tokens so far, each as (level within the part, token)."""


@dataclass(frozen=True)
class ComposedState:
    """A history up to some token of its events; `ComposedWriter.after` gives the next state."""

    feasible: Feasible
    """The times of the current event, or of the one before if none has begun."""
    parts: PartTokens
    tail: WritingState
    """The ways to continue the last base token."""
    level: int = 0
    """The level of the last base token within its part."""
    open: bool = False
    """An event has begun."""
    session: bool = False
    """The event opens a session."""
    events: int = 0
    """Events begun."""
    finished: tuple[Event, ...] = ()
    """Base tokens of the events that the last token has ended."""


State = WritingState | ComposedState
"""The first while the header is written, the second from then on."""


class _Times(NamedTuple):
    """The parts of the time field that a token gives, over the `span` events that it is part of."""

    span: int
    parts: tuple[tuple[int, int, int], ...]
    """(event, place, token), rising"""


class ComposedWriter:
    """Writes headers as `ordered` does, and events with composites."""

    def __init__(self, ordered: OrderedWriter, model: CompositeModel) -> None:
        self.ordered, self.tables, self.skip = ordered, ordered.tables, ordered.skip
        grammar = self.tables.grammar
        self.header, self.parts = grammar.header_parts, grammar.event_parts
        self.levels = dict(model.levels.tolist())
        """Continuation tokens that may stand anywhere in an event, with their level."""
        size = len(grammar.place)
        self.pieces: dict[int, tuple[CompositePart, ...]] = dict(zip(model.ids.tolist(), model.pieces, strict=True))
        # slots 0 to P are the start tokens of event parts; then one slot for each (place, level) of a token
        deeper = sorted(
            {(int(grammar.place[token]), self._level(token)) for token in range(size) if self._level(token)}
        )
        self.slots = {(self.header + part, 0): part for part in range(self.parts)}
        self.slots |= {cell: self.parts + number for number, cell in enumerate(deeper)}
        self.above = np.array([self.slots.get((place, level - 1), 0) for place, level in deeper], np.int64)
        """(S - P,) the slot that must be filled before each deeper slot."""
        self.fills: Mask = np.zeros((size, len(self.slots)), np.bool_)
        """(V, S) the slots of its first event that each token fills."""
        self.usable: Mask = np.asarray(self.tables.starts[self.header :].any(0))
        """(V,) True if the token may stand anywhere in an event."""
        self.usable[list(self.levels)] = True
        self.span = np.ones(size, np.int64)
        """(V,) the number of events that each token is part of."""
        times: dict[_Times, int] = {}
        self.time = np.array([times.setdefault(self._enter(token), len(times)) for token in range(size)], np.int64)
        """(V,) the number in `times` of each token: many tokens share one, and each is checked once a step."""
        self.times = list(times)
        self.opens: Mask = np.asarray(self.fills[:, : self.parts].any(1))
        """(V,) True if the token begins a part; False if it only fills deeper slots."""
        self.alone = self._is_complete(self.fills)
        """(V,) True if the token is all of its first event."""

    def _level(self, token: int) -> int:
        """The level that a continuation token of an event part gives; 0 for any other token."""
        if self.tables.grammar.place[token] < self.header or self.tables.grammar.start[token]:
            return 0
        return int(self.tables.level[token]) or int(self.levels.get(token, 0))

    def _slots_of(self, token: int) -> list[int]:
        """The slots that a base token of an event fills."""
        grammar = self.tables.grammar
        place = int(grammar.place[token])
        if grammar.start[token]:
            parts = range(place, place + int(grammar.fills[token]))
            # nothing may continue a null, wherever in the event it would come
            null = self.tables.kind[token] == "null"
            return [slot for (part, level), slot in self.slots.items() if part in parts and (null or level == 0)]
        level = self._level(token)
        return [self.slots[place, level]] if level else []

    def _enter(self, token: int) -> _Times:
        """Set a token's row of `fills`, `span` and `usable`; return the times that it gives."""
        grammar, time = self.tables.grammar, self.ordered.time
        pieces = self.pieces.get(token)
        if pieces is None:
            if grammar.place[token] < self.header:
                return _Times(1, ())
            pieces = (CompositePart(0, token),)
        for piece in pieces:
            if piece.event == 0:
                self.fills[token, self._slots_of(piece.token)] = True
        # pieces come in the order of their events
        span = pieces[-1].event + 1
        self.span[token] = span
        if token in self.pieces:
            # the first event may have had parts before, and the last may get more; those between have only these
            inner = [self._mark_slots(event) for event in _split(pieces)[1:-1]]
            self.usable[token] = all(self._is_complete(filled[None])[0] for filled in inner)
        if time is None:
            return _Times(span, ())
        starts = [(piece.event, int(grammar.place[piece.token]), piece.token) for piece in pieces
                  if grammar.start[piece.token]]  # fmt: skip
        return _Times(span, tuple(sorted(start for start in starts if time.part(start[1]))))

    def _mark_slots(self, tokens: list[int]) -> Mask:
        """(S,) the slots that the base tokens of one event fill."""
        filled = np.zeros(len(self.slots), np.bool_)
        for token in tokens:
            filled[self._slots_of(token)] = True
        return filled

    def _is_complete(self, filled: Mask) -> Mask:
        """(N, S) to (N,): True if every part is there, and no level without the one above it."""
        deeper = ~filled[:, self.parts :] | filled[:, self.above]
        return np.asarray(filled[:, : self.parts].all(1) & deeper.all(1))

    def _begin_events(self, state: WritingState) -> ComposedState:
        """The state after a header, or after a history of whole events."""
        closed = self.ordered.end_event(state)
        return ComposedState(self.ordered.feasible(state), ((),) * self.parts, closed, events=state.events)

    def mask_next(self, state: State) -> Mask:
        """(V + 1,) True for what may come next."""
        if isinstance(state, WritingState):
            mask = self.ordered.mask_next(state)
            if state.following == self.header and not state.utf8:  # the header may be complete
                mask |= self.mask_next(self._begin_events(state))
            return mask
        now, later = self._next(state)
        return now | later

    def mask_after_event(self, state: State) -> Mask:
        """(V + 1,) True for what may come next and shows that the current event has ended."""
        if isinstance(state, WritingState):
            return self.ordered.mask_after_event(state)
        later: Mask = self._next(state)[1]
        return later if state.open else np.zeros_like(later)

    def is_open(self, state: State) -> bool:
        """Return True if a header or an event has begun and has not ended."""
        return self.ordered.is_open(state) if isinstance(state, WritingState) else state.open

    def is_complete(self, state: State) -> bool:
        """Return True if the event has all its parts, though more may be added to them."""
        if isinstance(state, WritingState):
            return self.ordered.is_complete(state)
        return state.open and state.tail.utf8 == 0 and bool(self._is_complete(self._mark_state(state)[None])[0])

    def is_over(self, state: State) -> bool:
        """Return True if the header is complete and no token can add to it; events wait for the next token."""
        return isinstance(state, WritingState) and self.ordered.is_over(state)

    def is_in_order(self, state: State) -> bool:
        """True in the header."""
        return isinstance(state, WritingState)

    def is_tied(self, state: State) -> bool:
        """Return True if the current event is at the instant of the event before it, by its tokens."""
        return state.feasible.is_tied

    def _mark_state(self, state: ComposedState) -> Mask:
        return self._mark_slots([token for part in state.parts for _, token in part])

    def _next(self, state: ComposedState) -> tuple[Mask, Mask]:
        """Twice (V + 1,): what may come now and what may come later, as the module says."""
        now, later = (np.zeros(self.skip + 1, np.bool_) for _ in range(2))
        filled = self._mark_state(state)  # (S,)
        clashes: Mask = np.asarray((self.fills & filled).any(1))  # (V,)
        if state.open:
            now[:-1] = self.ordered.continuing(state.tail) & ~clashes
        if state.tail.utf8:  # amid a character, only its bytes
            return now, later
        crossing = self.span > 1
        if state.open:
            free: Mask = np.asarray(self.usable & ~clashes)
            ends = np.flatnonzero(free & crossing)  # those that would end the current event
            # (ends, S): with the token, the current event must have all its parts
            free[ends] = self._is_complete(self.fills[ends] | filled)
            now[:-1] |= self._with_possible_times(free, state.feasible, False)
        if not state.open or self._is_complete(filled[None])[0]:
            free = np.asarray(self.usable & self.opens & (~crossing | self.alone))
            later[:-1] = self._with_possible_times(free, self._next_times(state), True)
            later[self.tables.grammar.session] = self.ordered.sessions and state.events > 0 and later.any()
        return now, later

    def _next_times(self, state: ComposedState) -> Feasible:
        """The possible times of the next event."""
        return state.feasible.next_event() if state.events else state.feasible

    def _with_possible_times(self, free: Mask, feasible: Feasible, new: bool) -> Mask:
        """(V,) those of the tokens whose times some instant agrees with; with `new`, they begin an event."""
        for number in np.unique(self.time[free]).tolist():
            times = self.times[number]
            if (times.parts or times.span > 1 or new) and not self._is_possible(times, feasible):
                free = free & (self.time != number)
        return free

    def _is_possible(self, times: _Times, feasible: Feasible) -> bool:
        at, values = 0, self.ordered.time.values if self.ordered.time is not None else None
        for event in range(times.span):
            if event:
                feasible = feasible.next_event()
            while at < len(times.parts) and times.parts[at][0] == event:
                _, place, token = times.parts[at]
                if values is not None and values[token] < 0:
                    return False
                feasible, at = feasible.push(token, place), at + 1
            if not feasible.possible:
                return False
        return True

    def after(self, state: State, token: int) -> State:
        """The state after a token that is allowed; the first token of an event turns a header's state into it."""
        grammar = self.tables.grammar
        if isinstance(state, WritingState):
            if token not in self.pieces and not (grammar.start[token] and grammar.place[token] >= self.header):
                return self.ordered.after(state, token)
            header = (state.event,) if state.event else ()
            return replace(self._after(self._begin_events(state), token), finished=header)
        return self._after(replace(state, finished=()), token)

    def _after(self, state: ComposedState, token: int) -> ComposedState:
        grammar = self.tables.grammar
        if token == grammar.session:
            opened = self._open_next(state)
            return replace(opened, feasible=replace(opened.feasible, opens_session=True), session=True)
        if token in self.pieces:
            for number, tokens in enumerate(_split(self.pieces[token])):
                # the first event of a composite may be the current one; each further one begins
                if number or not state.open or self._clashes(state, tokens):
                    state = self._open_next(state)
                for each in tokens:
                    state = self._add(state, each, self.levels.get(each, 0))
            return replace(state, tail=replace(state.tail, place=-1, last=-1), level=0)
        if grammar.start[token]:
            if not state.open or self._clashes(state, [token]):
                state = self._open_next(state)
            tail = WritingState(state.feasible, place=int(grammar.place[token]), last=token)
            return replace(self._add(state, token, 0), tail=tail, level=0)
        place = int(grammar.place[token])
        if place >= 0 and place != state.tail.place:  # a deeper level that stands apart from its part
            tail, level = WritingState(state.feasible, place=place, last=token), self.levels.get(token, 0)
        else:
            tail, level = self.ordered.after(state.tail, token), max(state.level, self.levels.get(token, 0))
        parts = list(state.parts)
        part = tail.place - self.header
        parts[part] = (*parts[part], (level, token))
        return replace(state, parts=tuple(parts), tail=tail, level=level)

    def end_event(self, state: State) -> ComposedState:
        """The state after the current header or event."""
        if isinstance(state, WritingState):
            return self._begin_events(state)
        return replace(self._end(state), finished=())

    def end_field(self, state: State) -> State:
        """In a header, the state in which nothing may be added to the current field."""
        return self.ordered.end_field(state) if isinstance(state, WritingState) else state

    def event(self, state: State) -> Event:
        """The base tokens of the current header or event, in the order of its parts."""
        if isinstance(state, WritingState):
            return state.event
        opening = [self.tables.grammar.session] if state.session else []
        parts = (sorted(part, key=lambda entry: entry[0]) for part in state.parts)
        return (*opening, *(token for part in parts for _, token in part))

    def _end(self, state: ComposedState) -> ComposedState:
        return replace(
            state,
            parts=((),) * self.parts,
            tail=replace(state.tail, place=-1, last=-1),
            open=False,
            session=False,
            finished=(*state.finished, self.event(state)),
        )

    def _open_next(self, state: ComposedState) -> ComposedState:
        """End the current event, if one is open, and begin the next."""
        state = self._end(state) if state.open else state
        return replace(state, feasible=self._next_times(state), open=True, session=False, events=state.events + 1)

    def _clashes(self, state: ComposedState, tokens: list[int]) -> bool:
        """Return True if a part that these tokens begin is there already."""
        first_slots = self._mark_state(state)[: self.parts]
        begun = ([slot for slot in self._slots_of(token) if slot < self.parts] for token in tokens)
        return any(first_slots[slots].any() for slots in begun)

    def _add(self, state: ComposedState, token: int, level: int) -> ComposedState:
        place, parts = int(self.tables.grammar.place[token]), list(state.parts)
        parts[place - self.header] = (*parts[place - self.header], (level, token))
        start = bool(self.tables.grammar.start[token])
        feasible = state.feasible.push(token, place) if start else state.feasible
        return replace(state, parts=tuple(parts), feasible=feasible)

    def earlier_events(self, token: int) -> list[int]:
        """The base tokens of all events of a token but its last, in an order in which they may be written."""
        events = _split(self.pieces[token])[:-1] if token in self.pieces else []
        starts = self.tables.grammar.start
        return [each for tokens in events for each in sorted(tokens, key=lambda token: not starts[token])]


def _split(pieces: tuple[CompositePart, ...]) -> list[list[int]]:
    """The tokens of each event of a composite."""
    events: list[list[int]] = [[] for _ in range(pieces[-1].event + 1)]
    for piece in pieces:
        events[piece.event].append(piece.token)
    return events
