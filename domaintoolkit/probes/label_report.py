"""The result of an evaluation on labels: one table, one verdict in a sentence."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from domaintoolkit.labels import Kind
from domaintoolkit.probes.label_metrics import METRICS, PRIMARY

__all__ = ["Estimate", "Gain", "LabelEvaluation", "ProbeResult", "write_sentence"]


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
    text = write_figure(found.value)
    if interval and found.low is not None and found.high is not None:
        text += f" ({write_figure(found.low)} to {write_figure(found.high)})"
    return text


def write_figure(value: float) -> str:
    """A number with three decimals, from 1,000 on with one, and from a billion on as a power of ten; NaN is a dash."""
    if value != value:
        return "-"
    if abs(value) >= 1e9:
        return f"{value:.3g}"
    # 0 has no sign
    return f"{value:,.1f}" if abs(value) >= 1_000 else f"{value + 0.0:.3f}".replace("-0.000", "0.000")


def write_sentence(
    metric: str, ranked: list[ProbeResult], gains: tuple[Gain, ...], leads: tuple[Gain, ...], why: str
) -> str:
    """The verdict: which of the sources wins, by how much, and if it is certain.

    `ranked` is the best probe of each source, the best source first; `leads` are its gains over the constant and over
    the second of the sources, without those that it has none of. `why` is said if the metric has no value.
    """
    first = ranked[0]
    value = first.metrics[metric]
    if math.isnan(value.value):
        return f"none: {why}"
    shown = f"{metric} {show(value, True)}"
    if first.source == "constant":
        return "; ".join(
            [f"nothing is better than the constant, whose {metric} is {show(value, True)}", *map(_describe_gain, gains)]
        )
    name = f"{first.source} ({first.probe})"
    over = {lead.right: lead for lead in leads}
    unsure = [right for right, lead in over.items() if not lead.is_certain]
    if "constant" in unsure:
        head = f"{name} {_verb_of(first.source)} first with {shown}, but nothing is certainly better than the constant"
    elif unsure:
        head = f"{name} {_verb_of(first.source)} first with {shown}, not certainly ahead of {unsure[0]}"
    else:
        head = f"{name} win{'' if _verb_of(first.source) == 'are' else 's'} with {shown}"
    return "; ".join([head, *map(_describe_gain, gains)])


def _verb_of(source: str) -> str:
    """The form of "to be" that goes with a source."""
    return "is" if source in ("constant", "untrained") else "are"


def _describe_gain(gain: Gain) -> str:
    """A difference in words: by how much, and if it is certain."""
    certainty = "certain" if gain.is_certain else "not certain"
    interval = ": too few test entities, or too few of a class, for an interval"
    if gain.low is not None and gain.high is not None:
        interval = f", 95%: {write_figure(gain.low)} to {write_figure(gain.high)}"
    verb = _verb_of(gain.left)
    if gain.gain == 0:
        return f"{gain.left} {verb} level with {gain.right} ({certainty}{interval})"
    word = "ahead of" if gain.gain > 0 else "behind"
    return f"{gain.left} {verb} {write_figure(abs(gain.gain))} {word} {gain.right} ({certainty}{interval})"
