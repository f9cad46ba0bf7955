"""One history as it is being written in base tokens, and where to go back to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import VocabularyError
from domaintoolkit.generate.constraints.canonical_histories import Checks
from domaintoolkit.generate.constraints.next_tokens import State, Writer

__all__ = ["EVENT_TRIES", "Draft", "Line", "PlainDraft"]

FIELD_TRIES = 8
"""How often a field is written again before it is left null."""
EVENT_TRIES = 8
"""How often an event is written again before the history ends without it."""


class Line(Protocol):
    """What a reader is asked to go on with."""

    @property
    def context(self) -> Sequence[int]:
        """The tokens so far."""

    @property
    def whole(self) -> int:
        """Tokens up to which positions of the event model are whole, and will not change."""

    @property
    def state(self) -> Any:
        """What may come next."""

    @property
    def done(self) -> bool:
        """Whether it is asked for no longer."""


class Draft(Line, Protocol):
    """A history that is sampled: tokens are taken one by one, and may be taken back."""

    @property
    def unbegun(self) -> bool:
        """Whether its header is still to be written."""

    @property
    def ids(self) -> list[int]:
        """The base tokens so far."""

    def allowed(self) -> NDArray[np.bool_]:
        """(V + 1,): what may come next, as a writer says it."""

    def take(self, token: int) -> None:
        """Put down what was drawn; or, where it shows that what is before it is no value, go back instead."""

    def stuck(self) -> None:
        """Nothing may come next."""


class PlainDraft:
    """A field is put the encoder's way when it is finished, and written anew where its tokens are no value.

    An event that does not decode together with what is before it is written anew, later than the one before it.
    """

    def __init__(
        self, checks: Checks, writer: Writer, ids: list[int], state: State, wanted: int, longest: int | None
    ) -> None:
        self.checks, self.writer, self.longest = checks, writer, longest
        self.ids, self.state = ids, state
        self.wanted = wanted
        """Events to be begun in all."""
        whole = len(ids) if len(ids) > 1 or not writer.header else 0
        self.whole = whole
        self.checked = len(ids)
        """Tokens up to which fields are known to be the encoder's way."""
        self.field_mark: State | None = None
        self.event_mark: State | None = None
        self.field_tries = self.event_tries = 0
        self.done = False

    @property
    def context(self) -> list[int]:
        """The tokens so far."""
        return self.ids

    @property
    def unbegun(self) -> bool:
        """Whether its header is still to be written."""
        return not self.whole

    def allowed(self) -> NDArray[np.bool_]:
        """(V + 1,): what may come next."""
        return self.writer.allowed(self.state)

    def take(self, token: int) -> None:
        """Put down what was drawn, or go back."""
        if token == self.writer.onward:
            self.state = self.writer.after(self.state, token)
            if self.state.closed:
                self.settle()
        elif self.writer.begins(token) and not self.settle():
            return
        elif self.longest is not None and self.whole and len(self.ids) >= self.longest:
            self._end()
        else:
            self._mark(token)
            self._put(token)
            if not self.writer.continuing(self.state).any():
                self.settle()

    def stuck(self) -> None:
        """Years without a token are not written, so the calendar can end; or, with no year at all, never begin."""
        if self.unbegun:
            place = self.checks.rules.grammar.part_names[self.state.following]
            raise VocabularyError(f"no history can be started: no token that may be drawn begins the part {place!r}")
        if self.writer.finished(self.state) and not self.settle():
            return
        if self.whole == len(self.ids):
            self.done = True
        else:
            self._rewrite()

    def _put(self, token: int) -> None:
        self.state = self.writer.after(self.state, token)
        self.ids.append(token)

    def _mark(self, token: int) -> None:
        """Remember where a field or an event begins."""
        if not self.writer.begins(token):
            return
        grammar, state, writer = self.checks.rules.grammar, self.state, self.writer
        following = writer.header if state.following == writer.end else state.following
        if following == writer.header and not state.session:
            self.event_mark = state
        if token != grammar.session and self.checks.first_place(following) == following:
            self.field_mark = state

    def settle(self) -> bool:
        """Check what has just been finished. False if the history has changed, or is done."""
        state = self.state
        if state.place < 0 or state.session or self.checked >= len(self.ids):
            return not self.done
        if state.following != self.checks.rules.last_place(state.place):
            return True
        kept = self._settle_field()
        if kept is None:
            return False
        if self.state.following == self.writer.header and not self.state.events:
            self.whole = len(self.ids)
        whole = self.state.following != self.writer.end or self._settle_event()
        return kept and whole

    def _settle_field(self) -> bool | None:
        """Put a finished field the encoder's way. False if that changed it, None if it was taken back."""
        check = self.checks.fields.get(self.checks.first_place(self.state.place))
        mark = self.field_mark
        if check is None or mark is None:
            self.checked = len(self.ids)
            return True
        written = tuple(self.ids[mark.length :])
        wanted = check.canonical(written)
        if wanted is None:
            self.field_tries += 1
            if self.field_tries < FIELD_TRIES or check.null is None:
                self._back(mark)
                return None
            wanted = (check.null,)
        if wanted != written:
            self._back(mark)
            for token in wanted:
                self._put(token)
            self.state = replace(self.state, closed=True)
        self.checked, self.field_tries = len(self.ids), 0
        return wanted == written

    def _settle_event(self) -> bool:
        """Decode the history so far."""
        if not self.checks.decodes(self.ids):
            self._rewrite()
            return False
        self.whole, self.event_tries = len(self.ids), 0
        self.done = self.state.events >= self.wanted
        return not self.done

    def _rewrite(self) -> None:
        """Write an event anew, later than the one before it."""
        self.event_tries += 1
        self.done = self.event_tries >= EVENT_TRIES
        mark = self.event_mark
        if mark is None:
            self.done = True
            return
        self._back(replace(mark, feasible=replace(mark.feasible, strict=True)) if mark.events else mark)

    def _end(self) -> None:
        """Stop at the last whole event."""
        if self.event_mark is not None and self.whole < len(self.ids):
            self._back(self.event_mark)
        self.done = True

    def _back(self, state: State) -> None:
        """Take back what was written after `state`."""
        del self.ids[state.length :]
        self.state = replace(state, closed=True)
        self.checked = min(self.checked, state.length)
