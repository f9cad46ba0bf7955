"""The instants that the events of a history being written can have.

The tokens of a time leave a set of instants: "Tuesday, 5 o'clock" is an hour every week. A history decodes if instants
exist that agree with all tokens of their events and with the time tokens between neighbours. `Feasible` carries these
sets forward as intervals: the next event's are the instants at or after the last ones (or later by a delta of its
bucket) that match the calendar parts of its tokens. A set may have very many intervals, so only some are kept, the
first and the last among them. Each interval that is kept agrees with every token so far. So a token that leaves one of
them possible can be decoded, and the mask refuses some tokens that would decode, but allows none that would not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import TimestampEncoder
from domaintoolkit.generate.constraints.token_tables import TokenTables
from domaintoolkit.times.calendar import DAY, WEEKDAYS
from domaintoolkit.times.intervals import Interval, Moment, matching
from domaintoolkit.times.zones import YEARS_END

__all__ = ["Feasible", "TimeField"]

USUAL = 366 * DAY
"""The time after an event, in µs, within which the next is expected if there is no delta to tell."""
SAME = 1
"""The bucket of a delta of zero: the event is at the instant of the event before it."""
FOUND = 4096
"""The most intervals that are computed after an event."""
KEPT = 256
"""The most intervals that are kept of them: the first, the last, and others evenly spaced."""
EVERY = Moment()
HORIZON = 40 * 366 * DAY
"""The longest time after an event without a delta in which the next is looked for, in µs.

Every date on every weekday comes within 40
years; a year that is given may be any."""


@dataclass(frozen=True, eq=False)
class TimeField:
    """The field of the schema's time column: the places of its parts, and the values of their tokens."""

    encoder: TimestampEncoder
    first_place: int
    values: NDArray[np.int64]
    """(V,) the value of a calendar part, or the bucket of a delta; below 0 if the token gives none, as null does."""

    @property
    def usual_gap(self) -> int:
        """The time after an event, in µs, within which the next is expected: up to the last edge of the deltas."""
        buckets = self.encoder.buckets
        return USUAL if buckets is None else max(buckets.edges[-1], DAY)

    @classmethod
    def of(cls, encoder: TimestampEncoder, first_place: int, tables: TokenTables) -> TimeField:
        """The time field of an encoder whose first part is at `first_place`."""
        values = np.zeros(len(tables.key), np.int64)
        for number, name in enumerate(encoder.parts):
            for order, token in enumerate(np.flatnonzero(tables.starts[first_place + number])):
                key = tables.key[token]
                if tables.kind[token] == "delta":
                    assert encoder.buckets is not None
                    values[token] = encoder.buckets.names.index(key)
                elif tables.kind[token] == name:
                    values[token] = WEEKDAYS.index(key) if name == "weekday" else int(key)
                else:
                    values[token] = -1 - order
        return cls(encoder, first_place, values)

    def part(self, place: int) -> str | None:
        """The name of the part at a place; None if it belongs to another field."""
        number = place - self.first_place
        return self.encoder.parts[number] if 0 <= number < len(self.encoder.parts) else None


@dataclass(frozen=True)
class Feasible:
    """The possible times of the current event, as far as its tokens are known. Immutable.

    The tokens of an event's time may come in any order: composites do not keep it.
    """

    field: TimeField | None
    """None if the schema has no time column: everything is possible."""
    intervals: tuple[Interval, ...]
    """The possible instants of the event before, in µs; before the first event, the day of the anchor."""
    first: bool
    """The current event is the first of its history."""
    strict: bool = False
    """The current event must be later than the event before it, and not at the same instant."""
    tied: bool = False
    """The current event must be at the instant of the event before it."""
    following: Literal["tied", "later"] | None = None
    """The next event must be at the instant of the current one, or later; None if it may be either."""
    moment: Moment = EVERY
    """The calendar parts of the current event that are known."""
    bucket: int | None = None
    """The bucket of the time since the event before, once it is known."""
    known: tuple[Interval, ...] | None = None
    """The instants of the current event, if it was given with its time and not written."""
    gap: int | None = None
    """The µs without an event after which a session begins; None if times do not make sessions."""
    opens_session: bool = False
    """The current event begins with a session token."""

    def filter_tokens(self, place: int, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `tokens`, start tokens of the part at `place`, that some instant agrees with."""
        if self.field is None or self.field.part(place) is None:
            return tokens
        tokens = tokens[self.field.values[tokens] >= 0]
        found = [self.push(int(token), place) for token in tokens]
        usual = np.array([each.is_usual for each in found], np.bool_)
        return tokens[usual if usual.any() else np.array([each.possible for each in found], np.bool_)]

    @property
    def is_tied(self) -> bool:
        """True if the tokens so far say that the event is at the instant of the event before it."""
        return self.bucket == SAME

    @property
    def possible(self) -> bool:
        """True if some instant agrees with all tokens of the current event so far."""
        return self.field is None or bool(self._match(1))

    @property
    def is_usual(self) -> bool:
        """True if an instant within the usual time after the event before agrees with all tokens so far.

        Without it, calendar parts that no near day has together would move a history by decades.
        """
        if self.field is None:
            return True
        found = self._match(1)
        if self.first or self.bucket is not None or not found:
            return bool(found)
        # the earliest instant of the event, against the latest of the event before
        return found[0][0] < max(high for _, high in self.intervals) + self.field.usual_gap

    def _match(self, count: int) -> list[Interval]:
        """The first `count` intervals of the current event, or a few more, in order."""
        assert self.field is not None
        encoder, moment = self.field.encoder, self.moment
        if not self.intervals:
            return []
        if self.first:
            # it lies on the day of the anchor; the delta of a first event is "none", bucket 0
            spans = list(self.intervals) if self.bucket in (None, 0) else []
        elif self.bucket is None:
            shift, limit = self._bounds()
            if limit is not None:
                spans = self._shift(shift, limit)
            else:
                # anything from the earliest instant before; a year that is given bounds the search by itself
                begin = min(low for low, _ in self.intervals) + shift
                spans = [(begin, min(YEARS_END, begin + HORIZON) if moment.year < 0 else YEARS_END)]
        else:
            spans = self._add_delta(self.bucket)
        found: list[Interval] = []
        for low, high in spans:
            found += islice(matching(encoder.zone, moment, low, high), count)
            if len(found) >= count:
                break
        return found

    def _add_delta(self, bucket: int) -> list[Interval]:
        """The intervals of the event before, moved by all deltas of a bucket; none if the bucket is empty."""
        assert self.field is not None
        buckets = self.field.encoder.buckets
        assert buckets is not None
        if bucket == 0:  # "none", which only a first event has
            return []
        (shift, limit), (least, most) = buckets.span(bucket), self._bounds()
        return self._shift(max(shift, least), limit if most is None else min(limit, most))

    def _bounds(self) -> tuple[int, int | None]:
        """The current event is at least so many µs after the event before it, and less than so many if not None."""
        if self.tied:
            # at the same instant: 0 µs later, and less than 1. An event that opens a session by a gap cannot be (1, 0)
            return (1, 0) if self.gap is not None and self.opens_session else (0, 1)
        if self.gap is None:
            return int(self.strict), None
        return (self.gap, None) if self.opens_session else (int(self.strict), self.gap)

    def _shift(self, shift: int, limit: int) -> list[Interval]:
        """The intervals of the event before, moved by `shift` to `limit - 1` µs."""
        if shift >= limit:
            return []
        # instants low to high - 1 and deltas shift to limit - 1 add up to low + shift ... high - 1 + limit - 1
        return _merge([(low + shift, min(high - 1 + limit, YEARS_END)) for low, high in self.intervals])

    def push(self, token: int, place: int) -> Feasible:
        """The times after a token that begins the part at `place`."""
        name = self.field.part(place) if self.field is not None else None
        if self.field is None or name is None:
            return self
        value = int(self.field.values[token])
        if name == "delta":
            return replace(self, bucket=value)
        return replace(self, moment=self.moment._replace(**{name: value}))

    @cached_property
    def _next(self) -> Feasible:
        intervals = self.known
        if intervals is None and self.field is not None:
            found = self._match(FOUND)
            # evenly spaced, the first and the last among them
            chosen = range(len(found)) if len(found) <= KEPT else np.linspace(0, len(found) - 1, KEPT).astype(int)
            intervals = tuple(found[number] for number in chosen)
        strict, tied = self.following == "later", self.following == "tied"
        return Feasible(self.field, intervals or (), first=False, strict=strict, tied=tied, gap=self.gap)

    def next_event(self, opens_session: bool = False) -> Feasible:
        """The times of the next event, of which no token is known but the session token."""
        return replace(self._next, opens_session=True) if opens_session and self.gap is not None else self._next


def _merge(spans: list[Interval]) -> list[Interval]:
    """The same instants in rising intervals that do not touch."""
    merged: list[Interval] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
