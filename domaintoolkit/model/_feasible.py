"""The instants that the events of a history being written can have.

After each event a few intervals of them are kept: not all there are, but each agrees with every token so far, so
whatever continues one of them decodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import TimestampEncoder
from domaintoolkit.encoders._calendar import DAY, WEEKDAYS
from domaintoolkit.encoders._matching import Interval, Moment, matching
from domaintoolkit.encoders._zones import YEARS_END
from domaintoolkit.model._rules import Rules

__all__ = ["Feasible", "TimeField"]

KEPT = 16
"""Intervals that are kept after an event."""
EVERY = Moment()
HORIZON = 40 * 366 * DAY
"""How far ahead a calendar part is looked for; every date, and every date of a weekday, comes within 40 years."""


@dataclass(frozen=True, eq=False)
class TimeField:
    """The field of the schema's time column: where its parts are, and what their tokens say."""

    encoder: TimestampEncoder
    first_place: int
    values: NDArray[np.int64]
    """(V,): the value of a calendar part, or the bucket of a delta."""

    @classmethod
    def of(cls, encoder: TimestampEncoder, first_place: int, rules: Rules) -> TimeField:
        values = np.zeros(len(rules.key), np.int64)
        for number, name in enumerate(encoder.parts):
            for order, token in enumerate(np.flatnonzero(rules.starts[first_place + number])):
                key = rules.key[token]
                if rules.kind[token] == "delta":
                    assert encoder.buckets is not None
                    values[token] = encoder.buckets.names.index(key)
                elif rules.kind[token] == name:
                    values[token] = WEEKDAYS.index(key) if name == "weekday" else int(key)
                else:
                    values[token] = -1 - order
        return cls(encoder, first_place, values)

    def part(self, place: int) -> str | None:
        """The name of the part at a place; None if it is none of this field's."""
        at = place - self.first_place
        return self.encoder.parts[at] if 0 <= at < len(self.encoder.parts) else None


@dataclass(frozen=True)
class Feasible:
    """Immutable. `intervals` are those of the event before, or the day of the anchor before the first event."""

    field: TimeField | None
    intervals: tuple[Interval, ...]
    first: bool
    strict: bool = False
    """Whether every event must be later than the one before it."""
    moment: Moment = EVERY
    ahead: tuple[Interval, ...] | None = None
    """The intervals of the event being written, once its delta is known."""

    def allowed(self, place: int, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `tokens`, which begin the part at `place`, that some instant agrees with."""
        name = self.field.part(place) if self.field is not None else None
        if self.field is None or name is None:
            return tokens
        tokens = tokens[self.field.values[tokens] >= 0]
        if name == "delta":
            good = [bool(self._after(int(self.field.values[token]), 1)) for token in tokens]
        else:
            good = [self._possible(name, int(self.field.values[token])) for token in tokens]
        return tokens[np.array(good, np.bool_)]

    def _possible(self, name: str, value: int) -> bool:
        assert self.field is not None
        moment = self.moment._replace(**{name: value})
        return any(True for _ in islice(self._from(moment), 1))

    def _from(self, moment: Moment) -> list[Interval]:
        """A first interval of those that the event can have, its delta left open."""
        assert self.field is not None
        zone = self.field.encoder.zone
        if self.first:
            spans = self.intervals
        else:
            begin = min(low for low, _ in self.intervals) + self.strict
            spans = ((begin, min(YEARS_END, begin + HORIZON) if moment.year < 0 else YEARS_END),)
        return [found for low, high in spans for found in islice(matching(zone, moment, low, high), KEPT)]

    def _after(self, bucket: int, count: int) -> list[Interval]:
        """Intervals at a delta of that bucket after those of the event before."""
        assert self.field is not None
        encoder = self.field.encoder
        assert encoder.buckets is not None
        if (bucket == 0) != self.first:
            return []
        if self.first:
            return self._from(self.moment)
        shift, limit = encoder.buckets.span(bucket)
        shift = max(shift, int(self.strict))
        if shift >= limit:
            return []
        found: list[Interval] = []
        for low, high in self.intervals:
            stop = min(high - 1 + limit, YEARS_END)
            found += islice(matching(encoder.zone, self.moment, low + shift, stop), count)
            if len(found) >= count:
                break
        return found

    def push(self, token: int, place: int) -> Feasible:
        """After a token that begins the part at `place`."""
        name = self.field.part(place) if self.field is not None else None
        if self.field is None or name is None:
            return self
        value = int(self.field.values[token])
        if name == "delta":
            return replace(self, ahead=tuple(self._after(value, KEPT)))
        return replace(self, moment=self.moment._replace(**{name: value}))

    def next_event(self) -> Feasible:
        """After an event."""
        if self.field is None:
            return replace(self, first=False)
        ahead = self.ahead if self.ahead is not None else tuple(self._from(self.moment))
        return replace(self, intervals=ahead, first=False, moment=EVERY, ahead=None)
