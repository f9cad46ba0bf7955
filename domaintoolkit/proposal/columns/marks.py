"""The marks within texts: between the levels of a path, and between the elements of a set."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["find_path_mark", "find_set_mark"]


def find_path_mark(values: Sequence[str], is_named: bool = False) -> str | None:
    """The mark between the levels of a path, from the coarse to the fine, if the values are paths.

    Numbers alone, such as `3.4.17`, are one only if the column is named as a path.
    """
    if len(values) < 5:
        return None
    if is_named:
        for mark in "./>:|":
            parts = [value.split(mark) for value in values]
            if sum(len(own) > 1 for own in parts) > 0.6 * len(parts) and all(
                part.strip() for own in parts for part in own
            ):
                return mark
    for mark in (".", "/", " > ", ">", "\\", "::", ":", "|"):
        parts = [value.split(mark) for value in values]
        deep = [own for own in parts if len(own) > 1]
        if len(deep) < 0.6 * len(parts) or _are_no_levels(deep, mark):
            continue
        tops = {own[0] for own in parts}
        if len(tops) > 0.6 * len(parts) or (mark == ":" and len(tops) > 0.25 * len(parts)):
            continue
        # levels that share their names, which the next test would refuse
        if mark == "/" and len(parts) >= 20 and _share_levels(parts):
            return mark
        # a level of a path is below few others
        above: dict[str, set[str]] = {}  # second level: first levels
        for own in deep:
            above.setdefault(own[1], set()).add(own[0])
        if sum(len(each) for each in above.values()) / len(above) < 1.6:
            return mark
    return None


def _are_no_levels(deep: Sequence[Sequence[str]], mark: str) -> bool:
    """True if the parts of values are not words that name something."""
    parts = [part for own in deep for part in (own[1:] if mark == "/" else own)]
    if any(not part.strip() or len(part) > 40 for part in parts):
        return True
    if mark in "./:" and all(re.fullmatch(r"[\d\W]*", part) for part in parts):
        return True
    return any(("(" in part or (mark == "." and " " in part)) for part in parts)


def _share_levels(parts: Sequence[Sequence[str]]) -> bool:
    """True if all values have equally many levels, each of few names: `N2/4/cell1`."""
    depth = len(parts[0])
    if any(len(own) != depth for own in parts):
        return False
    return all(len({own[level] for own in parts}) <= 0.5 * len(parts) for level in range(depth))


def find_set_mark(values: Sequence[str]) -> str | None:
    """The mark between the elements of sets, if the values are sets of a few elements."""
    for mark in ("|", ";", ", ", ","):
        parts = [value.split(mark) for value in values]
        several = sum(len(own) > 1 for own in parts)
        if several < 0.3 * len(parts) or len(parts) < 20:
            continue
        elements = {part.strip() for own in parts for part in own}
        if len(elements) < 0.5 * len(parts) and max(len(each) for each in elements) < 50:
            return mark
    return None
