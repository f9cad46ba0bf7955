"""One history as it is being written, and the places that it can go back to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from domaintoolkit.errors import VocabularyError
from domaintoolkit.generate.constraints.canonical_histories import CanonicalHistories
from domaintoolkit.generate.constraints.next_tokens import Event, Mask, Writer

__all__ = ["Draft", "Line", "Prompt"]

FIELD_TRIES = 8
"""The number of attempts at a field before it is left null."""
EVENT_TRIES = 8
"""The number of attempts at an event before the history ends without it."""
TIED_TRIES = 4
"""The number of attempts at an event at the instant of the event before it."""


class Line(Protocol):
    """A history, as a model that scores its next token sees it."""

    @property
    def context(self) -> Sequence[int]:
        """The tokens so far."""

    @property
    def whole(self) -> int:
        """Tokens of the header and of whole events, which will not change; 0 while the header is written."""

    @property
    def state(self) -> Any:
        """The state of its writer."""

    @property
    def done(self) -> bool:
        """True if it needs no more scores."""


class Prompt(NamedTuple):
    """The beginning of a draft: BOS alone, a header, or a history of whole events."""

    ids: list[int]
    """Base tokens."""
    context: list[int]
    """The same history as the model reads it."""
    state: Any
    unbegun: bool
    """The header is still to be written."""


class _Mark(NamedTuple):
    """The position at which the current header or event begins."""

    state: Any
    length: int
    """Tokens of the context before it."""
    earlier: tuple[int, ...] = ()
    """Base tokens of the event before it, from a composite that ended that event and began this one."""


class Draft:
    """A history that is sampled: `context` is what the model reads, `ids` are the base tokens of whole events.

    A finished event is compared with the way its encoders write it, and is decoded with all before it:

    - If a field has other tokens than its encoder gives, it gets those, and all later fields are drawn again. Tokens of
      an event of composites come in any order, so there the whole event is replaced, and nothing is drawn again.
    - A field without a value is drawn again, `FIELD_TRIES` times, then null; in an event of composites it is null.
    - An event that does not decode is drawn again. One at the instant of the event before it does not decode if it
      sorts before that event, so it is drawn again at that instant, `TIED_TRIES` times; then it must be later.

    The tokens that are kept thus have the probabilities of the model after the tokens before them, as they are kept.

    Checks at the end of events are enough, since they fail so rarely. Of 640 events that models of 200 steps wrote
    for the samples, none had to be drawn again as a whole, and no field had no value; 4 of 2,816 fields of the finance
    sample, all texts, got other tokens, and 24 of 2,816 fields (finance event model). 23 of 640 events of composites
    were replaced (3.6%, ecommerce).
    """

    def __init__(
        self,
        checks: CanonicalHistories,
        writer: Writer,
        prompt: Prompt,
        wanted: int,
        longest: int | None = None,
        stop: Event = (),
    ) -> None:
        self.checks, self.writer, self.longest, self.stop = checks, writer, longest, stop
        self.ids, self.context = list(prompt.ids), list(prompt.context)
        self.state, self.unbegun = prompt.state, prompt.unbegun
        self.left = wanted
        """Events that are still to be written."""
        self.done = wanted <= 0
        self.ended: str | None = None
        """The reason why the history ends before all events that were wanted."""
        self.mark = _Mark(self.state, len(self.context))
        self.field_tries: Counter[int] = Counter()
        """The number of attempts at each field of the current event that gave no value."""
        self.event_tries = 0

    @property
    def whole(self) -> int:
        """Tokens of the header and of whole events; 0 while the header is written."""
        return 0 if self.unbegun else len(self.ids)

    def mask_next(self) -> Mask:
        """(V + 1,) True for what may come next."""
        return self.writer.mask_next(self.state)

    def take(self, token: int) -> None:
        """Add what was drawn; or, if it shows that an event before it must change, go back."""
        before, after = self.state, self.writer.after(self.state, token)
        if after.finished and not self._settle(after.finished):
            return
        if token != self.writer.skip:
            if self.longest is not None and not self.unbegun and len(self.context) >= self.longest:
                self._end(f"it would be longer than {self.longest} tokens")
                return
            if after.finished or not self.writer.is_open(before):
                self.mark = self._begin_event(before, token)
            self.context.append(token)
        self.state = after
        if self.writer.is_over(after):
            self._finish()

    def stuck(self) -> None:
        """Go on when nothing may come next: the calendar ends with the last year that has a token."""
        if self.unbegun:
            place = self.checks.tables.grammar.part_names[self.state.following]
            raise VocabularyError(f"no history can be started: no token that may be drawn begins the part {place!r}")
        if not self.writer.is_open(self.state):
            self._end("no later date has a token for its year")
        elif self.writer.is_complete(self.state):
            self._finish()
        else:
            self._rewrite()

    def _end(self, reason: str) -> None:
        self.done, self.ended = True, reason

    def _finish(self) -> None:
        """End the current event, to which nothing can be added."""
        if self._settle((self.writer.event(self.state),)):
            self.state = self.writer.end_event(self.state)

    def _begin_event(self, before: Any, token: int) -> _Mark:
        """The beginning of the event that `token`, drawn in the state `before`, belongs to."""
        earlier = tuple(self.writer.earlier_events(token))
        for each in earlier:
            before = self.writer.after(before, each)
        if self.writer.is_open(before):
            before = self.writer.end_event(before)
        return _Mark(before, len(self.context), earlier)

    def _settle(self, events: tuple[Event, ...]) -> bool:
        """Add a finished header or finished events to `ids`. False if the history has changed, or is done."""
        canonical = self._canonical(events[0])
        if canonical is None:
            return False
        # only the first is compared: further ones lie whole within one composite
        kept = canonical == events[0]
        if not self._accept(events if kept else (canonical,)):
            return False
        if not kept:
            self._go_on_after(canonical)
            self.state = self.writer.end_event(self.state)
        return kept and not self.done

    def _canonical(self, event: Event) -> Event | None:
        """A header or an event as its encoders write it; None if some of it has to be drawn again."""
        in_order = self.writer.is_in_order(self.state)
        fields = self.checks.split_fields(event)
        written: Event = ()
        for number, field in enumerate(fields):
            wanted = self.checks.rewrite_field(field, event)
            if wanted is None:
                self.field_tries[number] += 1
                null = self.checks.null_of(field)
                if in_order and (self.field_tries[number] < FIELD_TRIES or null is None):
                    self._go_on_after(written)
                    return None
                if null is None:
                    self._rewrite()
                    return None
                wanted = (null,)
            written += wanted
            if in_order and wanted != field and number + 1 < len(fields):
                self._go_on_after(written)
                return None
        return written

    def _accept(self, events: tuple[Event, ...]) -> bool:
        """Add a header or events to `ids`, if they decode."""
        if self.unbegun:
            self.ids += events[0]
            self.unbegun = False
        else:
            found = list(self.ids)
            for event in events:
                found += event
                if not self.checks.decodes(found):
                    self._rewrite()
                    return False
            # a composite may bring more events than were wanted
            for event in events[: self.left]:
                self.ids += event
            self.left = max(0, self.left - len(events))
            self.done = self.left == 0 or any(_holds(event, self.stop) for event in events)
            self.event_tries = 0
        self.field_tries.clear()
        return True

    def _rewrite(self) -> None:
        """Draw the current event again; it must be later than the one before it."""
        self.event_tries += 1
        if self.event_tries >= EVENT_TRIES:
            self._end(f"{EVENT_TRIES} drawn events in turn had no valid time")
        self.field_tries.clear()
        state = self.mark.state
        if state.events:
            # the choice to share an instant is kept: dropping it would make ties rarer than the model has them
            tied = self.event_tries <= TIED_TRIES and self.writer.is_tied(self.state)
            state = replace(state, feasible=replace(state.feasible, following="tied" if tied else "later"))
        self.mark = self.mark._replace(state=state)
        self._go_on_after(())

    def _go_on_after(self, tokens: Sequence[int]) -> None:
        """Put base tokens of whole fields in the place of the current header or event."""
        # a composite that ended the event before was drawn as one token: its part there is put back in base tokens
        self.context[self.mark.length :] = [*self.mark.earlier, *tokens]
        self.state = self.mark.state
        for token in tokens:
            self.state = self.writer.after(self.state, token)
        self.state = self.writer.end_field(self.state)


def _holds(event: Event, tokens: Event) -> bool:
    """Return True if these tokens come one after another in an event."""
    size = len(tokens)
    return size > 0 and any(event[at : at + size] == tokens for at in range(len(event) - size + 1))
