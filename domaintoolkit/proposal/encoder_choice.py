"""The encoder of each column, or the reason why it is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import pluralize
from domaintoolkit.proposal.columns.column_profile import Profile, plain_settings
from domaintoolkit.proposal.columns.epochs import epoch_unit, names_time
from domaintoolkit.proposal.columns.marks import find_path_mark, find_set_mark
from domaintoolkit.proposal.columns.name_words import COUNTS, words_of
from domaintoolkit.proposal.time_choice import TimeChoice
from domaintoolkit.schema import Categorical, Numeric, Text, Timestamp
from domaintoolkit.times.calendar import HOUR

__all__ = ["As", "Choice", "choose", "choose_as", "is_hhmm", "is_skewed", "is_smooth", "time_field"]

Part = Literal["month", "day", "weekday", "hour"]
Spec = Categorical | Numeric | Text | Timestamp
As = Literal["categorical", "numeric", "text", "timestamp"]

MANY = 3_000
"""Distinct values from which on rare ones share tokens."""

SOME = 300
"""Distinct values from which on values that occur once are spelled, so that a model learns to expect them."""

DURATION = re.compile(r"[+-]?(\d+:)?\d{1,3}:\d{2}([.,]\d+)?|[+-]\d+[.,]\d+|\d+ (days?|laps?|d) .*|P(\d+D)?T.*")
"""Lengths of time, and gaps between times, as people write them."""

PATHS = frozenset(("path", "hierarchy", "taxonomy", "breadcrumb", "pfad", "ruta", "chemin"))
"""Words that name a path from the coarse to the fine."""

SHORT_DAYS = 60.0
"""Days from which on months and days of the month tell something."""


@dataclass(frozen=True)
class Choice:
    """The field of one column, or None if it is left out, and the reason in one line."""

    profile: Profile
    spec: Spec | None
    reason: str
    set_separator: str | None = None


def time_field(time: TimeChoice) -> Timestamp:
    """The field of the event's time."""
    if time.is_relative:
        return Timestamp(time.name, parts=())
    parts: list[Part] = ["weekday"]
    if time.days >= SHORT_DAYS:
        parts = ["month", "day", "weekday"]
    if time.has_clock and _differ_within_days(time.times[time.there]):
        parts.append("hour")
    return Timestamp(time.name, parts=tuple(parts))


def _differ_within_days(times: NDArray[np.int64]) -> bool:
    """Return True if times in µs are not all of one hour of the day, as dates written with a midnight are."""
    return len(np.unique(times // HOUR % 24)) > 1


def choose(profile: Profile) -> Choice:
    """The encoder of a column by itself."""
    if profile.kind == "empty":
        return Choice(profile, None, "empty: no row has a value")
    if profile.distinct == 1 and profile.missing < 0.002:
        return Choice(profile, None, f"constant: always {profile.values[0][:40]!r}")
    if profile.rows > 100 and profile.filled < max(3, 0.0005 * profile.rows):
        return Choice(profile, None, f"nearly empty: {profile.filled:,} of {profile.rows:,} rows have a value")
    if profile.found.is_list:
        if _are_vectors(profile):
            return Choice(profile, None, "lists of numbers, such as coordinates: give each number a column of its own")
        return _set(profile, "|", "list")
    if profile.kind == "time":
        has_hours = profile.has_clock and (profile.times is None or _differ_within_days(profile.times[profile.there]))
        parts: tuple[Part, ...] = ("month", "day", "weekday", *(("hour",) if has_hours else ()))
        return Choice(profile, Timestamp(profile.name, parts=parts), "a second time")
    if profile.kind == "number" and ("duration_unit" in profile.settings or profile.found.is_duration):
        return _duration(profile)
    if profile.kind == "number":
        if epoch_unit(profile) is not None and names_time(profile):
            return Choice(profile, Timestamp(profile.name, parts=("month", "day", "weekday", "hour")), "a second time")
        return _number(profile)
    if profile.kind == "clock":
        if profile.missing > 0.5:
            return Choice(profile, None, f"time of day, {profile.missing:.0%} null")
        if profile.settings["time_format"] == "%H%M":
            return Choice(profile, Numeric(profile.name, bins=48), f"time of day as hhmm{_nulls(profile)}")
        return Choice(profile, Timestamp(profile.name, parts=("hour", "minute")), f"time of day{_nulls(profile)}")
    if profile.kind == "bool":
        return Choice(profile, Categorical(profile.name), f"yes or no{_nulls(profile)}")
    return _text(profile)


def _are_vectors(profile: Profile) -> bool:
    """True if lists are of fractions, which are not names of anything."""
    elements = [element for value in profile.values[:500] for element in value.split("|") if element]
    return sum(re.fullmatch(r"-?\d+\.\d+", element) is not None for element in elements) > 0.5 * len(elements)


def _duration(profile: Profile) -> Choice:
    """A duration is an amount of seconds."""
    choice = _amount(profile)
    clock = {"m:ss": ", 05:30 as minutes and seconds", "h:mm": ", 05:30 as hours and minutes"}
    short = clock.get(profile.settings.get("duration_clock", ""), "")
    return replace(choice, reason=f"duration in seconds{short}: {choice.reason}")


def choose_as(profile: Profile, kind: As) -> Choice:
    """The encoder that the user names."""
    reason = "as you said"
    if kind == "categorical":
        return Choice(profile, _categorical(profile), reason)
    if kind == "numeric":
        return (
            replace(_amount(profile), reason=reason)
            if profile.numbers is not None
            else Choice(profile, Numeric(profile.name), reason)
        )
    if kind == "text":
        return Choice(profile, Text(profile.name), reason)
    return Choice(profile, Timestamp(profile.name), reason)


def _nulls(profile: Profile) -> str:
    return f", {profile.missing:.0%} null" if profile.missing >= 0.3 else ""


def _number(profile: Profile) -> Choice:
    if not profile.is_whole:
        if "version" in words_of(profile.name)[-1:]:
            # as text: version 12.10 is not 12.1
            own = replace(profile, kind="text", settings=plain_settings(profile))
            return Choice(own, _categorical(profile), _category_reason(profile, "version"))
        return _amount(profile)
    if is_hhmm(profile):
        return Choice(profile, Numeric(profile.name, bins=48), "time of day as hhmm")
    is_year = profile.hints("calendar") or profile.hints("late")
    if is_year and profile.distinct > 15 and 1800 < min(profile.numbers[profile.there]) < 2200:  # type: ignore[index]
        return Choice(profile, Numeric(profile.name), "year")
    words = words_of(profile.name)
    counted = bool(COUNTS & set(words[:1])) or words[:2] == ("number", "of")
    is_dressed = bool({"prefix", "suffix", "percent", "decimal", "negative"} & set(profile.settings))
    named = (
        counted or is_dressed or profile.means("quantity") or (profile.hints("quantity") and not profile.hints("code"))
    )
    is_measure = named or profile.hints("elapsed") or is_smooth(profile) or is_skewed(profile)
    if profile.is_unique and not is_measure:
        return Choice(profile, None, "identifier: nearly unique")
    if named and not profile.means("code"):
        return _amount(profile)
    if counted:
        return _amount(profile)
    if profile.hints("code") or profile.means("item") or profile.means("person") or profile.means("thing"):
        return _identified(profile)
    if profile.distinct <= 2 or not (is_smooth(profile) or (profile.is_unique and is_measure)):
        return _identified(profile)
    return _amount(profile)


def is_hhmm(profile: Profile) -> bool:
    """True if whole numbers are times of day, such as 945 and 2310."""
    if profile.numbers is None or not profile.is_whole or profile.distinct <= 24:
        return False
    own = profile.numbers[profile.there]
    is_clock = bool((own >= 0).all() and (own <= 2400).all() and (own % 100 < 60).all() and (own > 60).any())
    # other numbers are hardly without any of 60 to 99, 160 to 199 and so on
    return is_clock and (profile.hints("clock") or (profile.distinct > 400 and len(np.unique(own // 100)) > 12))


def is_skewed(profile: Profile) -> bool:
    """True if whole numbers lie so unevenly between zero and the largest that they measure something.

    Identifiers are counted up, or drawn from all numbers of some digits, so that they lie evenly.
    """
    if profile.numbers is None:
        return False
    own = np.sort(profile.numbers[profile.there])
    if len(own) < 50 or own[0] < 0 or own[0] > 0.01 * own[-1]:
        return False
    even = (own - own[0]) / (own[-1] - own[0])
    return float(np.abs(even - np.linspace(0, 1, len(own))).max()) > 0.25


def _identified(profile: Profile) -> Choice:
    if profile.is_unique:
        return Choice(profile, None, "identifier: nearly unique")
    return Choice(profile, _categorical(profile), _category_reason(profile, "code"))


def is_smooth(profile: Profile) -> bool:
    """True if whole numbers are amounts by their values: frequent ones are neighbours, round, or small."""
    if profile.numbers is None:
        return False
    numbers, counts = np.unique(profile.numbers[profile.there], return_counts=True)
    if len(numbers) < 3:
        return False
    if (numbers < 0).any():
        return True
    # Spearman's correlation of numbers and their counts: -1 if the larger are always the rarer
    rising = float(np.corrcoef(np.arange(len(counts)), np.argsort(np.argsort(counts)))[0, 1])
    if len(numbers) <= 12:
        # a few numbers from 0 or 1 on may be codes too; those that get rarer and rarer are counts
        return bool(numbers[0] <= 1 and (numbers[-1] - numbers[0]) < 2 * len(numbers) and rising < -0.75)
    if len(numbers) > 400:
        # the median, with at most 1,000 rows of each number
        middle = float(np.repeat(numbers, np.minimum(counts, 1_000))[int(np.minimum(counts, 1_000).sum()) // 2])
        round_ones = float(counts[numbers % 10 == 0].sum() / counts.sum())
        upper = float((numbers > (numbers[0] + numbers[-1]) / 2).mean())
        has_tail = numbers[-1] > 20 * max(middle, 1.0) and upper < 0.1 and numbers[0] < 0.01 * numbers[-1]
        return round_ones > 0.25 or has_tail
    logs = np.log(counts)
    # nearly all numbers of the range occur, equally often
    if logs.std() < 0.3 and numbers[-1] - numbers[0] < 1.5 * len(numbers):
        return True
    # of amounts, neighbours are about equally frequent; of codes, they are not
    near = float(np.corrcoef(logs[1:], logs[:-1])[0, 1]) if logs[1:].std() and logs[:-1].std() else 1.0
    return near > 0.6 or rising < -0.75


def _amount(profile: Profile) -> Choice:
    assert profile.numbers is not None
    own = profile.numbers[profile.there]
    own = own[np.isfinite(own)]
    if not len(own):
        return Choice(profile, None, "no finite number")
    size = np.abs(own)
    middle, high = np.quantile(size[size > 0], [0.5, 0.999]) if (size > 0).any() else (1.0, 1.0)
    is_heavy = high > 100 * middle and profile.distinct > 50
    negative = float((own < 0).mean())
    sign = bool(negative > 0.005 and (own > 0).any() and is_heavy)
    reason = (
        "heavy-tailed: log bins"
        if is_heavy
        else "number"
        if profile.distinct > 64
        else f"number, {profile.distinct} values"
    )
    if sign:
        reason += f", {negative:.0%} negative"
    spec = Numeric(profile.name, strategy="log" if is_heavy else "quantile", sign=sign)
    return Choice(profile, spec, reason + _nulls(profile))


def _categorical(profile: Profile, separator: str | None = None) -> Categorical:
    if separator is not None:
        return Categorical(profile.name, separator=separator, min_count=2 if profile.distinct > SOME else 1)
    if profile.distinct >= MANY:
        return Categorical(profile.name, max_size=5_000, min_count=5, unseen="hash")
    return Categorical(profile.name, min_count=2 if profile.distinct > SOME else 1)


def _category_reason(profile: Profile, what: str = "category") -> str:
    rare = "; rare ones share tokens" if profile.distinct >= MANY else ""
    return f"{what}: {pluralize(profile.distinct, 'value')}{rare}{_nulls(profile)}"


def _text(profile: Profile) -> Choice:
    sample = profile.values[:2_000]
    words = sum(len(value.split()) for value in sample) / len(sample)
    length = sum(map(len, sample)) / len(sample)
    varied = profile.distinct / profile.filled
    if sum(DURATION.fullmatch(value) is not None for value in sample) > 0.9 * len(sample):
        return Choice(profile, None, "durations as text: write them as numbers of seconds to encode them")
    is_links = sum(value.startswith(("http://", "https://", "www.")) for value in sample) > 0.8 * len(sample)
    if profile.is_unique or (varied > 0.5 and profile.distinct > 1_000):
        if words >= 2.5 and not is_links:
            return Choice(profile, Text(profile.name), f"text: long and distinct, {words:.0f} words on average")
        if profile.is_unique:
            return Choice(profile, None, "identifier: nearly unique")
    if sum(value[:1] in "{[" and value[-1:] in "}]" for value in sample) > 0.9 * len(sample):
        return Choice(profile, None, "JSON in a cell: give it columns of its own")
    path = find_path_mark(sample, bool(PATHS & set(words_of(profile.name))))
    if path is not None:
        return Choice(
            profile, _categorical(profile, path), f"path with {path!r}, {profile.distinct:,} values{_nulls(profile)}"
        )
    mark = find_set_mark(sample)
    if mark is not None:
        return _set(profile, mark, "set")
    if profile.hints("prose") and words >= 1.5 and profile.distinct > SOME and varied > 0.03:
        return Choice(profile, Text(profile.name), f"text: {words:.0f} words on average")
    if words >= 4 and length > 40 and profile.distinct > 1_000:
        return Choice(profile, Text(profile.name), f"text: {words:.0f} words on average")
    what = (
        "code, with its zeros"
        if profile.is_code and any(len(value) > 1 and value[0] == "0" for value in sample)
        else "code"
        if profile.is_code
        else "category"
    )
    return Choice(profile, _categorical(profile), _category_reason(profile, what))


def _set(profile: Profile, mark: str, what: str) -> Choice:
    spec = _categorical(profile, mark)
    return Choice(profile, spec, f"{what} of elements with {mark!r} between them{_nulls(profile)}", mark)
