"""Who simulated account holders are: what never changes while an account is open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finance_synthetic.templates import REGIONS

__all__ = ["AGE_GROUPS", "TYPES", "Accounts", "draw_accounts"]

TYPES = ("current", "student", "joint", "premium")
TYPE_SHARE = (0.55, 0.15, 0.2, 0.1)
WEALTH = (1.0, 0.45, 1.4, 2.2)
AGE_GROUPS = ("18-24", "25-34", "35-49", "50-64", "65+")
AGE_SHARE = (
    (0.1, 0.3, 0.3, 0.2, 0.1),
    (0.8, 0.18, 0.02, 0.0, 0.0),
    (0.02, 0.28, 0.4, 0.2, 0.1),
    (0, 0.15, 0.4, 0.3, 0.15),
)
MONTHS = 24
"""All accounts are open within 2023 and 2024, for three to nine months each."""
PAYDAYS = (1, 10, 15, 25, 28)

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Accounts:
    """One entry an account."""

    type: Ints
    age: Ints
    region: Ints
    wealth: NDArray[np.float64]
    opened: Ints
    """Months since January 2023."""
    months: Ints
    payday: Ints
    trips: NDArray[np.float64]
    """Shopping trips a month."""

    def __len__(self) -> int:
        return len(self.type)


def draw_accounts(rng: np.random.Generator, size: int) -> Accounts:
    """Accounts whose age group and wealth go with their type."""
    kind = np.searchsorted(np.cumsum(TYPE_SHARE), rng.random(size)).clip(0, len(TYPES) - 1)
    ages = np.cumsum(AGE_SHARE, axis=1)[kind]
    months = rng.integers(3, 10, size)
    return Accounts(
        type=kind,
        age=(rng.random((size, 1)) > ages).sum(1).clip(0, len(AGE_GROUPS) - 1),
        region=rng.integers(0, len(REGIONS), size),
        wealth=np.take(WEALTH, kind) * rng.lognormal(0.0, 0.25, size),
        opened=rng.integers(0, MONTHS - months + 1),
        months=months,
        payday=rng.choice(PAYDAYS, size),
        trips=rng.gamma(3.0, 1.6, size),
    )
