"""The points of a curve or of a law: runs that differ only in their seed are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["points_of"]


def points_of(rows: Sequence[Mapping[str, Any]], x: str, y: str) -> tuple[list[float], list[list[float]]]:
    """(places in order, the values of the seeds at each).

    What differs a little between seeds, such as the events that were seen, has its mean as the place.
    """
    found: dict[tuple[Any, ...], list[tuple[float, float]]] = {}
    for row in rows:
        # levels are texts; a learning rate or a number of steps may be tuned, and so is part of what a run is
        levels = tuple(value for name, value in sorted(row.items()) if name != "cell" and isinstance(value, str))
        key = (levels, row.get("learning_rate"), row.get("steps"))
        found.setdefault(key, []).append((float(row[x]), float(row[y])))
    merged: dict[float, list[float]] = {}
    for own in found.values():
        merged.setdefault(float(np.mean([place for place, _ in own])), []).extend(value for _, value in own)
    places = sorted(merged)
    return places, [merged[place] for place in places]
