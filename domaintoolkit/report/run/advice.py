"""Advice for the next run: each lever, what this run says about it, and its worth in studies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import pluralize
from domaintoolkit.model import EVENT_PRESETS, PRESETS
from domaintoolkit.report.charts import Table
from domaintoolkit.report.run.run_record import RunRecord

__all__ = ["Trained", "advise"]


def advise(run: RunRecord, lengths: NDArray[np.int64], trained: Trained, gains: Mapping[str, str]) -> Table:
    """A row for each lever, the most promising first. `lengths` are the events of the histories that are shown.

    `gains` has what studies have found levers to be worth; levers that this run says nothing of come last.
    """
    rows = [list(row[1:]) for row in sorted(_levers(run, lengths, trained), key=lambda row: -row[0])]
    if not gains:
        return Table.of(("lever", "now", "try", "what this run says"), rows)
    own = {row[0] for row in rows}
    rows = [[*row, gains.get(row[0], "")] for row in rows]
    rows += [[lever, "", "", "", said] for lever, said in gains.items() if lever not in own]
    return Table.of(("lever", "now", "try", "what this run says", "what a study found"), rows)


@dataclass(frozen=True, slots=True)
class Trained:
    """The data that a run was trained on; None if they are not there."""

    entities: int | None
    epochs: float | None


Lever = tuple[float, str, str, str, str]
"""A number that is larger for a more promising lever, and the cells of its row."""


def _levers(run: RunRecord, lengths: NDArray[np.int64], trained: Trained) -> list[Lever]:
    gap = _overfit(run)
    found = [_longer(run, trained), _block(run, lengths), _rate(run), _size(run, gap), _data(run, gap, trained)]
    if run.recipe.family == "token" and run.recipe.segmentation == "base":
        said = "a history is shorter in composites, so a block holds more of it"
        found.append((0.3, "composites", "none", "encode --composites 2000, then --segmentation spr", said))
    said = "a difference that is smaller than that between seeds means nothing; repeat before you believe it"
    found.append((0.2, "seeds", f"{run.recipe.seed}", "--seed 1, 2", said))
    return found


def _overfit(run: RunRecord) -> float | None:
    """Validation above training in bits an event at the end; None without a log, or without validation."""
    steps, validation = run.steps, run.result["validation"]
    if not steps or not validation:
        return None
    last = [line["bits_per_event"] for line in steps[-max(1, len(steps) // 10) :]]
    return float(validation[-1][1] - sum(last) / len(last))


def _predict_gain(validation: list[Any]) -> float | None:
    """Bits that a doubling of the steps would save, if the second half of the curve goes on as a power of the steps."""
    points = [(step, bits) for step, bits in validation if step > 0]
    points = points[len(points) // 3 :]
    if len(points) < 3:
        return None
    x = np.log([step for step, _ in points])
    y = np.array([bits for _, bits in points])
    # bits for each unit of ln(steps)
    slope = float(np.polyfit(x, y, 1)[0])
    return -slope * math.log(2)


def _longer(run: RunRecord, trained: Trained) -> Lever:
    gain = _predict_gain(run.result["validation"])
    seen = "" if trained.epochs is None else f" ({trained.epochs:.1f} epochs)"
    said, promise = "too few evaluations to tell; set --evaluate-every lower", 0.5
    if not run.result["validation"]:
        said = "nothing is held out for validation, so this run says nothing of it"
    if run.recipe.purpose != "events" and gain is not None:
        # these weights are not chosen by bits, which may rise while ranks and embeddings improve
        said = f"the weights are chosen for {run.recipe.purpose}, and the last evaluations were the best"
    elif gain is not None and gain > 0.02:
        said = f"validation still falls: twice the steps would save about {gain:.2f} bits an event, if this goes on"
        promise = gain
    elif gain is not None:
        said, promise = f"validation has stopped falling ({gain:+.2f} bits for a doubling)", 0.05
    if run.result["best_step"] < run.result["steps"] * 0.8:
        best = f"{run.result['best_step']:,} of {run.result['steps']:,}"
        said, promise = f"the best step was {best}: more steps of this model overfit", 0.01
    return promise, "steps", f"{run.result['steps']:,}{seen}", f"--steps {2 * run.result['steps']}", said


def _block(run: RunRecord, lengths: NDArray[np.int64]) -> Lever:
    block = run.recipe.block
    if run.recipe.family == "token":
        per_event = run.result["comparison"]["tokens"] / max(1, run.result["comparison"]["events"])
        block = int(block / max(1.0, per_event))
    beyond = float(np.maximum(lengths - block, 0).sum() / max(1, lengths.sum())) if len(lengths) else 0.0
    said = (
        f"{_percent(beyond)} of the events shown here lie beyond the first {block:,} events of their history, which a "
        "block holds"
    )
    return beyond, "block", f"{run.recipe.block}", f"--block {2 * run.recipe.block}" if beyond else "", said


def _percent(share: float) -> str:
    return "less than 1%" if 0 < share < 0.01 else f"{share:.0%}"


def _rate(run: RunRecord) -> Lever:
    now = run.recipe.learning_rate
    norms = [line["gradient_norm"] for line in run.steps if "gradient_norm" in line]
    said = "one value was tried; the best differs by size and batch"
    if norms and run.recipe.clip:
        late = norms[len(norms) // 2 :]
        above = sum(norm > run.recipe.clip for norm in late) / len(late)
        said += f"; {above:.0%} of the later gradients were clipped"
        said += ", which speaks for a lower one" if above > 0.5 else ""
    return 0.4, "learning rate", f"{now:g}", f"--learning-rate {now / 3:.1g} and {now * 3:.1g}", said


def _size(run: RunRecord, gap: float | None) -> Lever:
    now = run.recipe.preset
    names = list(EVENT_PRESETS if now in EVENT_PRESETS else PRESETS)
    place = names.index(now) if now in names else 0
    larger = f"--preset {names[place + 1]}" if place + 1 < len(names) else ""
    if gap is None:
        return 0.3, "size", now, larger, "without validation this run says nothing of it; study sizes measures it"
    if gap > 0.05 * run.bits["model"]:
        said = "training is far below validation: a larger model would only remember more"
        return 0.05, "size", now, larger, said
    said = "validation follows training, so a larger model has room to gain; study sizes measures it"
    return 0.35, "size", now, larger, said


def _data(run: RunRecord, gap: float | None, trained: Trained) -> Lever:
    shown = "" if trained.entities is None else pluralize(trained.entities, "training entity", "training entities")
    if gap is None:
        lacks = "without validation" if run.steps else "without its log"
        return 0.1, "data", shown, "more entities", f"{lacks} this run says nothing of it"
    share = gap / max(run.bits["model"], 1e-9)
    said = f"validation is {gap:+.2f} bits an event above training"
    said += ": more data would help most" if share > 0.05 else ": the data is not yet exhausted"
    return max(0.02, min(gap, 2.0)), "data", shown, "more entities", said
