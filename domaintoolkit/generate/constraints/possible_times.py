"""The instants that the events of a history being written can have.

After each event a few intervals of them are kept: not all there are, but each agrees with every token so far, so
whatever continues one of them decodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import TimestampEncoder
from domaintoolkit.generate.constraints.token_tables import Rules
from domaintoolkit.times.calendar import DAY, WEEKDAYS
from domaintoolkit.times.intervals import Interval, Moment, matching
from domaintoolkit.times.zones import YEARS_END

__all__ = ["Feasible", "TimeField"]

FOUND = 4096
"""Intervals that are looked for after an event."""
KEPT = 256
"""Those of them that are kept: the first, the last, and others at even distances."""
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
    """Immutable. `intervals` are those of the event before, or the day of the anchor before the first event.

    The tokens of an event's time may come in any order.
    """

    field: TimeField | None
    intervals: tuple[Interval, ...]
    first: bool
    strict: bool = False
    """Whether every event must be later than the one before it."""
    moment: Moment = EVERY
    bucket: int | None = None
    """The time since the event before, once it is known."""
    ahead: tuple[Interval, ...] | None = None
    """The intervals of the event, where it was given and not written."""

    def allowed(self, place: int, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `tokens`, which begin the part at `place`, that some instant agrees with."""
        if self.field is None or self.field.part(place) is None:
            return tokens
        tokens = tokens[self.field.values[tokens] >= 0]
        return tokens[np.array([self.push(int(token), place).possible for token in tokens], np.bool_)]

    @property
    def possible(self) -> bool:
        """Whether some instant agrees with all that has been said of the event."""
        return self.field is None or bool(self._agreeing(1))

    def _agreeing(self, count: int) -> list[Interval]:
        """The first intervals of those that the event can have, in order."""
        assert self.field is not None
        encoder, moment = self.field.encoder, self.moment
        if not self.intervals:
            return []
        if self.first:
            spans = list(self.intervals) if self.bucket in (None, 0) else []
        elif self.bucket is None:
            begin = min(low for low, _ in self.intervals) + self.strict
            spans = [(begin, min(YEARS_END, begin + HORIZON) if moment.year < 0 else YEARS_END)]
        else:
            spans = self._delayed(self.bucket)
        found: list[Interval] = []
        for low, high in spans:
            found += islice(matching(encoder.zone, moment, low, high), count)
            if len(found) >= count:
                break
        return found

    def _delayed(self, bucket: int) -> list[Interval]:
        """Where a delta of that bucket leads to from the intervals of the event before."""
        assert self.field is not None
        buckets = self.field.encoder.buckets
        assert buckets is not None
        if bucket == 0:
            return []
        shift, limit = buckets.span(bucket)
        shift = max(shift, int(self.strict))
        if shift >= limit:
            return []
        return _union([(low + shift, min(high - 1 + limit, YEARS_END)) for low, high in self.intervals])

    def push(self, token: int, place: int) -> Feasible:
        """After a token that begins the part at `place`."""
        name = self.field.part(place) if self.field is not None else None
        if self.field is None or name is None:
            return self
        value = int(self.field.values[token])
        if name == "delta":
            return replace(self, bucket=value)
        return replace(self, moment=self.moment._replace(**{name: value}))

    @cached_property
    def _next(self) -> Feasible:
        ahead = self.ahead
        if ahead is None and self.field is not None:
            found = self._agreeing(FOUND)
            chosen = range(len(found)) if len(found) <= KEPT else np.linspace(0, len(found) - 1, KEPT).astype(int)
            ahead = tuple(found[at] for at in chosen)
        return replace(self, intervals=ahead or (), first=False, moment=EVERY, bucket=None, ahead=None)

    def next_event(self) -> Feasible:
        """After an event."""
        return self._next


def _union(spans: list[Interval]) -> list[Interval]:
    """The same instants in intervals that rise and do not touch."""
    merged: list[Interval] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
