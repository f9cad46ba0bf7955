"""The result of predicting next events: figures of the model and of rules, and a verdict in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domaintoolkit.metrics import Reliability
from domaintoolkit.next_events.metrics import MeanFigure

__all__ = ["NextReport", "RankingRow", "SuffixRow", "TimeRow"]


@dataclass(frozen=True, slots=True)
class RankingRow:
    """One way to rank values."""

    name: str
    figures: dict[str, MeanFigure]
    """`accuracy`, `mrr`, `recall@10`, `ndcg@10` and so on."""
    fresh: dict[str, MeanFigure]
    """The same with the values of the history left out."""
    reliability: Reliability | None
    """None if the scores are not probabilities."""
    seconds: float


@dataclass(frozen=True, slots=True)
class TimeRow:
    """One way to predict when the next event comes: the mean absolute error in seconds."""

    name: str
    error: MeanFigure


@dataclass(frozen=True, slots=True)
class SuffixRow:
    """One way to predict what comes until a history ends."""

    name: str
    similarity: MeanFigure
    days: MeanFigure | None
    """Mean absolute error of the days until the last event; None without a time column."""


@dataclass(frozen=True, slots=True)
class NextReport:
    """Everything that `evaluate --next` finds."""

    field: str
    held_out: str
    split: str
    histories: int
    cases: int
    missing: int
    """Cases whose next event has no value of the field; they count for times only."""
    values: int
    rows: tuple[RankingRow, ...]
    times: tuple[TimeRow, ...]
    suffixes: tuple[SuffixRow, ...]
    suffix_cases: int
    verdict: str
    metric: str
    """The figure that the verdict is about."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "field": self.field,
            "held_out": self.held_out,
            "split": self.split,
            "histories": self.histories,
            "cases": self.cases,
            "missing": self.missing,
            "values": self.values,
            "ranking": [
                {
                    "name": row.name,
                    "all": {name: _figure(each) for name, each in row.figures.items()},
                    "earlier_values_left_out": {name: _figure(each) for name, each in row.fresh.items()},
                    "reliability": None if row.reliability is None else {
                        "error": row.reliability.error,
                        "confidence": list(row.reliability.confidence),
                        "right": list(row.reliability.right),
                        "cases": list(row.reliability.cases),
                    },
                    "seconds": round(row.seconds, 3),
                }
                for row in self.rows
            ],
            "time": [{"name": row.name, "seconds": _figure(row.error)} for row in self.times],
            "suffixes": [
                {
                    "name": row.name,
                    "similarity": _figure(row.similarity),
                    "days": None if row.days is None else _figure(row.days),
                }
                for row in self.suffixes
            ],
            "suffix_cases": self.suffix_cases,
            "metric": self.metric,
            "verdict": self.verdict,
            "notes": list(self.notes),
        }  # fmt: skip


def _figure(each: MeanFigure) -> dict[str, float | None]:
    """NaN, which JSON does not have, is None."""
    pairs = {"value": each.value, "low": each.low, "high": each.high}
    return {name: None if value != value else value for name, value in pairs.items()}
