"""One history as it is being written with composites: which tokens may come next.

The tokens of an event come in any order, each part once; a composite brings several, and one across events ends
the current event and begins the next (see `composite.kernels._expand`, which reads such streams).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite import CompositeModel, CompositePart
from domaintoolkit.generate.constraints.next_tokens import State, Writer
from domaintoolkit.generate.constraints.possible_times import Feasible

__all__ = ["ComposedState", "ComposedWriter"]

Event = tuple[int, ...]
Mask = NDArray[np.bool_]
Cells = tuple[tuple[tuple[int, int], ...], ...]


@dataclass(frozen=True)
class ComposedState:
    """Immutable; `after` gives the next one."""

    feasible: Feasible
    """Of the current event, or of the one before where none has begun."""
    cells: Cells
    """Of each event part, its tokens so far, each behind its place within the part."""
    tail: State
    """What the last base token may be continued by."""
    key: int = 0
    """The place of the last base token within its part."""
    open: bool = False
    """Whether an event has begun."""
    session: bool = False
    """Whether it opens a session."""
    events: int = 0
    """Events begun."""
    finished: tuple[Event, ...] = ()
    """Base tokens of the events that the last token has ended."""


class _Time(NamedTuple):
    """What a token says of time: pieces of the time field, each with the number of its event."""

    span: int
    pieces: tuple[tuple[int, int, int], ...]
    """(event, place, token)"""


class ComposedWriter:
    """Gives the tokens that may follow, and the state after one of them. `plain` writes headers and tails."""

    def __init__(self, plain: Writer, model: CompositeModel) -> None:
        self.plain, self.rules = plain, plain.rules
        grammar = self.rules.grammar
        self.header, self.parts = grammar.header_parts, grammar.event_parts
        self.levels = dict(model.levels.tolist())
        """Continuation tokens that may stand anywhere in an event, and their place within their part."""
        size = len(grammar.place)
        self.pieces: dict[int, tuple[CompositePart, ...]] = dict(zip(model.ids.tolist(), model.pieces, strict=True))
        deeper = sorted({(int(grammar.place[t]), self._level(t)) for t in range(size) if self._level(t)})
        self.slots = {(self.header + part, 0): part for part in range(self.parts)}
        self.slots |= {cell: self.parts + number for number, cell in enumerate(deeper)}
        self.above = np.array([self.slots.get((place, level - 1), 0) for place, level in deeper], np.int64)
        """The slot that each deeper one needs to be filled."""
        self.needs: Mask = np.zeros((size, len(self.slots)), np.bool_)
        """(V, S): slots of its first event that each token fills."""
        self.usable: Mask = np.asarray(self.rules.starts[self.header :].any(0))
        """(V,): whether a token may stand anywhere in an event."""
        self.usable[list(self.levels)] = True
        self.span = np.ones(size, np.int64)
        times: dict[_Time, int] = {}
        self.time = np.array([times.setdefault(self._enter(token), len(times)) for token in range(size)], np.int64)
        """(V,): the number of what each token says of time."""
        self.times = list(times)
        self.opens: Mask = np.asarray(self.needs[:, : self.parts].any(1))
        """(V,): whether a token fills a part, and not only a deeper level of one."""
        self.alone = self._complete(self.needs)
        """(V,): whether a token is all of its first event."""

    def _level(self, token: int) -> int:
        """The level that a continuation token of an event part stands for; 0 for any other token."""
        if self.rules.grammar.place[token] < self.header or self.rules.grammar.start[token]:
            return 0
        return int(self.rules.level[token]) or int(self.levels.get(token, 0))

    def _slots_of(self, token: int) -> list[int]:
        """The slots that a base token of an event fills."""
        grammar = self.rules.grammar
        place = int(grammar.place[token])
        if grammar.start[token]:
            parts = range(place, place + int(grammar.fills[token]))
            # nothing goes on after null, wherever in the event that would stand
            null = self.rules.kind[token] == "null"
            return [slot for (part, level), slot in self.slots.items() if part in parts and (null or level == 0)]
        level = self._level(token)
        return [self.slots[place, level]] if level else []

    def _enter(self, token: int) -> _Time:
        """Note what a token fills; gives what it says of time."""
        grammar, time = self.rules.grammar, self.plain.time
        pieces = self.pieces.get(token)
        if pieces is None:
            if grammar.place[token] < self.header:
                return _Time(1, ())
            pieces = (CompositePart(0, token),)
        for piece in pieces:
            if piece.event == 0:
                self.needs[token, self._slots_of(piece.token)] = True
        span = pieces[-1].event + 1
        self.span[token] = span
        if token in self.pieces:
            inner = [self._filled(event) for event in split(pieces)[1:-1]]
            self.usable[token] = all(self._complete(filled[None])[0] for filled in inner)
        said = [(e, int(grammar.place[t]), t) for e, t in pieces if time is not None and grammar.start[t]]
        return _Time(span, tuple(sorted(found for found in said if time is not None and time.part(found[1]))))

    def _filled(self, tokens: list[int]) -> Mask:
        filled = np.zeros(len(self.slots), np.bool_)
        for token in tokens:
            filled[self._slots_of(token)] = True
        return filled

    def _complete(self, filled: Mask) -> Mask:
        """(N, S) to (N,): every part is there, and no level without the one above."""
        deeper = ~filled[:, self.parts :] | filled[:, self.above]
        return np.asarray(filled[:, : self.parts].all(1) & deeper.all(1))

    def begun(self, state: State) -> ComposedState:
        """Behind a header, or a history of whole events."""
        return ComposedState(
            self.plain.feasible(state), ((),) * self.parts, replace(state, closed=True), events=state.events
        )

    def allowed(self, state: ComposedState) -> Mask:
        """(V + 1,): what may come next, behind the header."""
        now, later = self._next(state)
        return now | later

    def turns(self, state: ComposedState) -> Mask:
        """(V + 1,): what may come next and shows that the current event is whole without it."""
        later: Mask = self._next(state)[1]
        return later if state.open else np.zeros_like(later)

    def finished(self, state: ComposedState) -> bool:
        """Whether the current event is whole, unless something is added to it."""
        return state.open and state.tail.utf8 == 0 and bool(self._complete(self._filled_by(state)[None])[0])

    def _filled_by(self, state: ComposedState) -> Mask:
        return self._filled([token for cell in state.cells for _, token in cell])

    def _next(self, state: ComposedState) -> tuple[Mask, Mask]:
        """What may come next: as part of the current event, and as the beginning of the next."""
        now, later = (np.zeros(self.plain.onward + 1, np.bool_) for _ in range(2))
        filled = self._filled_by(state)
        clash: Mask = np.asarray((self.needs & filled).any(1))
        if state.open:
            now[:-1] = self.plain.continuing(state.tail) & ~clash
        if state.tail.utf8:
            return now, later
        crossing = self.span > 1
        if state.open:
            free: Mask = np.asarray(self.usable & ~clash)
            ends = np.flatnonzero(free & crossing)
            free[ends] = self._complete(self.needs[ends] | filled)
            now[:-1] |= self._feasible(free, state.feasible, False)
        if not state.open or self._complete(filled[None])[0]:
            free = np.asarray(self.usable & self.opens & (~crossing | self.alone))
            later[:-1] = self._feasible(free, self._following(state), True)
            later[self.rules.grammar.session] = self.plain.sessions and state.events > 0 and later.any()
        return now, later

    def _following(self, state: ComposedState) -> Feasible:
        """What the time of the next event can be."""
        return state.feasible.next_event() if state.events else state.feasible

    def _feasible(self, free: Mask, feasible: Feasible, new: bool) -> Mask:
        """Those of the tokens whose times some instant agrees with."""
        for number in np.unique(self.time[free]).tolist():
            time = self.times[number]
            if (time.pieces or time.span > 1 or new) and not self._possible(time, feasible):
                free = free & (self.time != number)
        return free

    def _possible(self, time: _Time, feasible: Feasible) -> bool:
        at, values = 0, self.plain.time.values if self.plain.time is not None else None
        for event in range(time.span):
            if event:
                feasible = feasible.next_event()
            while at < len(time.pieces) and time.pieces[at][0] == event:
                _, place, token = time.pieces[at]
                if values is not None and values[token] < 0:
                    return False
                feasible, at = feasible.push(token, place), at + 1
            if not feasible.possible:
                return False
        return True

    def after(self, state: ComposedState, token: int) -> ComposedState:
        """The state after a token that is allowed."""
        grammar = self.rules.grammar
        state = replace(state, finished=())
        if token == grammar.session:
            return replace(self._opened(self.ended(state) if state.open else state), session=True)
        if token in self.pieces:
            for number, tokens in enumerate(split(self.pieces[token])):
                if number or not state.open or self._clashes(state, tokens):
                    state = self._opened(self.ended(state) if state.open else state)
                for each in tokens:
                    state = self._added(state, each, self.levels.get(each, 0))
            return replace(state, tail=replace(state.tail, place=-1, last=-1), key=0)
        if grammar.start[token]:
            if not state.open or self._clashes(state, [token]):
                state = self._opened(self.ended(state) if state.open else state)
            tail = State(state.feasible, place=int(grammar.place[token]), last=token)
            return replace(self._added(state, token, 0), tail=tail, key=0)
        place = int(grammar.place[token])
        if place >= 0 and place != state.tail.place:
            tail, key = State(state.feasible, place=place, last=token), self.levels.get(token, 0)
        else:
            tail, key = self.plain.after(state.tail, token), max(state.key, self.levels.get(token, 0))
        cells = list(state.cells)
        at = tail.place - self.header
        cells[at] = (*cells[at], (key, token))
        return replace(state, cells=tuple(cells), tail=tail, key=key)

    def ended(self, state: ComposedState) -> ComposedState:
        """The current event is whole."""
        return replace(
            state,
            cells=((),) * self.parts,
            tail=replace(state.tail, place=-1, last=-1),
            open=False,
            session=False,
            finished=(*state.finished, self.event(state)),
        )

    def event(self, state: ComposedState) -> Event:
        """The base tokens of the current event, in the order of its parts."""
        opening = [self.rules.grammar.session] if state.session else []
        cells = (sorted(cell, key=lambda each: each[0]) for cell in state.cells)
        return (*opening, *(token for cell in cells for _, token in cell))

    def _opened(self, state: ComposedState) -> ComposedState:
        return replace(state, feasible=self._following(state), open=True, session=False, events=state.events + 1)

    def _clashes(self, state: ComposedState, tokens: list[int]) -> bool:
        """Whether a part that these tokens begin is there already."""
        filled = self._filled_by(state)
        begun = filled[: self.parts]
        parts = ([slot for slot in self._slots_of(token) if slot < self.parts] for token in tokens)
        return any(begun[slots].any() for slots in parts)

    def _added(self, state: ComposedState, token: int, key: int) -> ComposedState:
        place, cells = int(self.rules.grammar.place[token]), list(state.cells)
        cells[place - self.header] = (*cells[place - self.header], (key, token))
        start = bool(self.rules.grammar.start[token])
        feasible = state.feasible.push(token, place) if start else state.feasible
        return replace(state, cells=tuple(cells), feasible=feasible)

    def apart(self, token: int) -> list[int]:
        """The base tokens of all events of a token but its last, in an order in which they may be written."""
        events = split(self.pieces[token])[:-1] if token in self.pieces else []
        return [t for tokens in events for t in sorted(tokens, key=lambda t: not self.rules.grammar.start[t])]


def split(pieces: tuple[CompositePart, ...]) -> list[list[int]]:
    """The tokens of each event of a composite."""
    found: list[list[int]] = [[] for _ in range(pieces[-1].event + 1)]
    for piece in pieces:
        found[piece.event].append(piece.token)
    return found
