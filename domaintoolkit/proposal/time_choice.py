"""The time of an event: which column it is, or which columns make it together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.epochs import epoch_times, epoch_unit
from domaintoolkit.proposal.columns.name_words import words_of
from domaintoolkit.schema import Column
from domaintoolkit.times.calendar import DAY, PER_UNIT
from domaintoolkit.values.declared import convert_text

__all__ = ["ORIGIN", "TimeChoice", "find_times", "offset_time"]

ORIGIN = "2000-01-01"
"""The day that counts of time begin with if no column gives a date."""

OFFSET_UNITS = {
    "min": "minute minutes min minuten minuto minutos",
    "s": "second seconds sec secs s sekunden segundos step tick dt",
    "h": "hour hours h stunden horas heures",
    "d": "day days d tage dia dias jour jours tag giorno giorni",
}
LONG_SECONDS = 10 * 86_400
"""Seconds since the beginning of a history beyond which numbers without a unit are milliseconds."""

LONG_TABLE = 10 * 365 * 86_400
"""The same if they count from the beginning of the whole table."""

JOINED = 0.02
"""The share of rows without a time of day up to which it is joined to the date."""


@dataclass(frozen=True)
class TimeChoice:
    """A time: its column or columns, the settings that read it, and the instants of the rows in microseconds."""

    columns: tuple[Profile, ...]
    times: NDArray[np.int64] = field(repr=False)
    there: NDArray[np.bool_] = field(repr=False)
    settings: dict[str, Any] = field(default_factory=dict)
    has_clock: bool = False
    score: float = 0.0
    is_relative: bool = False
    """True if the times count from a beginning that no column gives."""

    @property
    def name(self) -> str:
        """The name of the column of times; of several columns, the first one's."""
        return self.columns[0].name

    @property
    def is_joined(self) -> bool:
        """True if several columns make the time."""
        return len(self.columns) > 1

    @cached_property
    def calendar(self) -> dict[str, NDArray[np.int64]]:
        """(rows,) for each part of the calendar: a code for its value, -1 without a time."""
        days = self.times // DAY
        dates = days.astype("datetime64[D]")  # (rows,)
        months = dates.astype("datetime64[M]").astype(np.int64)
        parts = {
            # 1 January 1970 was a Thursday, and weeks begin on Monday
            "weekday": (days + 3) % 7,
            "month": months % 12,
            "year": months // 12,
            "hour": self.times // 3_600_000_000 % 24,
            "quarter": months % 12 // 3,
            "month of the year": months,
            "day of the month": (dates - dates.astype("datetime64[M]")).astype(np.int64),
            "week": (days + 3) // 7,
            "date": days,
            "minute": self.times // 60_000_000 % 60,
            "day of the year": (dates - dates.astype("datetime64[Y]")).astype(np.int64),
        }
        return {
            name: np.where(self.there, np.unique(part, return_inverse=True)[1], -1).astype(np.int64)
            for name, part in parts.items()
        }

    @property
    def days(self) -> float:
        """The days between the first and the last time."""
        own = self.times[self.there]
        return float(own.max() - own.min()) / DAY if len(own) else 0.0


def find_times(profiles: Sequence[Profile]) -> list[TimeChoice]:
    """All times that the columns give, the likeliest first; each column is in one of them at most."""
    found = [*_calendar_parts(profiles), *_dated(profiles)]
    return sorted(found, key=lambda each: -each.score)


def _dated(profiles: Sequence[Profile]) -> Iterator[TimeChoice]:
    clocks = [profile for profile in profiles if profile.kind == "clock"]
    for profile in profiles:
        if profile.kind == "time" and profile.times is not None:
            joined = None if profile.has_clock else _joined(profile, clocks, profiles)
            yield joined or _scored((profile,), profile.times, profile.there, profile.settings, profile.has_clock)
        elif (unit := epoch_unit(profile)) is not None and profile.numbers is not None:
            settings = {name: value for name, value in profile.settings.items() if name in ("null", "trim")}
            times = epoch_times(profile.numbers, unit)
            has_clock = bool((times[profile.there] % DAY != 0).any())
            yield _scored((profile,), times, profile.there, settings | {"time_unit": unit}, has_clock)


def _joined(date: Profile, clocks: Sequence[Profile], profiles: Sequence[Profile]) -> TimeChoice | None:
    """The date with its time of day."""
    dates = [profile for profile in profiles if profile.kind == "time" and not profile.has_clock]
    own = set(words_of(date.name))
    fitting = [clock for clock in clocks if (date.there & ~clock.there).mean() <= JOINED]
    if len(fitting) > 1 or len(dates) > 1:
        best = max(fitting, key=lambda each: (len(own & set(words_of(each.name))), -each.place), default=None)
        # with several dates, a time of day belongs to the one with the same words, or to the column before it
        if best is not None and len(dates) > 1 and not own & set(words_of(best.name)) and best.place != date.place + 1:
            best = None
        fitting = [] if best is None else [best]
    if not fitting:
        return None
    clock = fitting[0]
    day = str(date.settings.get("time_format", "%Y-%m-%d"))
    if "time_format" not in date.settings and any(len(value) == 8 for value in date.values[:50]):
        day = "%Y%m%d"
    form = f"{day} {clock.settings['time_format']}"
    iso = form in ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
    nulls = [*date.settings.get("null", []), *clock.settings.get("null", [])]
    settings = ({} if iso else {"time_format": form}) | ({"null": list(dict.fromkeys(nulls))} if nulls else {})
    return _join((date, clock), settings)


def _calendar_parts(profiles: Sequence[Profile]) -> Iterator[TimeChoice]:
    """A time whose year, month and day, and perhaps hour and minute, are in columns of their own."""
    year = _part(profiles, ("year", "yyyy", "jahr", "annee", "ano", "anno", "yr"), 1900, 2100)
    month = _part(profiles, ("month", "mm", "monat", "mes", "mois", "mese"), 1, 12)
    day = _part(profiles, ("day", "dd", "tag", "dia", "jour", "giorno"), 1, 31, ("week", "of"))
    if year is None or month is None or day is None:
        return
    columns, form = [year, month, day], "%Y %-m %-d"
    clock = next((p for p in profiles if p.kind == "clock" and p.missing <= JOINED), None)
    hour = _part(profiles, ("hour", "hh", "stunde", "hora", "heure", "ora"), 0, 23)
    minute = _part(profiles, ("minute", "minuten", "minuto"), 0, 59)
    if clock is not None:
        columns.append(clock)
        form += f" {clock.settings['time_format']}"
    elif hour is not None:
        columns.append(hour)
        form += " %-H"
        if minute is not None:
            columns.append(minute)
            form += " %-M"
    made = _join(tuple(columns), {"time_format": form})
    if made is not None:
        yield made


def _part(
    profiles: Sequence[Profile], words: Sequence[str], low: int, high: int, without: Sequence[str] = ()
) -> Profile | None:
    for profile in profiles:
        own = words_of(profile.name)
        if profile.missing > JOINED or not set(own) & set(words) or set(own) & set(without):
            continue
        values = [value for value in profile.values if value.isdecimal()]
        if len(values) == profile.distinct and all(low <= int(value) <= high for value in values):
            return profile
    return None


def _join(columns: tuple[Profile, ...], settings: dict[str, Any]) -> TimeChoice | None:
    """The time that columns make, if nearly all rows can be read."""
    # (rows,) all columns have a value
    there = np.logical_and.reduce([column.there for column in columns])
    texts = pa.array(columns[0].values).take(pa.array(np.maximum(columns[0].codes, 0)))
    for column in columns[1:]:
        own = pa.array(column.values).take(pa.array(np.maximum(column.codes, 0)))
        texts = pc.binary_join_element_wise(texts, own, " ")
    # each different text is read once
    coded = texts.dictionary_encode()
    spec = Column("x", type="timestamp", time_format=settings.get("time_format"))
    made = convert_text(coded.dictionary.cast(pa.binary()), spec)
    codes = coded.indices.to_numpy(zero_copy_only=False)
    # (texts,) and, by their codes, (rows,)
    wrong = np.zeros(len(coded.dictionary), bool)
    wrong[[row for row, _ in made.refused]] = True
    if (wrong[codes] & there).mean() > 0.002:
        return None
    times = made.values.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return _scored(columns, np.nan_to_num(times[codes]).astype(np.int64), there & ~wrong[codes], settings, True)


def offset_time(profile: Profile) -> TimeChoice | None:
    """A time that counts from a beginning, such as minutes since an admission; None if its unit is not clear."""
    if profile.numbers is None:
        return None
    own = words_of(profile.name)
    counted = profile.numbers[profile.there]
    # without a unit in the name: a history of many days in seconds is one of minutes in milliseconds
    # numbers that grow throughout the file count from its beginning, not from one of each history
    longest = LONG_TABLE if len(counted) > 1 and (np.diff(counted) >= 0).mean() > 0.999 else LONG_SECONDS
    likely = "ms" if len(counted) and profile.is_whole and np.abs(counted).max() > longest else "s"
    unit = next((unit for unit, words in OFFSET_UNITS.items() if set(own) & set(words.split())), likely)
    factor = PER_UNIT[unit]
    settings = {name: value for name, value in profile.settings.items() if name in ("null", "trim")}
    times = np.nan_to_num(profile.numbers * factor).astype(np.int64)
    made = _scored((profile,), times, profile.there, settings | {"time_unit": unit, "time_origin": ORIGIN}, unit != "d")
    return TimeChoice(made.columns, made.times, made.there, made.settings, made.has_clock, made.score, True)


def _scored(
    columns: tuple[Profile, ...], times: NDArray[np.int64], there: NDArray[np.bool_], settings: dict[str, Any],
    has_clock: bool,
) -> TimeChoice:  # fmt: skip
    first = columns[0]
    own = times[there]
    steps = np.diff(own)
    # points: an event has its time in nearly all rows, and files are often in its order
    score = 2.0 - 10.0 * float(1 - there.mean())
    score += 1.0 if any(column.hints("time") for column in columns) else 0.0
    score -= 2.0 if first.hints("late") and not {"created", "creation"} & set(words_of(first.name)) else 0.0
    score += (0.5 if has_clock else 0.0) + (0.5 if len(columns) > 1 else 0.0)
    if len(steps):
        sorted_share = float(max((steps >= 0).mean(), (steps <= 0).mean()))
        # a file that is in the order of one time was written as it went on
        score += sorted_share + (0.5 if sorted_share > 0.999 and (steps != 0).mean() > 0.05 else 0.0)
    score += min(float(np.log10(max(len(np.unique(own)), 1))) / 4, 1.0)
    # times before 1970 over decades are births
    if len(own) and float(np.median(own)) < 0 and (own.max() - own.min()) > 20 * 365 * DAY:
        score -= 1.5
    return TimeChoice(columns, times, there, dict(settings), has_clock, score)
