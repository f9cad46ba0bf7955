"""The result of an evaluation on labels: one table, one verdict in a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from domaintoolkit.labels import Kind
from domaintoolkit.probes.label_metrics import LOWER_IS_BETTER, METRICS, PRIMARY

__all__ = ["Estimate", "Gain", "LabelEvaluation", "ProbeResult"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric on the test rows: the mean over seeds, and its 95% interval over resamples of the entities."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One line of the table."""

    source: str
    """The features that the probe was fitted on."""
    probe: str
    features: int
    metrics: dict[str, Estimate]
    validation: float
    """The primary metric on the validation rows, by which the probe of a source is chosen."""
    spread: float
    """The deviation of the primary metric between seeds."""
    chosen: dict[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Gain:
    """The amount by which `left` is better than `right` in the primary metric, on the same resamples."""

    left: str
    right: str
    gain: float
    low: float | None
    high: float | None

    @property
    def is_certain(self) -> bool:
        """True if the interval holds no zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True)
class LabelEvaluation:
    """The table, the differences that matter, and the verdict."""

    task: str
    kind: Kind
    classes: tuple[str, ...]
    rows: dict[str, int]
    """Label rows in all, of unknown entities and without events, and of each split."""
    entities: int
    """Entities of the test rows, which are resampled."""
    results: tuple[ProbeResult, ...]
    gains: tuple[Gain, ...]
    sentence: str
    notes: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """The primary metric."""
        return PRIMARY[self.kind]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"metric": self.metric, **asdict(self)}

    def table(self) -> str:
        """The table in Markdown, the primary metric with its interval."""
        names = METRICS[self.kind]
        lines = [
            "| features | probe | " + " | ".join(names) + " |",
            "|---|---|" + "---|" * len(names),
        ]
        for result in self.results:
            cells = [show(result.metrics[name], name == self.metric) for name in names]
            lines.append(f"| {result.source} | {result.probe} | " + " | ".join(cells) + " |")
        return "\n".join(lines)


def show(found: Estimate, interval: bool = False) -> str:
    """A figure with three decimals, and its interval."""
    text = f"{found.value:.3f}"
    if interval and found.low is not None and found.high is not None:
        text += f" ({found.low:.3f} to {found.high:.3f})"
    return text


def write_sentence(metric: str, best: dict[str, ProbeResult], gains: tuple[Gain, ...]) -> str:
    """The verdict: which of the sources wins, by how much, and if it is certain."""
    lower = metric in LOWER_IS_BETTER
    sign = -1 if lower else 1
    ranked = sorted(best.values(), key=lambda result: -sign * result.metrics[metric].value)
    first = ranked[0]
    head = f"{first.source} ({first.probe}) wins with {metric} {show(first.metrics[metric], True)}"
    parts = []
    for gain in gains:
        certainty = "certain" if gain.is_certain else "not certain"
        size = f"{abs(gain.gain):.3f}"
        interval = "" if gain.low is None else f", 95%: {gain.low:.3f} to {gain.high:.3f}"
        word = "ahead of" if gain.gain >= 0 else "behind"
        parts.append(f"{gain.left} is {size} {word} {gain.right} ({certainty}{interval})")
    return "; ".join([head, *parts])
