"""The course of training: losses, learning rate, gradient norm and speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from domaintoolkit.report.charts import Figure, Series, line_chart
from domaintoolkit.report.run.run_record import RunRecord

__all__ = ["curve_figures"]


def curve_figures(run: RunRecord) -> list[Figure]:
    """The pictures of a run's log; without a log, of its validation alone."""
    steps = run.steps
    found = [_bits(run, steps)]
    if steps:
        found += [_nats(run, steps), _rate(steps)]
        norms = [line for line in steps if "gradient_norm" in line]
        if norms:
            found.append(_norm(run, norms))
    return found


def _bits(run: RunRecord, steps: Sequence[dict[str, Any]]) -> Figure:
    validation = run.result["validation"]
    series = []
    if steps:
        series.append(Series("training", _x(steps), _smooth([line["bits_per_event"] for line in steps]), colour=0))
    if validation:
        series.append(
            Series("validation", [s for s, _ in validation], [b for _, b in validation], style="both", colour=1)
        )
    last = max([1, *(step for step, _ in validation), *_x(steps)])
    for colour, name in ((7, "unigram"), (2, "Markov")):
        bits = run.bits.get(name)
        if bits is not None and math.isfinite(bits):
            series.append(Series(f"{name} ({run.measured_on})", [0, last], [bits, bits], style="dashed", colour=colour))
    own = 1 if steps else 0
    shown = [value for each in series[own:] for value in each.y] + [min(series[0].y, default=0) if series else 1.0]
    # the picture ends a little above the validation, the baselines and the best of training
    top = max(shown) * 1.15
    series = [_clip(each, top) for each in series]
    caption = (
        f"Bits an event: the fewer, the better the next event is foreseen. Training is a running mean over batches. "
        f"The weights of step {run.result['best_step']:,} were kept. The baselines are measured on "
        f"{_name_split(run.measured_on)}."
    )
    return line_chart("Loss, in bits an event", series, "step", "bits an event", caption)


def _name_split(name: str) -> str:
    return f"the {name} split" if name in ("test", "validation") else f"{name} data" if name == "training" else name


def _clip(series: Series, top: float) -> Series:
    """The series without what lies above the picture: the first steps would flatten the rest."""
    kept = [k for k, value in enumerate(series.y) if value <= top]
    return replace(series, x=[series.x[k] for k in kept], y=[series.y[k] for k in kept])


def _nats(run: RunRecord, steps: Sequence[dict[str, Any]]) -> Figure:
    rows = {row["name"]: row["nats_per_token"] for row in run.result["comparison"]["rows"]}
    last = max(_x(steps))
    series = [Series("training", _x(steps), _smooth([line["loss"] for line in steps]), colour=0)]
    for colour, name in ((3, "uniform"), (7, "unigram"), (2, "Markov"), (1, "model")):
        if name in rows:
            series.append(
                Series(f"{name} ({run.measured_on})", [0, last], [rows[name]] * 2, style="dashed", colour=colour)
            )
    caption = "Nats a token, as language models report it: the uniform baseline knows only the size of the vocabulary."
    return line_chart("Loss, in nats a token", series, "step", "nats a token", caption)


def _rate(steps: Sequence[dict[str, Any]]) -> Figure:
    return line_chart("Learning rate", [Series("learning rate", _x(steps), [line["learning_rate"] for line in steps])],
                      "step", "learning rate", height=240)  # fmt: skip


def _norm(run: RunRecord, steps: Sequence[dict[str, Any]]) -> Figure:
    norms = [line["gradient_norm"] for line in steps]
    series = [Series("gradient norm", _x(steps), norms, colour=4)]
    if run.recipe.clip:
        series.append(Series("clipped above", [0, max(_x(steps))], [run.recipe.clip] * 2, style="dashed", colour=3))
    above = sum(norm > run.recipe.clip for norm in norms) / len(norms) if run.recipe.clip else 0
    caption = f"Before clipping. {above:.0%} of the reports lie above the limit." if run.recipe.clip else ""
    return line_chart("Norm of the gradient", series, "step", "norm", caption, log_y=True, height=240)


def _x(steps: Sequence[dict[str, Any]]) -> list[float]:
    return [line["step"] for line in steps]


def _smooth(values: Sequence[float]) -> list[float]:
    """A running mean whose window grows to a twentieth of the run."""
    window = max(1, len(values) // 20)
    return [sum(values[max(0, k - window + 1) : k + 1]) / min(window, k + 1) for k in range(len(values))]
