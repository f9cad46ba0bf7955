"""`measured_by`: numbers of many kinds in one column, such as laboratory values, and the column that names the kind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.dependencies import Codes, explained
from domaintoolkit.proposal.encoder_choice import Choice
from domaintoolkit.proposal.redundancy.copies import is_unit
from domaintoolkit.schema import Categorical, Numeric

__all__ = ["measured_by"]

EXPLAINED = 0.3
"""The share of the variance of ranks that the kind explains at least."""

KINDS = 5_000
"""Kinds of numbers at most."""

ROWS, VARIED = 20, 4
"""Rows and distinct numbers that a kind has on average, at least: the prices of products are not of many kinds."""


def measured_by(choices: Sequence[Choice], said: Collection[str]) -> list[Choice]:
    """The choices, with `by` for a column of numbers of many kinds, whose kind comes before it.

    Only a name that says nothing, such as `value`, is that of such a column; the columns of `said` stay as they are.
    """
    made = list(choices)
    for choice in choices:
        profile = choice.profile
        if not isinstance(choice.spec, Numeric) or profile.name in said or not profile.hints("generic"):
            continue
        found = [(_explained(profile, each.profile), each) for each in choices if _may_name(each)]
        best = max(found, key=lambda pair: pair[0], default=None)
        if best is None or best[0] < EXPLAINED:
            continue
        kind = best[1]
        spec = replace(choice.spec, by=kind.profile.name, strategy="quantile", sign=False)
        measured = replace(choice, spec=spec, reason=f"numbers of many kinds, which {kind.profile.name} names")
        made = [measured if each.profile is profile else each for each in made]
        place, before = _place(made, choice), _place(made, kind)
        if before > place:
            made.insert(place, made.pop(before))
        made = [each if each.profile is kind.profile else _without_unit(each, kind) for each in made]
    return made


def _place(made: Sequence[Choice], choice: Choice) -> int:
    """The place of the choice for the same column."""
    return next(place for place, each in enumerate(made) if each.profile is choice.profile)


def _without_unit(choice: Choice, kind: Choice) -> Choice:
    """A choice, left out if it is a unit that the kind fixes."""
    if (
        choice.spec is None
        or not is_unit(choice.profile)
        or explained(kind.profile.codes, choice.profile.codes)[0] < 0.99
    ):
        return choice
    return replace(choice, spec=None, reason=f"{kind.profile.name} fixes it")


def _may_name(choice: Choice) -> bool:
    spec = choice.spec
    is_plain = isinstance(spec, Categorical) and spec.separator is None and spec.unseen == "spell"
    return is_plain and 2 <= choice.profile.distinct <= KINDS


def _explained(profile: Profile, kind: Profile) -> float:
    """The share of the variance of the ranks of numbers between kinds; 0 if the kinds have too few numbers."""
    there = profile.there & kind.there
    if profile.numbers is None or there.sum() < ROWS * kind.distinct:
        return 0.0
    numbers, codes = profile.numbers[there], kind.codes[there]
    pairs = np.unique(np.stack([codes, np.unique(numbers, return_inverse=True)[1]]), axis=1)
    if pairs.shape[1] < VARIED * kind.distinct:
        return 0.0
    return _between(_ranks(numbers), codes)


def _ranks(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    middle: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return middle


def _between(ranks: NDArray[np.float64], codes: Codes) -> float:
    counts = np.bincount(codes)
    means = np.bincount(codes, ranks) / np.maximum(counts, 1)
    whole = float(ranks.var())
    return float((counts * (means - ranks.mean()) ** 2).sum() / len(ranks)) / whole if whole else 0.0
