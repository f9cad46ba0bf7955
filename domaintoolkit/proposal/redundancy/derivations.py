"""`find_derived`: columns that follow from others: totals, ends of intervals, flags, and coarser categories."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.dependencies import explained
from domaintoolkit.proposal.encoder_choice import Choice
from domaintoolkit.proposal.time_choice import TimeChoice
from domaintoolkit.schema import Categorical, Numeric, Timestamp

__all__ = ["find_derived"]

Numbers = NDArray[np.float64]

LEAST = 0.99
"""The share of the rows in which a column follows from others, at least."""

TERMS = 4
"""Columns that a total has at most."""

COMPARED = 12
"""Columns of numbers that are compared with each other."""

ROWS = 2_000
"""Rows that sums and products are tried on."""

UNITS = {"ms": 10**3, "s": 10**6, "min": 60 * 10**6, "h": 3_600 * 10**6, "d": 86_400 * 10**6}
"""Microseconds of each unit of an interval."""

KINDS, ROWS_OF_A_KIND = 32, 50
"""Values that a category has at most, and rows for each of them, if a coarser one is left out: a model learns what each
of the values means."""


def find_derived(choices: Sequence[Choice], time: TimeChoice | None) -> dict[str, str]:
    """The columns that follow from others in the same row, each with the reason to leave it out."""
    kept = [each for each in choices if each.spec is not None]
    out = {} if time is None else _ends(kept, time)
    out |= _totals([each for each in kept if isinstance(each.spec, Numeric)])
    kept = [each for each in kept if each.profile.name not in out]
    out |= _flags(kept)
    return out | _coarser([each for each in kept if each.profile.name not in out])


def _ends(kept: Sequence[Choice], time: TimeChoice) -> dict[str, str]:
    """Second times that lie as far from the event's time as a column of numbers says."""
    lengths = [each.profile for each in kept if isinstance(each.spec, Numeric) and each.profile.distinct > 10]
    out = {}
    for choice in kept:
        end = choice.profile
        if not isinstance(choice.spec, Timestamp) or end.times is None:
            continue
        for length in lengths:
            if _is_end(end, length, time):
                out[end.name] = f"derived: {time.name} and {length.name} give it"
                break
    return out


def _is_end(end: Profile, length: Profile, time: TimeChoice) -> bool:
    there = end.there & length.there & time.there
    if end.times is None or length.numbers is None or there.sum() < max(20, 0.9 * end.filled):
        return False
    steps = (end.times - time.times)[there].astype(np.float64)  # (rows,) µs
    numbers = length.numbers[there]
    for unit in UNITS.values():
        # a number may be rounded or cut off, and dates are
        error = 1.01 * unit * _step(length)
        is_near = (np.abs(np.abs(steps) - np.abs(numbers) * unit) <= error).mean() >= LEAST
        if is_near and steps.std() > 5 * error:
            return True
    return False


def _step(profile: Profile) -> float:
    """The smallest difference that the digits of a column's numbers can show."""
    if profile.is_whole or profile.numbers is None:
        return 1.0
    some = profile.numbers[profile.there][:500]
    places = [len(f"{number:.6f}".partition(".")[2].rstrip("0")) for number in some]
    return 10.0 ** -max(places, default=0)


def _totals(choices: Sequence[Choice]) -> dict[str, str]:
    """Columns of numbers that are sums or products of others."""
    profiles = [each.profile for each in choices if each.profile.numbers is not None and each.profile.distinct > 2]
    profiles = profiles[:COMPARED]
    if len(profiles) < 3:
        return {}
    rows = np.linspace(0, profiles[0].rows - 1, min(ROWS, profiles[0].rows)).astype(np.int64)
    numbers = {each.name: each.numbers[rows] for each in profiles if each.numbers is not None}
    steps = {each.name: _step(each) for each in profiles}
    names = list(numbers)
    out: dict[str, str] = {}
    # a sum has few terms if that will do
    for size in range(2, TERMS + 1):
        for whole in names:
            for parts in combinations([name for name in names if name != whole], size):
                if whole in out or not out.keys().isdisjoint(parts):
                    continue
                formula = _find_formula(whole, parts, numbers, steps)
                if formula is not None:
                    out[whole] = f"derived: {formula}"
    return out


def _find_formula(whole: str, parts: Sequence[str], numbers: dict[str, Numbers], steps: dict[str, float]) -> str | None:
    """The product or the sum of columns that another column is; None if it is neither."""
    own = [numbers[name] for name in parts]
    if len(parts) == 2 and _fits(numbers[whole], own, own[0] * own[1], 0.51 * steps[whole] + 1e-6, 1.0):
        return " x ".join(parts)
    error = len(parts) * max(steps[name] for name in parts) * 0.51
    return " + ".join(parts) if _fits(numbers[whole], own, np.sum(own, axis=0), error, 0.0) else None


def _fits(whole: Numbers, parts: Sequence[Numbers], made: Numbers, error: float, neutral: float) -> bool:
    """True if `made` of the parts is `whole` in nearly all rows, of which many have no `neutral` part."""
    there = np.isfinite(whole) & np.isfinite(made)
    if there.sum() < max(20, 0.9 * np.isfinite(whole).sum()):
        return False
    if (np.abs(whole - made)[there] <= error).mean() < LEAST or float(whole[there].std()) < 5 * error:
        return False
    # a part that is nearly always 0, or 1 in a product, makes a copy of the other part
    return all(float((part[there] != neutral).mean()) > 0.02 and len(np.unique(part[there])) > 2 for part in parts)


def _flags(kept: Sequence[Choice]) -> dict[str, str]:
    """Columns of two values that say if another column has a value."""
    partial = [each.profile for each in kept if 0.01 < each.profile.missing < 0.99]
    out = {}
    for choice in kept:
        flag = choice.profile
        # two words, such as kinds of customers, say more than the null of another column
        is_flag = flag.kind == "bool" or flag.is_whole
        if flag.distinct != 2 or flag.missing or not isinstance(choice.spec, Categorical) or not is_flag:
            continue
        same = [float(((flag.codes == 1) == other.there).mean()) for other in partial]
        told = [other.name for other, share in zip(partial, same, strict=True) if max(share, 1 - share) > 0.9995]
        # a flag of several columns, such as `cancelled`, is the plainest word for it
        if len(told) == 1:
            out[flag.name] = f"says if {told[0]} has a value"
    return out


def _coarser(kept: Sequence[Choice]) -> dict[str, str]:
    """Categories that follow from a category with a few more values."""
    plain = [
        each.profile for each in kept
        if isinstance(each.spec, Categorical) and each.spec.separator is None and each.profile.distinct <= KINDS
    ]  # fmt: skip
    out: dict[str, str] = {}
    for fine in sorted(plain, key=lambda each: -each.distinct):
        if fine.missing > 0 or fine.filled < ROWS_OF_A_KIND * fine.distinct or fine.name in out:
            continue
        for coarse in plain:
            is_less = 2 <= coarse.distinct < fine.distinct and coarse.name not in out
            if is_less and explained(fine.codes, coarse.codes, nulls_count=True) == (1.0, 1.0):
                out[coarse.name] = f"{fine.name} fixes it"
    return out
