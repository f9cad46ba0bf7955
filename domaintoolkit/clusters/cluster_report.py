"""The result of calling clusters bots."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["ClusterReport", "FlagRow", "Spread"]


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean over repeats, with the least and the greatest; NaN if no repeat gives one."""

    mean: float
    least: float
    greatest: float


@dataclass(frozen=True, slots=True)
class FlagRow:
    """The bots that one kind of vectors finds."""

    name: str
    calibrated: Spread
    """The share of converting events in the clusters called bots, on the part that they were chosen on."""
    false_positives: Spread
    """The same on the other part."""
    invalid: Spread
    """The share of all events in these clusters, on the other part."""
    by_length: dict[str, Spread]
    """The same, by the number of events of the entity."""
    by_kind: dict[str, Spread]
    """The same, by the true kind of the entity; empty if it is not known."""
    people: Spread | None
    """The same of events of people, by their true kinds."""
    bots: Spread | None
    """The same of events of bots: recall."""


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """Everything that `evaluate --clusters` finds."""

    entities: int
    events: int
    converting: int
    """Converting events, which stand in for people."""
    clusters: int
    rules: tuple[str, ...]
    rate: float
    repeats: int
    rows: tuple[FlagRow, ...]
    verdict: str
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data; NaN is None."""
        found: dict[str, Any] = _plain(asdict(self))
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and value != value else value
