"""One history as it is being written with composites, and where to go back to."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.generate.constraints.canonical_histories import Checks
from domaintoolkit.generate.constraints.composite_next_tokens import ComposedState, ComposedWriter
from domaintoolkit.generate.constraints.next_tokens import State
from domaintoolkit.generate.draft import EVENT_TRIES, PlainDraft

__all__ = ["ComposedDraft"]


class _Mark(NamedTuple):
    """Where an event begins: behind `length` tokens of the context, and these base tokens of the event before it,
    which the composite that began the event has brought."""

    state: ComposedState
    length: int
    extra: tuple[int, ...] = ()


class ComposedDraft:
    """The model reads `context`, which holds composites; `ids` are the base tokens of whole events.

    A finished event is put the encoder's way, and written anew where it does not decode together with what is
    before it.
    """

    def __init__(
        self,
        checks: Checks,
        writer: ComposedWriter,
        ids: list[int],
        context: list[int],
        state: State,
        wanted: int,
        longest: int | None,
    ) -> None:
        self.checks, self.writer, self.longest = checks, writer, longest
        self.ids, self.context = ids, context
        self.left = wanted - state.events
        """Events that are still to be written."""
        self.tries = 0
        self.done = False
        self.state, self.mark = writer.begun(state), _Mark(writer.begun(state), len(context))
        self.front: PlainDraft | None = None
        """The header, while it is being written."""
        if not state.events:
            self.front = PlainDraft(checks, writer.plain, ids, state, wanted, None)
            self._turn_to_events()

    @property
    def whole(self) -> int:
        """Tokens that will not change."""
        return len(self.ids)

    @property
    def unbegun(self) -> bool:
        """Whether its header is still to be written."""
        return self.front is not None

    def _turn_to_events(self) -> None:
        """Go on behind the header, once it is whole."""
        if self.front is not None and self.front.whole:
            self.state, self.front = self.writer.begun(self.front.state), None
            self.context = list(self.ids)
            self.mark = _Mark(self.state, len(self.context))

    def allowed(self) -> NDArray[np.bool_]:
        """(V + 1,): what may come next."""
        if self.front is None:
            return self.writer.allowed(self.state)
        state = self.front.state
        mask = self.front.allowed()
        if state.following == self.writer.header and not state.utf8:
            mask |= self.writer.allowed(self.writer.begun(state))
        return mask

    def take(self, token: int) -> None:
        """Put down what was drawn, or go back."""
        if self.front is not None and not self._take_header(token):
            return
        if self.longest is not None and len(self.context) >= self.longest:
            self.done = True
            return
        before, after = self.state, self.writer.after(self.state, token)
        if after.finished and not self._settled(after.finished):
            return
        if after.finished or not before.open:
            self.mark = self._begun_by(before, token)
        self.context.append(token)
        self.state = after

    def _take_header(self, token: int) -> bool:
        """Whether the header is whole, and the token is still to be taken."""
        front, grammar = self.front, self.checks.rules.grammar
        assert front is not None
        if token in self.writer.pieces or (grammar.start[token] and grammar.place[token] >= self.writer.header):
            kept = front.settle()
            self._turn_to_events()
            return kept and self.front is None
        front.take(token)
        self.context = list(front.ids)
        self._turn_to_events()
        return False

    def _begun_by(self, before: ComposedState, token: int) -> _Mark:
        """Where the event begins that a token has begun."""
        extra = tuple(self.writer.apart(token))
        for each in extra:
            before = self.writer.after(before, each)
        if before.open:
            before = self.writer.ended(before)
        return _Mark(replace(before, finished=()), len(self.context), extra)

    def stuck(self) -> None:
        """Years without a token are not written, so the calendar can end."""
        if self.front is not None:
            self.front.stuck()
        elif not self.state.open:
            self.done = True
        elif not self.writer.finished(self.state):
            self._rewrite()
        elif self._settled((self.writer.event(self.state),)):
            self.state = replace(self.writer.ended(self.state), finished=())
            self.mark = _Mark(self.state, len(self.context))

    def _settled(self, events: tuple[tuple[int, ...], ...]) -> bool:
        """Take finished events over into `ids`. False if the history has changed, or is done."""
        wanted = self.checks.event(events[0])
        if wanted is None:
            self._rewrite()
            return False
        kept = wanted == events[0]
        finished = events if kept else (wanted,)
        found = list(self.ids)
        for event in finished:
            found += event
            if not self.checks.decodes(found):
                self._rewrite()
                return False
        finished = finished[: self.left]
        for event in finished:
            self.ids += event
        self.left, self.tries = self.left - len(finished), 0
        self.done = self.left <= 0
        if not kept:
            self._go_on_behind(wanted)
        return kept and not self.done

    def _go_on_behind(self, event: tuple[int, ...]) -> None:
        """Put an event in base tokens in the place of what was written."""
        self._back()
        for token in event:
            self.state = self.writer.after(self.state, token)
            self.context.append(token)
        self.state = replace(self.writer.ended(self.state), finished=())
        self.mark = _Mark(self.state, len(self.context))

    def _rewrite(self) -> None:
        """Write an event anew, later than the one before it."""
        self._back()
        self.tries += 1
        self.done = self.tries >= EVENT_TRIES
        if self.state.events:
            self.state = replace(self.state, feasible=replace(self.state.feasible, strict=True))

    def _back(self) -> None:
        self.context[self.mark.length :] = self.mark.extra
        self.state = self.mark.state
