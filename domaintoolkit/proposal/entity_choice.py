"""Who did it: the columns whose values repeat as those of people, cards and machines do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.dependencies import Codes, group_spans, grouped_share, nesting, runs
from domaintoolkit.proposal.columns.epochs import epoch_unit
from domaintoolkit.proposal.columns.name_words import words_of
from domaintoolkit.proposal.encoder_choice import is_smooth
from domaintoolkit.proposal.time_choice import TimeChoice

__all__ = ["SURE", "EntityChoice", "find_entities", "is_surname", "is_unlikely"]

ATTRIBUTES = frozenset(
    (
        "type status group class category age gender sex city country region segment tier level plan state zip "
        "language typ gruppe klasse alter geschlecht stadt land tipo grupo edad sexo ciudad pais groupe ville "
        "count amount score first given email agent"
    ).split()
)
"""Words that end the name of a property of somebody, such as `customer_type`."""

PARTS = frozenset("prefix suffix part code name number no nr desc description".split())
"""Words behind such a word that name a property too, such as `customer_zip_code`."""

ADDRESS = re.compile(r"(\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,7}")
"""An address of the internet protocol."""

LONGEST = 140
"""Characters of a key, on average, at most."""

HINTED = ("person", "thing", "session", "code")
"""Words of names that say that numbers are not amounts."""

IDS = frozenset("id ids no nr num number key code uid uuid guid nummer kennung numero codigo cle codice".split())
"""Words of the names of keys."""

COMPARED = 12
"""Columns that are compared with each other."""

SURE = 0.8
"""The lead in points from which on the choice is sure."""


@dataclass(frozen=True, slots=True)
class EntityChoice:
    """One or several columns that name who did it, and how likely that is."""

    columns: tuple[Profile, ...]
    codes: Codes
    score: float
    reason: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)


def find_entities(profiles: Sequence[Profile], time: TimeChoice | None) -> list[EntityChoice]:
    """The columns that may be the entity, the likeliest first. None if no column repeats."""
    found = {}
    used = set() if time is None else {column.name for column in time.columns}
    for profile in profiles:
        if profile.name in used or not _may_be(profile):
            continue
        found[profile.name] = _score(profile, time, profiles)
    order = sorted(found, key=lambda name: -found[name])[:COMPARED]
    chosen = [profile for profile in profiles if profile.name in order]
    for name, change in _nested(chosen, time).items():
        found[name] += change
    made = [EntityChoice((profile,), profile.codes, found[profile.name], _reason(profile)) for profile in chosen]
    made = _with_first_names(made, profiles)
    return sorted(made, key=lambda each: -each.score)


def _may_be(profile: Profile) -> bool:
    if profile.kind not in ("text", "number") or profile.distinct < 2 or profile.missing > 0.7:
        return False
    if profile.kind == "number" and (not profile.is_whole or epoch_unit(profile) is not None):
        return False
    # values that hardly come back make no histories
    if profile.filled / profile.distinct < 1.05 or profile.found.is_list:
        return False
    lengths = [len(value) for value in profile.values[:500]]
    words = sum(len(value.split()) for value in profile.values[:500]) / len(lengths)
    return sum(lengths) / len(lengths) <= (LONGEST if words < 1.5 else 60)


def _score(profile: Profile, time: TimeChoice | None, profiles: Sequence[Profile]) -> float:
    codes = profile.codes
    if time is not None:
        codes = np.where(time.there, codes, -1)
        # the share of rows in groups of several moments
        _, long = group_spans(codes, time.times)
    else:
        long = grouped_share(codes)
    mean = profile.filled / profile.distinct
    score = 1.5 * long + 0.5 * grouped_share(codes) + min(float(np.log10(profile.distinct)) / 3, 1.0)
    score -= 1.5 if profile.distinct < 10 else 0.5 if profile.distinct < 30 else 0.0
    score -= 2.0 * max(0.0, 1.6 - mean)
    # a value that is in a third of all rows names nobody
    largest = float(profile.counts.max() / profile.filled)
    score -= 2.0 if largest > 0.3 and profile.distinct > 3 else 0.0
    score -= 0.5 * profile.missing
    if (
        profile.kind == "number"
        and not _names_key(profile)
        and is_smooth(profile)
        and not _is_counted(profile, profiles)
    ):
        score -= 3.0
    # files are often sorted by who did it
    if runs(codes) < 1.3 and mean > 1.5 and profile.distinct > 5:
        score += 1.0
    if sum(value.startswith("/") or "://" in value for value in profile.values[:500]) > 0.8 * len(profile.values[:500]):
        score -= 2.5  # pages are what is looked at
    return score + _by_name(profile)


def _is_counted(profile: Profile, profiles: Sequence[Profile]) -> bool:
    """True if the values stand together in the file, and another column counts the rows of each from the beginning."""
    if profile.missing or runs(profile.codes) > 1.05:
        return False
    is_next = profile.codes[1:] != profile.codes[:-1]  # (rows - 1,)
    for other in profiles:
        if other is profile or other.numbers is None or not other.is_whole or other.missing:
            continue
        steps = np.diff(other.numbers)
        firsts = other.numbers[1:][is_next]
        is_row = (steps == 1)[~is_next].mean() > 0.98 if not is_next.all() else False
        if is_row and len(firsts) and (firsts == other.numbers[0]).mean() > 0.9:
            return True
    return False


def _names_key(profile: Profile) -> bool:
    """True if a name says that numbers are not amounts: a `taxi_id` or a `taxi`, but not `taxi_out`."""
    is_id = bool(IDS & set(words_of(profile.name)))
    return any(profile.means(kind) or (is_id and profile.hints(kind)) for kind in HINTED)


def is_unlikely(profile: Profile) -> bool:
    """True if the name says that the column names something else than who."""
    return _by_name(profile) <= -1.5


def _by_name(profile: Profile) -> float:
    own = words_of(profile.name)
    is_property = len(own) > 1 and (own[-1] in ATTRIBUTES or (own[-1] in PARTS and bool(ATTRIBUTES & set(own))))
    if profile.means("session"):
        return -0.7
    if _is_prose(profile):
        return -2.5
    score = 0.0
    if profile.hints("person"):
        score += -1.0 if is_property else 3.0
    elif is_surname(profile):
        score += 2.0
    elif profile.hints("quantity") or profile.hints("offset"):
        score -= 2.5
    elif profile.hints("thing") or _is_address(profile):
        score += -1.0 if is_property else 1.8
    elif profile.hints("session"):
        score -= 0.7
    elif profile.hints("item"):
        score -= 2.0
    if profile.hints("person") and not is_property:
        return score
    # the number in `FFP number` counts nothing
    score -= 1.5 if profile.means("sequence") else 0.0
    for kind, points in (("label", 3.0), ("time", 2.0), ("calendar", 2.5)):
        score -= points if profile.hints(kind) else 0.0
    return score


def _is_prose(profile: Profile) -> bool:
    """True if values are sentences, such as the subjects of messages, which name nobody."""
    sample = profile.values[:500]
    # groups of digits, as in the number of an account, are not words
    words = sum(word.strip(".,:;!?'\"").isalpha() for value in sample for word in value.split())
    return profile.kind == "text" and words > 3.5 * len(sample)


def _nested(profiles: Sequence[Profile], time: TimeChoice | None) -> dict[str, float]:
    """Points for columns whose values are cut into visits by another column, and against properties of others."""
    change = dict.fromkeys((profile.name for profile in profiles), 0.0)
    spans = {} if time is None else {
        profile.name: group_spans(np.where(time.there, profile.codes, -1), time.times)[0] for profile in profiles
    }  # fmt: skip
    contiguous = {profile.name: runs(profile.codes) < 1.2 for profile in profiles}
    for inner in profiles:
        for outer in profiles:
            if inner.distinct < 1.1 * outer.distinct or nesting(inner.codes, outer.codes) < 0.995:
                continue
            if time is None:
                is_visit = contiguous[inner.name] and contiguous[outer.name]
            else:
                # a visit is over sooner than the history that it is part of; a property is not
                is_visit = spans[inner.name] < 0.3 * spans[outer.name]
            if is_visit and outer.distinct >= 10:
                change[outer.name] += 1.2
                change[inner.name] -= 1.0
            elif not is_visit:
                # somebody with several phones or accounts is not a property of theirs
                change[outer.name] -= 0.6 if outer.means("person") else 1.2
    # many columns say nothing more than one
    return {name: float(np.clip(points, -2.5, 1.5)) for name, points in change.items()}


def _reason(profile: Profile) -> str:
    mean = profile.filled / profile.distinct
    return f"{profile.distinct:,} values, each in {mean:,.1f} rows on average"


def _is_address(profile: Profile) -> bool:
    """True if values are addresses of machines in a network, but those of servers."""
    sample = profile.values[:500]
    is_server = bool({"server", "destination", "dest", "dst", "target", "remote_server"} & set(words_of(profile.name)))
    return not is_server and sum(ADDRESS.fullmatch(value) is not None for value in sample) > 0.9 * len(sample)


def is_surname(profile: Profile) -> bool:
    """True if a name says that a column has the family names of people."""
    return profile.means("surname") or {"last", "name"} <= set(words_of(profile.name))


def _is_given(profile: Profile) -> bool:
    """True if a column has first names or initials, such as `Cardholder First Name`."""
    own = set(words_of(profile.name))
    return profile.means("given") or {"first", "name"} <= own or {"first", "initial"} <= own


def _with_first_names(found: list[EntityChoice], profiles: Sequence[Profile]) -> list[EntityChoice]:
    """A surname names nobody without the first name."""
    made = []
    for choice in found:
        (column,) = choice.columns
        given = next((each for each in profiles if _is_given(each)), None)
        if is_surname(column) and given is not None:
            # one number for each pair; a null first name is 0
            pairs = column.codes * (given.distinct + 1) + given.codes + 1
            codes = np.where(column.there & given.there, np.unique(pairs, return_inverse=True)[1], -1)
            mean = (codes >= 0).sum() / max(len(np.unique(codes[codes >= 0])), 1)
            reason = f"{len(np.unique(codes[codes >= 0])):,} names, each in {mean:,.1f} rows on average"
            choice = EntityChoice((column, given), codes.astype(np.int64), choice.score, reason)
        made.append(choice)
    return made
