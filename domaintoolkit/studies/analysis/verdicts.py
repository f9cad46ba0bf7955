"""Verdicts: for each published finding, if the runs of a study agree with it, with the figures that decide it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from domaintoolkit.report.charts import Table
from domaintoolkit.report.charts.figure import number_text
from domaintoolkit.studies.analysis.column_names import column_name
from domaintoolkit.studies.analysis.data_use import data_gain, data_need
from domaintoolkit.studies.analysis.differences import MeanDifference, difference
from domaintoolkit.studies.analysis.laws import fit_law, leave_largest_out
from domaintoolkit.studies.analysis.points import points_of
from domaintoolkit.studies.analysis.size_choice import fit_joint_law
from domaintoolkit.studies.analysis.time_use import TimeUse, time_uses
from domaintoolkit.studies.study import Finding, Study
from domaintoolkit.studies.study_checks import NEEDED_AXES

__all__ = ["AGREES", "DISAGREES", "Verdict", "judge_findings"]

Rows = Sequence[Mapping[str, Any]]
AGREES, DISAGREES, UNDECIDED, UNTESTED = "agrees", "disagrees", "not decided", "not tested"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a study to a finding."""

    finding: Finding
    answer: str
    """One of `agrees`, `disagrees`, `not decided` and `not tested`."""
    sentence: str
    figures: dict[str, float] = field(default_factory=dict)
    """The measured number, its interval (`low`, `high`), and what else decides."""
    table: Table | None = None
    """The numbers behind it, if there are several."""


def judge_findings(study: Study, rows: Rows) -> list[Verdict]:
    """A verdict on each finding of a study, from the rows of its table."""
    return [_judge(study, each, [row for row in rows if row["is_chosen"]]) for each in study.findings]


def _judge(study: Study, finding: Finding, rows: Rows) -> Verdict:
    if finding.kind == "untested":
        return Verdict(finding, UNTESTED, finding.reason)
    needed = (finding.y, *NEEDED_AXES.get(finding.kind, ()))
    known = [row for row in rows if all(row.get(name) is not None for name in needed)]
    kept = list(_select(study, known, finding.only))
    if not kept:
        return Verdict(finding, UNTESTED, f"no run has {column_name(finding.y)} at these levels.")
    longest = max(row["steps"] for row in kept)
    if finding.after_steps is not None and longest < finding.after_steps:
        said = f"it is about runs of {finding.after_steps:,} steps and more; these end after {longest:,}."
        return Verdict(finding, UNTESTED, said)
    if finding.kind == "compare":
        return _compare(study, finding, kept)
    return _level_above_zero(study, finding, kept) if finding.kind == "level" else JUDGES[finding.kind](finding, kept)


def _select(study: Study, rows: Rows, levels: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """The rows with these levels."""
    wanted = {axis: _level(study, rows, axis, level) for axis, level in levels.items()}
    return (row for row in rows if all(row.get(axis) == level for axis, level in wanted.items()))


def _level(study: Study, rows: Rows, axis: str, level: str) -> str:
    if level not in ("first", "last") or level in study.axes[axis]:
        return level
    used = {row.get(axis) for row in rows}
    known = [each for each in study.axes[axis] if each in used]
    return level if not known else known[0 if level == "first" else -1]


def _name_levels(levels: Mapping[str, str], study: Study, rows: Rows) -> str:
    return " ".join(_level(study, rows, axis, level) for axis, level in levels.items())


def _compare(study: Study, finding: Finding, rows: Rows) -> Verdict:
    names = [_name_levels(levels, study, rows) for levels in (finding.these, finding.those)]
    compared = [list(_select(study, rows, levels)) for levels in (finding.these, finding.those)]
    measure, sides = _measure(finding.y, [*compared[0], *compared[1]]), []
    for own in compared:
        groups: dict[tuple[Any, ...], list[float]] = {}
        for row in own:
            groups.setdefault(tuple(row.get(axis) for axis in finding.by), []).append(measure(row))
        sides.append(groups)
    common = [key for key in sides[0] if key in sides[1]]
    if not common:
        return Verdict(finding, UNTESTED, f"the study has no runs of both {names[0]} and {names[1]}.")
    found = difference([(sides[0][key], sides[1][key]) for key in common])
    where = f", mean over {len(common)} levels of {' and '.join(finding.by)}" if finding.by else ""
    return _by_difference(finding, found, f"{column_name(finding.y)} of {names[0]} less {names[1]}{where}")


def _measure(column: str, rows: Rows) -> Callable[[Mapping[str, Any]], float]:
    """The number of a row; the recall of the parts that the events of all these rows have, since others differ."""
    names = {name for row in rows for name in row if name.startswith(f"{column}.")}
    shared = sorted(name for name in names if all(row.get(name) is not None for row in rows))
    if column != "recall" or not shared:
        return lambda row: float(row[column])
    return lambda row: float(np.mean([row[name] for name in shared]))


def _by_difference(finding: Finding, found: MeanDifference, what: str) -> Verdict:
    figures = {"measured": found.gap, "relative": found.relative}
    said = f"{what}: {found.gap:+.4g} ({found.relative:+.2%})"
    if found.reach is None:
        return Verdict(
            finding, UNDECIDED, f"{said}, with one seed: too few to tell.{_tell_published(finding)}", figures
        )
    low, high = found.gap - found.reach, found.gap + found.reach
    figures |= {"low": low, "high": high}
    said += f", 95%: {low:+.4g} to {high:+.4g} ({low / abs(found.base):+.2%} to {high / abs(found.base):+.2%})."
    said += _tell_published(finding, found)
    if finding.expect == "equal":
        room = finding.margin * abs(found.base)
        said += f" Equal means within {finding.margin:.1%}."
        # a test of equivalence: the whole interval has to lie within the margin
        answer = AGREES if max(-low, high) <= room else DISAGREES if low > room or high < -room else UNDECIDED
    else:
        # turned so that the expected side is above zero
        near, far = (low, high) if finding.expect == "higher" else (-high, -low)
        answer = AGREES if near > 0 else DISAGREES if far < 0 else UNDECIDED
    return Verdict(finding, answer, said, figures)


def _tell_published(finding: Finding, found: MeanDifference | None = None) -> str:
    if finding.published is None:
        return ""
    said = f" Published: {finding.published:+.1%}"
    if found is None or found.interval is None:
        return f"{said}."
    low, high = (end / abs(found.base) for end in found.interval)
    return f"{said}, {'inside' if low <= finding.published <= high else 'outside'} the interval."


def _level_above_zero(study: Study, finding: Finding, rows: Rows) -> Verdict:
    name = _name_levels(finding.these, study, rows)
    values = [float(row[finding.y]) for row in _select(study, rows, finding.these)]
    if not values:
        return Verdict(finding, UNTESTED, f"the study has no runs of {name}.")
    found = difference([(values, [0.0] * len(values))])
    said, figures = f"{column_name(finding.y)} of {name}: {found.gap:+.4g}", {"measured": found.gap}
    if found.reach is None:
        return Verdict(finding, UNDECIDED, f"{said}, with one seed: too few to tell.", figures)
    low, high = found.gap - found.reach, found.gap + found.reach
    said = f"{said}, 95%: {low:+.4g} to {high:+.4g}."
    answers = {
        "higher": AGREES if low > 0 else DISAGREES if high < 0 else UNDECIDED,
        "lower": AGREES if high < 0 else DISAGREES if low > 0 else UNDECIDED,
        "equal": AGREES if low <= 0 <= high else DISAGREES,
    }
    return Verdict(finding, answers[finding.expect], said, {**figures, "low": low, "high": high})


def _law(finding: Finding, rows: Rows) -> Verdict:
    x, values = points_of(rows, finding.x, finding.y)
    foretold = leave_largest_out(x, values)
    if foretold is None:
        return Verdict(finding, UNTESTED, f"a law that foretells the largest needs four sizes; there are {len(x)}.")
    law, predicted, measured = fit_law(x, values), foretold[1], foretold[2]
    off = predicted / measured - 1
    figures = {"measured": law.exponent, "predicted": predicted, "found": measured, "relative": off}
    said = f"the exponent is {law.exponent:.3f}"
    if law.exponent_interval is not None:
        figures |= {"low": law.exponent_interval[0], "high": law.exponent_interval[1]}
        said += f" (95%: {law.exponent_interval[0]:.3f} to {law.exponent_interval[1]:.3f})"
    said += (
        f"; fitted without the largest ({number_text(x[-1])}), the law expects {predicted:.3f} there, and measured is "
        f"{measured:.3f}: {off:+.2%}, where at most {finding.margin:.0%} counts as foretold."
    )
    return Verdict(finding, AGREES if abs(off) <= finding.margin else DISAGREES, said, figures)


def _curves(finding: Finding, rows: Rows) -> tuple[str, dict[float, list[float]], str, dict[float, list[float]]] | None:
    """The smallest and the largest size with several shares of the data: name and losses by training events."""
    sizes: dict[str, dict[float, list[float]]] = {}
    parameters: dict[str, float] = {}
    for row in rows:
        curve = sizes.setdefault(str(row["size"]), {})
        curve.setdefault(float(row["training_events"]), []).append(float(row[finding.y]))
        parameters[str(row["size"])] = float(row["inner_parameters"])
    order = sorted((size for size in sizes if len(sizes[size]) > 1), key=lambda size: parameters[size])
    return None if len(order) < 2 else (order[0], sizes[order[0]], order[-1], sizes[order[-1]])


def _data_need(finding: Finding, rows: Rows) -> Verdict:
    found = _curves(finding, rows)
    if found is None:
        return Verdict(finding, UNTESTED, "the study has no two sizes with several shares of the data.")
    small, losses, large, others = found
    need = data_need(losses, others)
    if math.isinf(need.share):
        return Verdict(finding, DISAGREES, f"{large} never reaches the loss that {small} has with all data.")
    most = "at most " if need.is_least else ""
    said = f"{large} reaches the loss that {small} has with all data with {most}{need.share:.1%} of it"
    figures = {"measured": need.share}
    if need.interval is None:
        return Verdict(finding, UNDECIDED, f"{said}, with one seed: too few to tell.", figures)
    low, high = need.interval
    said += f" (95%: {low:.1%} to {high:.1%})."
    answer = AGREES if high < 1 else DISAGREES if low > 1 else UNDECIDED
    return Verdict(finding, answer, said, {**figures, "low": low, "high": high})


def _data_gain(finding: Finding, rows: Rows) -> Verdict:
    found = _curves(finding, rows)
    gain = None if found is None else data_gain(found[1], found[3])
    if found is None or gain is None:
        return Verdict(finding, UNTESTED, "the study has no two sizes with the same two shares of the data.")
    ratio, figures = math.exp(gain.gap), {"measured": math.exp(gain.gap)}
    said = (
        f"from the least to the most data the loss of {found[0]} falls by a factor that is {ratio:.3f} times that of "
        f"{found[2]}"
    )
    if gain.interval is None:
        return Verdict(finding, UNDECIDED, f"{said}, with one seed: too few to tell.", figures)
    low, high = (math.exp(min(end, 700.0)) for end in gain.interval)
    answer = AGREES if low > 1 else DISAGREES if high < 1 else UNDECIDED
    said += f" (95%: {number_text(low)} to {number_text(high)})."
    return Verdict(finding, answer, said, {**figures, "low": low, "high": high})


def _optimum(finding: Finding, rows: Rows) -> Verdict:
    try:
        law = fit_joint_law(rows)
    except ValueError as error:
        return Verdict(finding, UNTESTED, f"{error}.")
    low, high = law.exponent_interval or (float("nan"), float("nan"))
    said = (
        f"validation loss = {law.formula}, fitted to {law.points:,} evaluations with relative residuals of "
        f"{law.spread:.1%}; the best number of parameters grows with compute to the power {law.exponent:.2f}"
    )
    figures = {"measured": law.exponent, "relative": law.spread}
    if law.exponent_interval is None:
        return Verdict(finding, UNDECIDED, f"{said}, with one seed: too few to tell.", figures)
    said += f" (95%: {low:.2f} to {high:.2f})."
    fits, decided = law.spread <= 5 * finding.margin, low > 0.05 and high < 0.95
    answer = AGREES if fits and decided else UNDECIDED
    return Verdict(finding, answer, said, {**figures, "low": low, "high": high}, _choices(rows, law))


def _choices(rows: Rows, law: Any) -> Table:
    flops = np.geomspace(min(row["flops"] for row in rows), 30 * max(row["flops"] for row in rows), 5)
    cells = []
    for each in flops.tolist():
        choice = law.choose_for_compute(each)
        cells.append([
            f"{each:.2g}", _round(choice.parameters), _show_ends(choice.parameters_interval, _round),
            _round(choice.events), f"{choice.loss:.3f}", _show_ends(choice.loss_interval, lambda value: f"{value:.3f}"),
            "yes" if choice.is_beyond else "",
        ])  # fmt: skip
    header = ("FLOPs", "best parameters", "95%", "events seen", "expected loss", "95%", "beyond what was tried")
    return Table.of(header, cells)


def _round(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}"


def _show_ends(ends: tuple[float, float] | None, show: Callable[[float], str]) -> str:
    return "" if ends is None else f"{show(ends[0])} to {show(ends[1])}"


def _use_table(uses: Sequence[TimeUse]) -> Table:
    header = ("size", "parameters", "smallest useful batch", "batch of the least loss", "least loss",
              "smaller models' loss", "least useful time, s", "95%")  # fmt: skip
    rows = [
        [each.size, each.parameters, "none" if each.least_batch is None else str(each.least_batch),
         str(each.best_batch), f"{each.losses[each.best_batch]:.3f}",
         "" if each.rival is None else f"{each.rival:.3f}", _time(each),
         _show_ends(each.time_interval, lambda value: f"{value:.0f}")]
        for each in uses
    ]  # fmt: skip
    return Table.of(header, rows)


def _time(use: TimeUse) -> str:
    if use.rival is None:
        return ""
    return "longer than all" if use.least_time is None else f"{'<=' if use.is_at_once else ''}{use.least_time:.0f}"


def _longest_time(rows: Rows) -> float:
    return max(float(row["seconds"]) for row in rows)


def _more_steps(finding: Finding, rows: Rows) -> Verdict:
    uses, longest = time_uses(rows, finding.y), _longest_time(rows)
    pairs = []
    for use in uses:
        low, high = use.least_batch if use.rival is not None and use.least_batch else min(use.losses), max(use.losses)
        if low < high:
            sides = [
                [float(row[finding.y]) for row in rows
                 if row["size"] == use.size and row["batch"] == str(batch) and float(row["seconds"]) == longest]
                for batch in (low, high)
            ]  # fmt: skip
            pairs.append((sides[0], sides[1]))
    if not pairs:
        return Verdict(finding, UNTESTED, "the study has no two batches for one size and time.")
    what = (
        f"{column_name(finding.y)} after {longest:g} s of the smallest useful batch less the largest, mean over "
        f"{len(pairs)} sizes"
    )
    return _by_difference(finding, difference(pairs), what)


def _least_batch(finding: Finding, rows: Rows) -> Verdict:
    uses, longest = time_uses(rows, finding.y), _longest_time(rows)
    larger = [use for use in uses if use.rival is not None]
    said = f"smallest useful batch for {longest:g} s: " + ", ".join(
        f"{'none' if use.least_batch is None else use.least_batch} for {use.size}" for use in uses
    )
    figures = {f"least batch of {use.size}": float(use.least_batch) for use in uses if use.least_batch is not None}
    useful = [use for use in larger if use.least_batch is not None]
    bounded = [use for use in useful if use.least_batch is not None and min(use.losses) < use.least_batch]
    if bounded:
        use = bounded[-1]
        said += (
            f". Below it {use.size} is worse than a smaller model: {use.losses[min(use.losses)]:.3f} at a batch of "
            f"{min(use.losses)}, against {use.rival:.3f}."
        )
        return Verdict(finding, AGREES, said, figures, _use_table(uses))
    why = "even the smallest batch that was tried is useful" if useful else "no larger model is better within that time"
    return Verdict(finding, UNDECIDED, f"{said}; {why}.", figures, _use_table(uses))


def _least_time(finding: Finding, rows: Rows) -> Verdict:
    uses, longest = time_uses(rows, finding.y), _longest_time(rows)
    larger = [use for use in uses if use.rival is not None]
    if not larger:
        return Verdict(finding, UNTESTED, "the study has one size.")
    said = "least useful time: " + ", ".join(
        f"{use.size} more than {longest:g} s" if use.least_time is None
        else f"{use.size} {'at most ' if use.is_at_once else ''}{use.least_time:.0f} s"
        + (f" (95%: {use.time_interval[0]:.0f} to {use.time_interval[1]:.0f})" if use.time_interval else "")
        for use in larger
    )  # fmt: skip
    figures = {f"least time of {use.size}": use.least_time for use in larger if use.least_time is not None}
    passed = [use for use in larger if use.least_time is not None and not use.is_at_once]
    if passed:
        return Verdict(finding, AGREES, f"{said}.", figures, _use_table(uses))
    at_once = [use for use in larger if use.is_at_once]
    if len(at_once) == len(larger):
        said += "; every larger model is ahead after the shortest time"
        return Verdict(finding, UNDECIDED, f"{said}.", figures, _use_table(uses))
    return Verdict(finding, UNDECIDED, f"{said}; no larger model passes within these times.", figures, _use_table(uses))


JUDGES: dict[str, Callable[[Finding, Rows], Verdict]] = {
    "law": _law,
    "data_need": _data_need,
    "data_gain": _data_gain,
    "optimum": _optimum,
    "more_steps": _more_steps,
    "least_batch": _least_batch,
    "least_time": _least_time,
}
