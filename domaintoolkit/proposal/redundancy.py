"""Columns that say nothing of their own: parts of the time, copies of others, and what gives a label away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.column_profile import DAY_US, UNITS, Profile, epoch_unit
from domaintoolkit.proposal.columns.name_words import words_of
from domaintoolkit.proposal.dependencies import Codes, explained, group_spans, is_bijective, runs
from domaintoolkit.proposal.encoder_choice import Choice
from domaintoolkit.proposal.time_choice import TimeChoice
from domaintoolkit.schema import Categorical, Numeric, Text, Timestamp

__all__ = ["copies", "find_leaks", "from_time", "is_batch", "is_split", "is_unit"]

SPLIT_NAMES = frozenset("split set fold subset partition eval usage".split())
SPLIT_VALUES = frozenset(
    "train training test testing val valid validation dev eval holdout prior public private".split()
)
"""Names and values of columns that split a table for training and testing."""

UNIT_NAMES = ("unit", "uom", "einheit", "unidad", "unite")
"""Words in the names of columns of units."""


def from_time(profile: Profile, time: TimeChoice) -> str | None:
    """The reason to leave out a column that the time gives, such as its weekday; None if it does not."""
    times = _times(profile)
    if times is not None:
        both = time.there & profile.there
        if not both.any():
            return None
        steps = (times - time.times)[both]  # µs
        if (steps == steps[0]).mean() > 0.995:
            return f"copy of {time.name}" if steps[0] == 0 else f"derived from {time.name}: always as far from it"
        same = (times // DAY_US == time.times // DAY_US)[both]
        return f"derived from {time.name}: its date" if not profile.has_clock and same.mean() > 0.995 else None
    if profile.distinct < 2 or profile.missing > 0.05 or profile.hints("person") or profile.hints("thing"):
        return None
    is_named = profile.hints("calendar") or profile.hints("time")
    for name, codes in time.calendar.items():
        number = int(codes.max()) + 1
        if number < 2 or number > 0.5 * profile.rows:
            continue
        # in a few rows, nearly anything follows from the month
        if not is_named and (number <= 3 or profile.rows <= 300):
            continue
        is_fine = name in ("date", "week", "month of the year", "day of the year")
        if is_fine and profile.distinct > 0.9 * number and is_bijective(profile.codes, codes, 0.999):
            return f"derived from {time.name}: one value for each {name}"
        if is_fine and name != "date":
            continue
        share, support = explained(codes, profile.codes)
        if name == "date" and share > 0.999 and support > 0.5 and _grows(profile, time):
            return f"derived from {time.name}: it grows with it"
        if not is_fine and share > 0.999 and support > 0.5 and profile.distinct <= number:
            return f"derived from {time.name}: its {name}"
    return None


def _times(profile: Profile) -> NDArray[np.int64] | None:
    """The times of a column, as text or as counts since 1970; None if it holds something else."""
    if profile.kind == "time":
        return profile.times
    unit = epoch_unit(profile)
    if unit is None or profile.numbers is None:
        return None
    return np.nan_to_num(profile.numbers * (1e6 / UNITS[unit])).astype(np.int64)


def _grows(profile: Profile, time: TimeChoice) -> bool:
    """True if numbers never fall as time goes on."""
    is_code = profile.hints("code") and not profile.hints("calendar")
    if profile.numbers is None or not profile.is_whole or profile.distinct < 4 or is_code:
        return False
    rows = np.flatnonzero(profile.there & time.there)
    # by day, and within a day by the number: only a fall from one day to the next counts
    rows = rows[np.lexsort((profile.numbers[rows], time.times[rows] // DAY_US))]
    return bool((np.diff(profile.numbers[rows]) >= 0).all())


def copies(choices: Sequence[Choice], entity: Codes) -> dict[str, str]:
    """The columns that say what another says, each with the reason to leave it out; `entity` has a code for each row.

    Measures that differ between all entities, such as births and coordinates, are not copies for that.
    """
    out: dict[str, str] = {}
    kept = [each for each in choices if each.spec is not None and each.profile.distinct > 1]
    own = {
        each.profile.name for each in kept
        if isinstance(each.spec, Numeric | Timestamp) and is_bijective(each.profile.codes, entity, 0.9)
    }  # fmt: skip
    for place, first in enumerate(kept):
        for second in kept[place + 1 :]:
            one, other = first.profile, second.profile
            if one.name in out or other.name in out or {one.name, other.name} <= own:
                continue
            part = _partial_copy(one, other)
            if part is not None and one.kind != other.kind:
                # numbers, and the same as text with some words among them
                text = one if one.kind == "text" else other
                if min(one.filled, other.filled) > 0.8 * text.filled:
                    out[text.name] = f"{(other if text is one else one).name} says it as a number"
                continue
            if part is not None:
                out[part.name] = f"copy of {(other if part is one else one).name}, but {part.missing:.0%} null"
                continue
            rarer = _rarer_copy(first, second)
            if rarer is not None:
                said_by = other if rarer is one else one
                out[rarer.name] = f"says what {said_by.name} says, but {rarer.missing:.0%} null"
                continue
            if isinstance(first.spec, Numeric) != isinstance(second.spec, Numeric) and not _is_place(one, other):
                continue
            if abs(one.distinct - other.distinct) > 0.12 * max(one.distinct, other.distinct):
                continue
            if one.distinct < 3 and one.values != other.values and set(one.values) != set(other.values):
                continue
            # columns of few values agree in many rows by chance
            least = 0.9999 if min(one.distinct, other.distinct) < 20 else 0.97
            if abs(one.missing - other.missing) > 0.02 or not is_bijective(one.codes, other.codes, least):
                continue
            worse, better = (second, first) if _worth(first) >= _worth(second) else (first, second)
            exact = set(one.values) == set(other.values)
            out[worse.profile.name] = (
                f"copy of {better.profile.name}" if exact else f"says what {better.profile.name} says"
            )
    for each in kept:
        if each.profile.name not in out and (reason := _between(each, [k for k in kept if k.profile.name not in out])):
            out[each.profile.name] = reason
    return out


def _is_place(one: Profile, other: Profile) -> bool:
    """True if one of two columns is a coordinate, which the name of a place gives."""
    places = {"lat", "latitude", "lng", "lon", "long", "longitude"}
    return any(places & set(words_of(profile.name)) for profile in (one, other)) and one.distinct < 0.2 * one.rows


def _partial_copy(one: Profile, other: Profile) -> Profile | None:
    """The one of two columns that has the other's values, or null."""
    less, more = (one, other) if one.missing > other.missing else (other, one)
    if less.missing - more.missing < 0.02 or less.distinct < 5 or not set(less.values) <= set(more.values):
        return None
    both = less.there & more.there
    places = np.array([more.values.index(value) for value in less.values]) if less.distinct < 2_000 else None
    if places is None or not both.any() or both.sum() < 0.99 * less.filled:
        return None
    # not all rows: a place in a race, say, and the order of all cars differ for a few that were shared
    return less if float((places[less.codes[both]] == more.codes[both]).mean()) > 0.998 else None


def _rarer_copy(first: Choice, second: Choice) -> Profile | None:
    """The one of two columns of names that is null for some names of the other, and says nothing else."""
    one, other = first.profile, second.profile
    less, more = (one, other) if one.missing > other.missing else (other, one)
    if less.missing - more.missing <= 0.02 or less.missing > 0.6 or less.distinct < 20:
        return None
    if not isinstance(first.spec, Categorical) or not isinstance(second.spec, Categorical):
        return None
    if explained(more.codes, less.codes, nulls_count=True)[0] < 0.98 or not is_bijective(one.codes, other.codes, 0.98):
        return None
    return less


def is_batch(profile: Profile, time: TimeChoice | None) -> bool:
    """True if a column numbers rows that came together, such as a message: its values stand in a row and are over."""
    mean = profile.filled / max(profile.distinct, 1)
    if time is None or profile.distinct < 50 or not 1.05 < mean < 6 or runs(profile.codes) > 1.01:
        return False
    span, _ = group_spans(np.where(time.there, profile.codes, -1), time.times)
    return span < 0.01


def is_split(profile: Profile) -> bool:
    """True if a column says which rows are for training and which for testing."""
    words, values = set(words_of(profile.name)), {value.lower() for value in profile.values[:20]}
    return bool(words & SPLIT_NAMES) and 2 <= profile.distinct <= 5 and values <= SPLIT_VALUES


def _worth(choice: Choice) -> float:
    """Points for the better one of two columns that say the same."""
    profile = choice.profile
    score = -5 * profile.missing
    if isinstance(choice.spec, Categorical):
        score += 1.0 if choice.spec.separator else 0.0
        length = sum(map(len, profile.values[:200])) / len(profile.values[:200])
        is_words = profile.values[0].isalpha() and not any(" " in value for value in profile.values[:200])
        score += 0.5 if is_words and length <= 20 else -0.5 if length > 30 else 0.0
    if isinstance(choice.spec, Text) or is_unit(profile):
        score -= 1.0
    return score


def is_unit(profile: Profile) -> bool:
    """True if a name says that a column has the units of numbers."""
    return profile.kind == "text" and any(word in profile.name.lower() for word in UNIT_NAMES)


def _between(choice: Choice, others: Sequence[Choice]) -> str | None:
    """A code that another column fixes, and whose name a third column spells out, says nothing more."""
    profile = choice.profile
    if not {"id", "code", "key", "no", "nr"} & set(words_of(profile.name)) or not isinstance(choice.spec, Categorical):
        return None
    own = set(words_of(profile.name)) - {"id", "code", "key", "no", "nr", "name"}
    for coarse in others:
        if (
            coarse is choice
            or not own & set(words_of(coarse.profile.name))
            or coarse.profile.distinct > profile.distinct
        ):
            continue
        if explained(profile.codes, coarse.profile.codes)[0] < 0.995:
            continue
        for fine in others:
            is_repeated = isinstance(fine.spec, Categorical) and fine.profile.distinct < 0.5 * fine.profile.filled
            if (
                is_repeated
                and fine.profile.distinct > 2 * profile.distinct
                and explained(fine.profile.codes, profile.codes)[0] > 0.995
            ):
                return f"{fine.profile.name} fixes it, and {coarse.profile.name} says it"
    return None


def find_leaks(label: Profile, others: Sequence[Profile]) -> list[str]:
    """The columns that give a label away: they have a value only for some labels, or fix it."""
    if label.distinct < 2:
        return []
    # (rows,) the label that is worth predicting
    rare = label.codes == int(np.argmin(label.counts))
    found = []
    for profile in others:
        filled = profile.there.astype(np.int64)
        if 0.0 < profile.missing < 1.0:
            agree = max(
                float((filled[label.there] == rare[label.there]).mean()),
                float((filled[label.there] != rare[label.there]).mean()),
            )
            # the share that is right if the more frequent label is always said
            baseline = max(float(rare[label.there].mean()), 1 - float(rare[label.there].mean()))
            if agree > 1 - 0.02 * (1 - baseline):
                found.append(profile.name)
                continue
        if 1 < profile.distinct <= 50 and _fixes(profile.codes, label.codes, rare):
            found.append(profile.name)
    return found


def _fixes(codes: Codes, label: Codes, rare: np.ndarray) -> bool:
    if int(rare.sum()) < 30:
        return False
    share, support = explained(codes, label)
    baseline = float((~rare).mean())
    return support > 0.9 and 1 - share < 0.01 * (1 - baseline)
