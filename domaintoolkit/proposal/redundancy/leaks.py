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
        filled = _differs(profile).astype(np.int64)
        if 0 < filled.sum() < len(filled):
            agree = max(
                float((filled[label.there] == rare[label.there]).mean()),
                float((filled[label.there] != rare[label.there]).mean()),
            )
            # the share that is right if the more frequent label is always said
            baseline = max(float(rare[label.there].mean()), 1 - float(rare[label.there].mean()))
            if agree > 1 - 0.02 * (1 - baseline):
                found.append(profile.name)
                continue
        if 1 < profile.distinct <= 50 and (
            _fixes(profile.codes, label.codes, rare) or _tells(profile, label.there, rare)
        ):
            found.append(profile.name)
    return found


def _differs(profile: Profile) -> np.ndarray:
    """(rows,): True at rows with a value, other than the one that most rows have in place of none, such as -1."""
    usual = int(np.argmax(profile.counts))
    is_default = profile.counts[usual] > 0.5 * profile.rows
    return profile.there & (profile.codes != usual) if is_default else profile.there


def _tells(profile: Profile, there: np.ndarray, rare: np.ndarray) -> bool:
    """True if some values occur only with the rare label, and with a good part of its rows: they came after it."""
    if not 30 <= rare.sum() < 0.3 * there.sum():
        return False
    own = profile.codes + 1  # null is a value too
    all_rows, rare_rows = np.bincount(own[there], minlength=2), np.bincount(own[rare & there], minlength=2)
    rare_rows = np.pad(rare_rows, (0, len(all_rows) - len(rare_rows)))
    sure = (all_rows >= 30) & (rare_rows == all_rows)
    return bool(rare_rows[sure].sum() > 0.2 * rare.sum())


def _fixes(codes: Codes, label: Codes, rare: np.ndarray) -> bool:
    if int(rare.sum()) < 30:
        return False
    share, support = explained(codes, label)
    baseline = float((~rare).mean())
    return support > 0.9 and 1 - share < 0.01 * (1 - baseline)
