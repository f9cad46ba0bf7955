"""Sessions, the order of events of one time, and what belongs to the entity: from the entity's histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.dependencies import Codes, combined, explained, group_spans, nesting, runs
from domaintoolkit.proposal.encoder_choice import is_hhmm
from domaintoolkit.proposal.entity_choice import EntityChoice
from domaintoolkit.proposal.time_choice import TimeChoice, offset_time
from domaintoolkit.times.calendar import DAY
from domaintoolkit.util.ragged import run_offsets

__all__ = ["SeenHistories", "is_batch"]

TIES = 0.0005
"""The share of events with the time of another from which on a column that counts them orders them."""

MANY_TIES = 0.01
"""The share from which on any column that counts rows does."""


@dataclass(frozen=True)
class SeenHistories:
    """The rows that were looked at as histories of entities."""

    entity: EntityChoice
    time: TimeChoice | None
    profiles: tuple[Profile, ...]

    @cached_property
    def codes(self) -> Codes:
        """(rows,): the entity of each row; -1 if it or the time is null."""
        codes = self.entity.codes
        return codes if self.time is None else np.where(self.time.there, codes, -1)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """The rows with an entity, by entity and time, those of one time as they stand in the file."""
        rows = np.flatnonzero(self.codes >= 0)
        times = np.zeros(len(rows), np.int64) if self.time is None else self.time.times[rows]
        return rows[np.lexsort((rows, times, self.codes[rows]))]

    @cached_property
    def _moments(self) -> Codes:
        """(rows,): a code for entity and time."""
        if self.time is None:
            return self.codes
        times = np.unique(self.time.times, return_inverse=True)[1].astype(np.int64)
        return combined(self.codes, np.where(self.time.there, times, -1))

    @cached_property
    def ties(self) -> float:
        """The share of events with the time of another event of their entity."""
        own = self._moments[self._moments >= 0]
        return float((np.bincount(own)[own] > 1).mean()) if len(own) else 0.0

    def find_relative_time(self) -> TimeChoice | None:
        """Numbers that count the time since a beginning, and grow in the order of the rows."""
        best: TimeChoice | None = None
        for profile in self.profiles:
            if profile.name in self.entity.names or profile.kind != "number" or profile.missing > 0.02:
                continue
            is_named = profile.means("offset") or profile.means("elapsed")
            is_stamp = profile.means("time") and profile.distinct > 50 and not is_hhmm(profile)
            growth = self._growth(profile) if is_named or is_stamp else 0.0
            if profile.distinct < 8 or growth < (0.97 if is_named else 0.995):
                continue
            if profile.numbers is not None and profile.numbers[profile.there].min() >= 0:
                made = offset_time(profile)
                if made is not None and (best is None or len(best.columns[0].values) < profile.distinct):
                    best = made
        return best

    def find_elapsed(self) -> TimeChoice | None:
        """A number that counts from the beginning of each history, if the time is only its date."""
        if self.time is None or self.time.has_clock or len(self.time.columns) != 1:
            return None
        share, support = explained(self.codes, self.time.columns[0].codes)
        found = self.find_relative_time() if share > 0.999 and support > 0.3 else None
        return found if found is not None and found.columns[0].means("elapsed") else None

    def _growth(self, profile: Profile, within: Codes | None = None) -> float:
        """The share of steps, within histories in the order of the file, at which a number does not fall."""
        if profile.numbers is None:
            return 0.0
        codes = self.codes if within is None else within
        rows = np.flatnonzero((codes >= 0) & profile.there)
        rows = rows[np.argsort(codes[rows], kind="stable")]
        same = codes[rows][1:] == codes[rows][:-1]
        steps = np.diff(profile.numbers[rows])[same]
        return float((steps >= 0).mean()) if len(steps) else 0.0

    def find_session(self, candidates: Sequence[Profile]) -> tuple[Profile, bool] | None:
        """The column whose change begins a session, and True if its name says so too."""
        best: tuple[float, Profile, bool] | None = None
        for profile in candidates:
            named = profile.means("session")
            if profile.kind not in ("text", "number") or (profile.kind == "number" and not profile.is_whole):
                continue
            if profile.missing > 0.3 or profile.distinct < 3 or profile.means("label") or profile.found.is_list:
                continue
            if not named and (profile.hints("quantity") or profile.means("item") or profile.means("time")):
                continue
            score = self._session_score(profile, named)
            if score > 0 and (best is None or score > best[0]):
                best = score, profile, named
        return None if best is None else (best[1], best[2])

    def _session_score(self, profile: Profile, named: bool) -> float:
        visits = combined(self.codes, profile.codes)
        there = visits >= 0
        rows = int(there.sum())
        if not rows:
            return 0.0
        number = len(np.unique(visits[there]))
        entities = len(np.unique(self.codes[there]))
        # rows of a visit, and visits of an entity
        size, each = rows / number, number / entities
        # a visit belongs to one entity; numbers that begin anew for each have to be named and to grow
        owned = nesting(profile.codes, self.codes) if profile.distinct > 1.05 * entities else 0.0
        if size < (1.02 if named else 1.5) or each < (1.02 if named else 1.5) or size > 0.5 * rows:
            return 0.0
        if owned < 0.99 and not (named and self._growth(profile) > 0.95):
            return 0.0
        order = self._order[there[self._order]]
        visit, own = visits[order], self.codes[order]
        changes = _count_changes(visit, own)
        steps = max(number - entities, 1)
        if self.time is None:
            kept = np.flatnonzero(there)
            kept = kept[np.argsort(self.codes[kept], kind="stable")]
            visit, own = visits[kept], self.codes[kept]
            changes = _count_changes(visit, own)
        # 1 if each visit is in one piece, less if the visits of an entity alternate
        tidy = min(steps / max(changes, 1), 1.0)
        if tidy < (0.5 if named else 0.85):
            return 0.0
        short = 1.0
        if self.time is not None:
            span, _ = group_spans(visits, self.time.times)
            whole, _ = group_spans(self.codes, self.time.times)
            # a visit is short, measured by the history that it is part of
            short = 1.0 - min(span / whole, 1.0) if whole else 0.0
            if short < (0.05 if named else 0.7):
                return 0.0
        return tidy + short + (2.0 if named else 0.0) + min(size, 5) / 10

    def find_order(self, candidates: Sequence[Profile], session: Profile | None) -> list[Profile]:
        """The columns that order events of one time, or all events if there is no time."""
        made: list[Profile] = []
        if self.time is None:
            outer = self._find_number_of(session, candidates) or self._sequence(candidates, self.codes, session)
            if outer is not None:
                made.append(outer)
        elif self.ties < TIES:
            return []
        within = self._moments
        if session is not None:
            within = combined(within, np.where(session.there, session.codes, -1))
        elif made:
            within = combined(within, made[0].codes)
        own = within[within >= 0]
        tied = float((np.bincount(own)[own] > 1).mean()) if len(own) else 0.0
        if self.time is not None and tied > MANY_TIES and len(np.unique(self.time.times[self.time.there] % DAY)) == 1:
            clock = self._clock_of_day(candidates, within)
            if clock is not None:
                return [clock]
        if tied > (MANY_TIES if self.time is None else TIES):
            inner = self._counter([each for each in candidates if each not in made], within, tied)
            if inner is not None:
                if session is not None and self.time is not None and session.is_whole and self._growth(session) > 0.9:
                    made.append(session)
                made.append(inner)
        return made

    def _clock_of_day(self, candidates: Sequence[Profile], within: Codes) -> Profile | None:
        """Hours and minutes as a number, such as 945, by which the events of a date are ordered."""
        for profile in candidates:
            if profile.kind != "number" or profile.missing > 0.02 or not is_hhmm(profile) or profile.hints("late"):
                continue
            pairs = combined(within, profile.codes)
            own = pairs[pairs >= 0]
            if len(own) and float((np.bincount(own)[own] == 1).mean()) > 0.5:
                return profile
        return None

    def _find_number_of(self, session: Profile | None, candidates: Sequence[Profile]) -> Profile | None:
        """The column that numbers the sessions of each entity, such as an `order_number`, in any order of the rows."""
        if session is None:
            return None
        visits = combined(self.codes, session.codes)
        number = len(np.unique(visits[visits >= 0]))
        for profile in candidates:
            if not profile.is_whole or profile.missing or not profile.hints("sequence"):
                continue
            numbered = combined(self.codes, profile.codes)
            is_one = len(np.unique(numbered[numbered >= 0])) == number and explained(visits, profile.codes)[0] == 1.0
            if is_one and 2 <= profile.distinct < 0.5 * number:
                return profile
        return None

    def _sequence(self, candidates: Sequence[Profile], codes: Codes, session: Profile | None) -> Profile | None:
        """A number that grows within each history."""
        best: tuple[float, Profile] | None = None
        for profile in (*candidates, *(() if session is None else (session,))):
            if not profile.is_whole or profile.missing > 0.02 or profile.distinct < 3:
                continue
            growth = self._growth(profile, codes)
            pairs = combined(codes, profile.codes)
            # different numbers in a history, on average
            varied = len(np.unique(pairs[pairs >= 0])) / max(len(np.unique(codes[codes >= 0])), 1)
            named = (
                profile.means("sequence")
                or profile.means("session")
                or profile.hints("sequence")
                or profile.means("offset")
            )
            if growth < 0.995 or varied < 1.5 or not (named or growth == 1.0):
                continue
            score = growth + (1.0 if named else 0.0) + (0.5 if profile is not session else 0.0) - profile.distinct / 1e9
            if best is None or score > best[0]:
                best = score, profile
        return None if best is None else best[1]

    def _counter(self, candidates: Sequence[Profile], within: Codes, tied: float) -> Profile | None:
        """A number that differs between the events of one moment, and grows in the order of the rows."""
        best: tuple[float, Profile] | None = None
        counts = np.bincount(within[within >= 0], minlength=1)
        for profile in candidates:
            if (
                not profile.is_whole
                or profile.missing > 0.02
                or (profile.means("quantity") and not profile.hints("sequence") and not profile.hints("elapsed"))
            ):
                continue
            rows = (within >= 0) & (counts[np.maximum(within, 0)] > 1) & profile.there
            pairs = combined(np.where(rows, within, -1), profile.codes)
            own = pairs[pairs >= 0]
            if not len(own):
                continue
            # the share of tied rows whose number no other row of the moment has
            unique = float((np.bincount(own)[own] == 1).mean())
            growth = self._growth(profile, np.where(rows, within, -1))
            named = profile.hints("sequence") or profile.hints("elapsed")
            is_id = profile.is_unique and (profile.hints("code") or profile.hints("session"))
            is_ordered = growth >= (0.9 if named else 0.98) or (named and _counts_each(within[rows], profile, rows))
            if unique < 0.97 or not is_ordered or not (named or (is_id and tied > MANY_TIES)):
                continue
            score = unique + growth + (1.0 if named else 0.0)
            if best is None or score > best[0]:
                best = score, profile
        return None if best is None else best[1]

    def find_counted(self, profile: Profile, session: Profile | None) -> str | None:
        """The reason to leave out a number that only counts the events, or the sessions, of a history."""
        if self.time is None or not profile.is_whole or profile.missing > 0.02 or profile.hints("calendar"):
            return None
        if profile.means("quantity") or not (
            profile.hints("sequence") or profile.hints("code") or profile.means("session")
        ):
            return None
        own = self.entity.names[0]
        if self._counts(profile, self.codes):
            return f"counts the events of {own}"
        if session is not None and self._counts(profile, combined(self.codes, session.codes)):
            return f"counts the events of {session.name}"
        return None

    def _counts(self, profile: Profile, codes: Codes) -> bool:
        """True if a number stays or grows by one with each event, and does grow."""
        if profile.numbers is None:
            return False
        rows = self._order[profile.there[self._order] & (codes[self._order] >= 0)]
        # sessions of a history may alternate
        rows = rows[np.argsort(codes[rows], kind="stable")]
        same = codes[rows][1:] == codes[rows][:-1]
        steps = np.diff(profile.numbers[rows])[same]
        if len(steps) < 50 or not ((steps == 0) | (steps == 1)).mean() > 0.995:
            return False
        # the numbers of several histories begin alike, or grow a lot
        return float((steps == 1).mean()) > 0.05

    def is_paced(self, profile: Profile) -> bool:
        """True if a number grows with the time in each history as a clock does, such as that of a round of readings."""
        if self.time is None or profile.numbers is None or not profile.is_whole or profile.distinct < 50:
            return False
        rows = self._order[profile.there[self._order]]
        same = self.codes[rows][1:] == self.codes[rows][:-1]
        steps = np.diff(profile.numbers[rows])[same]
        times = np.diff(self.time.times[rows])[same]  # µs
        is_later = times > 0
        if is_later.sum() < 50 or (steps < 0).any():
            return False
        pace = float(np.median(steps[is_later] / times[is_later]))
        return pace > 0 and float((np.abs(steps - pace * times) <= 1.0 + 0.01 * steps).mean()) > 0.99

    def is_owned(self, profile: Profile) -> bool:
        """True if each value of a column belongs to one entity, though entities have several: it names their things."""
        if profile.distinct < max(50, 1.3 * self._entities) or self._entities < 20 or profile.missing > 0.3:
            return False
        share, support = explained(profile.codes, self.codes)
        return share > 0.999 and support > 0.3

    def is_static(self, profile: Profile) -> bool:
        """True if a column has one value in each history, and enough of them could show another."""
        share, support = explained(self.codes, profile.codes, nulls_count=True)
        if share < 1.0 or support < 0.1 or profile.distinct < 2:
            return False
        own = self.codes[self.codes >= 0]
        return int((np.bincount(own) > 1).sum()) >= min(20, self._entities // 2)

    @cached_property
    def _entities(self) -> int:
        return len(np.unique(self.codes[self.codes >= 0]))

    def is_first_time(self, profile: Profile) -> bool:
        """True if a static time is that of the entity's first event."""
        if self.time is None or profile.times is None:
            return False
        order = self._order
        own = self.codes[order]
        firsts = order[run_offsets(own)[:-1]]
        firsts = firsts[profile.there[firsts]]
        if not len(firsts):
            return False
        # (entities,) µs from the static time to the first event that was looked at, which need not be the very first
        after = self.time.times[firsts] - profile.times[firsts]
        if not profile.has_clock:
            return float((np.abs(after) < DAY).mean()) > 0.95
        return float((after >= 0).mean()) > 0.95 and float((after == 0).mean()) > 0.3


def _counts_each(groups: Codes, profile: Profile, rows: NDArray[np.bool_]) -> bool:
    """True if the numbers of each group are 1, 2, 3 and so on, in any order of the rows."""
    if profile.numbers is None:
        return False
    sizes = np.bincount(groups)
    highest = np.zeros(len(sizes))
    np.maximum.at(highest, groups, profile.numbers[rows])
    full = sizes > 0
    return float((highest[full] == sizes[full]).mean()) > 0.95 and float(profile.numbers[rows].min()) == 1.0


def _count_changes(visit: NDArray[np.int64], own: NDArray[np.int64]) -> int:
    """The number of times that the visit changes from one row to the next of the same entity."""
    return int(((visit[1:] != visit[:-1]) & (own[1:] == own[:-1])).sum())


def is_batch(profile: Profile, time: TimeChoice | None) -> bool:
    """True if a column numbers rows that came together, such as a message: its values stand in a row and are over."""
    mean = profile.filled / max(profile.distinct, 1)
    if time is None or profile.distinct < 50 or not 1.05 < mean < 6 or runs(profile.codes) > 1.01:
        return False
    span, _ = group_spans(np.where(time.there, profile.codes, -1), time.times)
    return span < 0.01
