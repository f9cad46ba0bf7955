"""Columns that give a label away, or say what is for training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.dependencies import Codes, explained
from domaintoolkit.proposal.columns.name_words import words_of

__all__ = ["find_leaks", "is_split"]

SPLIT_NAMES = frozenset("split set fold subset partition eval usage".split())
SPLIT_VALUES = frozenset(
    "train training test testing val valid validation dev eval holdout prior public private".split()
)
"""Names and values of columns that split a table for training and testing."""


def is_split(profile: Profile) -> bool:
    """True if a column says which rows are for training and which for testing."""
    words, values = set(words_of(profile.name)), {value.lower() for value in profile.values[:20]}
    return bool(words & SPLIT_NAMES) and 2 <= profile.distinct <= 5 and values <= SPLIT_VALUES


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
