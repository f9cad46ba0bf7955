"""`copies`: columns that say what others say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.dependencies import Codes, explained, is_bijective
from domaintoolkit.proposal.columns.name_words import words_of
from domaintoolkit.proposal.encoder_choice import Choice
from domaintoolkit.schema import Categorical, Numeric, Text, Timestamp

__all__ = ["copies", "is_unit"]

UNIT_NAMES = ("unit", "uom", "einheit", "unidad", "unite")
"""Words in the names of columns of units."""


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
            if isinstance(first.spec, Timestamp) != isinstance(second.spec, Timestamp):
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
