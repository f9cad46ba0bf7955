"""Expectations of a finished study for runs that were not made: of other sizes, budgets, and levers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.metrics import estimate_interval
from domaintoolkit.studies.analysis.differences import difference
from domaintoolkit.studies.analysis.laws import Law, fit_law
from domaintoolkit.studies.analysis.points import points_of
from domaintoolkit.studies.analysis.size_choice import JointLaw, SizeChoice, fit_joint_law
from domaintoolkit.studies.study_results import load_rows

__all__ = ["Expectation", "Outlook", "foresee", "lever_gains"]

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Expectation:
    """The test loss that a study expects of a size, trained as its own runs were."""

    parameters: float
    loss: float
    interval: tuple[float, float] | None
    """95%, by bootstrap over seeds; None with one seed."""
    is_beyond: bool
    """True if the size lies outside of those that were tried."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The laws of a study of sizes, and what follows from them."""

    runs: int
    size_law: Law
    joint_law: JointLaw
    expected: Expectation | None
    choices: tuple[tuple[str, SizeChoice], ...]
    """(the budget, the best size for it)"""

    def rows(self) -> list[tuple[str, str]]:
        """(label, text) of everything, for people."""
        unfixed = "; the points do not fix the exponent" if self.size_law.is_at_end else ""
        found = [
            ("the study", f"{self.runs} runs; parameters are counted without embeddings, losses in bits an event"),
            (
                "law of size (test)",
                f"{self.size_law.formula}{_show_ends(self.size_law.exponent_interval, 'exponent ', 3)}{unfixed}",
            ),
            ("law of size and data (validation)", self.joint_law.formula),
        ]
        if self.expected is not None:
            each = self.expected
            said = f"{each.loss:.3f}{_show_ends(each.interval, '', 3)}{_note_beyond(each.is_beyond)}"
            found.append((f"test loss of {each.parameters:,.0f} parameters", said))
        for budget, choice in self.choices:
            said = (
                f"{_round(choice.parameters)} parameters{_show_ends(choice.parameters_interval, '', 0)}, "
                f"{_round(choice.events)} events seen, "
                f"validation loss {choice.loss:.3f}{_show_ends(choice.loss_interval, '', 3)}"
            )
            found.append((f"best size for {budget}", f"{said}{_note_beyond(choice.is_beyond)}"))
        return found


def _round(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}"


def _show_ends(interval: tuple[float, float] | None, name: str, digits: int) -> str:
    if interval is None:
        return ""
    low, high = (f"{end:.{digits}f}" if digits else _round(end) for end in interval)
    return f" (95%: {name}{low} to {high})"


def _note_beyond(is_beyond: bool) -> str:
    return "; beyond what was tried" if is_beyond else ""


def foresee(
    folder: str | Path, parameters: float | None = None, seconds: float | None = None, flops: float | None = None
) -> Outlook:
    """The loss that the study in a folder expects of a number of parameters, and the best size for a time or for FLOPs.

    The time is that of one run on the machine of the study. Without a budget, the sizes are for the compute of the
    study's largest run, and for ten and a hundred times that. Raises `DataError` for fewer than three sizes.
    """
    rows = _whole_data(_chosen_rows(Path(folder)))
    try:
        size_law, joint = fit_law(*points_of(rows, "inner_parameters", "bits")), fit_joint_law(rows)
    except ValueError as error:
        raise DataError([Refusal(None, None, f"{folder} is not a study of sizes: {error}")]) from None
    expected = None
    if parameters is not None:
        is_beyond = not min(size_law.x) <= parameters <= max(size_law.x)
        expected = Expectation(parameters, size_law(parameters), size_law.interval(parameters), is_beyond)
    choices = []
    if seconds is not None:
        choices.append((f"{seconds:,.0f} s", joint.choose_for_time(seconds)))
    if flops is not None:
        choices.append((f"{flops:.3g} FLOPs", joint.choose_for_compute(flops)))
    if not choices:
        largest = max(row["flops"] for row in rows)
        choices = [(f"{each:.2g} FLOPs", joint.choose_for_compute(each)) for each in largest * np.array([1, 10, 100])]
    return Outlook(len(rows), size_law, joint, expected, tuple(choices))


def _chosen_rows(folder: Path) -> list[Mapping[str, Any]]:
    """The rows of the runs that were not only tried for tuning, and whose training has not diverged."""
    return [row for row in load_rows(folder) if row["is_chosen"] and row["bits"] is not None]


def _whole_data(rows: Rows) -> list[Mapping[str, Any]]:
    """The rows of runs on all data."""
    most = max((row["training_events"] for row in rows), default=0)
    return [row for row in rows if row["training_events"] == most]


def lever_gains(folder: str | Path, parameters: float) -> dict[str, str]:
    """For each lever that a study has tried, what it is worth to a run of a number of parameters, in a sentence.

    The levers are `size`, `steps` and `data`, and the axes that have a level `base`.
    """
    rows = _chosen_rows(Path(folder))
    name = Path(folder).resolve().name
    found = {}
    try:
        law = fit_law(*points_of(_whole_data(rows), "inner_parameters", "bits"))
        gain = law(2 * parameters) - law(parameters)
        ends = [
            floor + scale * (2 * parameters) ** -exponent - floor - scale * parameters**-exponent
            for floor, scale, exponent in law.draws
        ]
        found["size"] = f"{name} expects {_saving(gain, ends)} for twice the parameters"
        joint = fit_joint_law(_whole_data(rows))
        seen = joint.events[1]
        made = [each[3] * ((2 * seen) ** -each[4] - seen ** -each[4]) for each in (joint.coefficients, *joint.draws)]
        found["steps"] = f"{name} expects {_saving(made[0], made[1:])} for twice its events seen"
    except ValueError:
        pass  # no study of sizes
    data = _data_gain(rows, parameters, name)
    return {**found, **({} if data is None else {"data": data}), **_level_gains(rows, name)}


def _saving(change: float, draws: Sequence[float], interval: tuple[float, float] | None = None) -> str:
    """A change of the loss in words, with its interval, that of the draws if there is no other."""
    ends = interval or estimate_interval(draws)
    sign = -1 if change <= 0 else 1
    said = f"{abs(change):.3f} bits an event {'less' if sign < 0 else 'more'}"
    if ends is None:
        return said
    low, high = sorted(sign * end for end in ends)
    return f"{said} (95%: {low:.3f} to {high:.3f})"


def _data_gain(rows: Rows, parameters: float, name: str) -> str | None:
    """Of twice the data, by the law of the size that is nearest."""
    sizes = {row["inner_parameters"] for row in rows}
    shares = {size: {row["training_events"] for row in rows if row["inner_parameters"] == size} for size in sizes}
    known = [size for size in sizes if len(shares[size]) > 2]
    if not known:
        return None
    nearest = min(known, key=lambda size: abs(np.log(size / parameters)))
    law = fit_law(*points_of([row for row in rows if row["inner_parameters"] == nearest], "training_events", "bits"))
    most = max(shares[nearest])
    ends = [scale * ((2 * most) ** -exponent - most**-exponent) for _, scale, exponent in law.draws]
    gain = law(2 * most) - law(most)
    return f"{name} expects {_saving(gain, ends)} for twice its data at {nearest:,} parameters"


def _level_gains(rows: Rows, name: str) -> dict[str, str]:
    """The best level of each axis that has a base, if it is better than that by more than chance."""
    found = {}
    for axis in [each for each in rows[0] if isinstance(rows[0][each], str) and each != "cell"] if rows else []:
        levels: dict[str, list[float]] = {}
        for row in rows:
            levels.setdefault(str(row[axis]), []).append(float(row["bits"]))
        if "base" not in levels or len(levels) < 2:
            continue
        gaps = {each: difference([(values, levels["base"])]) for each, values in levels.items() if each != "base"}
        best = min(gaps, key=lambda each: gaps[each].gap)
        gap = gaps[best]
        if gap.reach is not None and gap.gap + gap.reach < 0:
            found[axis] = f"{name} found {_saving(gap.gap, (), gap.interval)} with {best}"
        else:
            found[axis] = f"{name} found nothing that is better than base by more than chance"
    return found
