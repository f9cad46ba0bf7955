"""Columns of numbers that count the time since 1970, and their unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.name_words import words_of

__all__ = ["epoch_times", "epoch_unit", "names_time"]

YEARS = (631_152_000, 2_208_988_800)
"""Seconds since 1970 of the years 1990 and 2040, between which whole numbers may be times."""

EPOCHS = frozenset(("unix", "epoch", "ms", "millis"))
"""Words in names that say that numbers count the time since 1970."""

UNITS: dict[str, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Counts of each unit in a second."""


def epoch_unit(profile: Profile) -> str | None:
    """The unit if the numbers of a column may count the time since 1970: `s`, `ms`, `us` or `ns`."""
    numbers = None if profile.numbers is None else profile.numbers[profile.there]
    if numbers is None or not len(numbers):
        return None
    low, high = float(np.min(numbers)), float(np.max(numbers))
    for unit, factor in UNITS.items():
        if YEARS[0] * factor <= low and high <= YEARS[1] * factor:
            # the times of one table lie within 30 years
            enough = profile.distinct > 10 and high - low < 30 * 365 * 86_400 * factor
            return unit if enough and (names_time(profile) or profile.distinct > 0.2 * profile.filled) else None
    return None


def epoch_times(numbers: NDArray[np.float64], unit: str) -> NDArray[np.int64]:
    """Counts of a unit since 1970 in µs; 0 for those that are missing."""
    return np.nan_to_num(numbers * (1e6 / UNITS[unit])).astype(np.int64)


def names_time(profile: Profile) -> bool:
    """True if the name of a column says that it holds times."""
    return profile.hints("time") or profile.hints("late") or bool(EPOCHS & set(words_of(profile.name)))
