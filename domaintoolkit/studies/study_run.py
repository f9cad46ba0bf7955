"""`run_study`: a study in, a table, its figures and a page out."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from domaintoolkit.errors import (
    DomainToolkitError,
    LookupFailedError,
    OutputError,
    Problem,
    SchemaError,
    StudyRunsError,
)
from domaintoolkit.probes import check_extra
from domaintoolkit.storage import open_encoded
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.storage.manifest import MANIFEST
from domaintoolkit.studies.cell_run import load_metrics
from domaintoolkit.studies.cells import StudyCell, expand_grid
from domaintoolkit.studies.pages.written_pages import write_pages
from domaintoolkit.studies.scheduler import CellTask, StudyState, room, run_cells
from domaintoolkit.studies.study import Grid, Study, StudyForm
from domaintoolkit.studies.study_data import StudyData
from domaintoolkit.studies.study_results import CALLS, FORMAT, PLAN, RESULTS, VERSION, load_results
from domaintoolkit.studies.time_budget import TimePlan, apply_plan, fit_budget, shape_of
from domaintoolkit.train import replace_settings, time_steps
from domaintoolkit.util.artifacts import canonical_json, read_json, write_json
from domaintoolkit.util.partials import clear_partials, remove_folder, replacing, write_atomic

__all__ = ["StudyResult", "run_study"]

TIMES, CELLS, DATA = "times.csv", "cells", "data"
NAMES = {"study": "grid or recipe", "streams": "OUT"}
"""Parts of a study's identity as messages call them."""
UNTABLED = ("validation", "seconds_a_step")
"""Measures that are not in the table: curves, and times, which differ from run to run."""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """A finished study."""

    folder: Path
    table: pa.Table
    """A row for each cell: its axes, its seed, and what was measured."""
    page: Path
    cells: int
    plan: TimePlan | None
    left_out: tuple[str, ...] = ()
    """Levels that need another tokenizer than that of the folder that was given."""


def run_study(
    study: Study,
    out: str | Path,
    form: str = "small",
    domain: str | None = None,
    streams: str | Path | None = None,
    budget: float | None = None,
    jobs: int | None = None,
    report: Callable[[StudyState], None] | None = None,
    name: str | None = None,
) -> StudyResult:
    """Run every cell of a form of a study, and write its table (`results.parquet`, `results.csv`) and its page.

    The data are the sample of `domain` (by default the study's), or the encoded folder `streams`. With `budget`, in
    seconds, steps and seeds are reduced so that the study takes about that long. A study that was stopped goes on:
    finished cells are kept, and its plan too. `name` is what the page calls the study in its command. Raises
    `OutputError` if `out` holds another study.
    """
    if form not in study.forms:
        raise LookupFailedError("form", form, study.forms)
    chosen, folder = study.forms[form], Path(out)
    place = None if streams is None else Path(streams).resolve()
    if place is None and domain is None and study.domain is None and not _levels_name_domains(study, chosen):
        raise SchemaError([Problem("domain", "is required: the study names none; give --domain, or OUT")], "study")
    if study.downstream:
        # said before the runs that take hours, since bots are found after each
        check_extra()
    identity = {"study": _what_is_run(study, form), "form": form, "domain": domain, "budget": budget,
                "streams": None if place is None else _content(place)}  # fmt: skip
    # two calls at once would write the same cells
    with lock_folder(folder):
        known = _open(folder, identity)
        clear_partials(folder / DATA)
        data = StudyData(folder / DATA, domain or study.domain, place, chosen.events)
        at_once, threads = room(jobs)
        runner = _Runner(study, chosen, folder, data, at_once, threads, report or (lambda _: None))
        runner.check()
        content = {"identity": identity, "streams": None if place is None else str(place)}
        # from here on the folder is that of a study, also if this call ends before its plan is made
        write_json(folder / PLAN, FORMAT, VERSION, {**content, "times": {}, **known})
        with _noting_time(folder, at_once), _leaving_nothing(folder):
            plan = _plan(runner, known, content, budget)
            cells = runner.run_all(plan)
        if runner.failed:
            done = read_json(folder / PLAN, FORMAT, VERSION)
            write_json(folder / PLAN, FORMAT, VERSION, {**done, "failed": runner.failed})
        table = _table(study, cells, folder, runner.chosen)
        _write_table(folder, table, cells)
        page = write_pages(load_results(study, folder, name))
    if runner.failed:
        raise StudyRunsError(runner.failed, len(cells), str(page))
    return StudyResult(folder, table, page, len(cells), plan, tuple(runner.left_out))


def _content(streams: Path) -> str:
    """A hash of an encoded folder's contents: it stays the same if the folder is moved."""
    open_encoded(streams, verify=False)
    return hashlib.sha256((streams / MANIFEST).read_bytes()).hexdigest()[:16]


def _levels_name_domains(study: Study, form: StudyForm) -> bool:
    """True if some axis of each grid says the domain of every run."""
    return all(
        any(all("domain" in study.axes[axis][level] for level in levels) for axis, levels in grid.axes.items())
        for grid in form.grids
    )


def _what_is_run(study: Study, form: str) -> str:
    """The settings that the runs of a study depend on. Its figures, its findings and its words may change."""
    return canonical_json(_plain([asdict(study.forms[form]), study.axes, study.domain, study.downstream]))


@contextmanager
def _noting_time(folder: Path, jobs: int) -> Iterator[None]:
    """Add a line about a call to the folder: how long it took, even if it was interrupted."""
    began = time.perf_counter()
    try:
        yield
    finally:
        if (folder / PLAN).exists():
            path = folder / CALLS
            before = path.read_bytes() if path.exists() else b""
            call = {"seconds": round(time.perf_counter() - began, 3), "jobs": jobs}
            write_atomic(path, before + json.dumps(call).encode() + b"\n")


@contextmanager
def _leaving_nothing(folder: Path) -> Iterator[None]:
    """Remove the plan of a study that is refused before its first run, and before its data are made, which takes long;
    any other study may begin then."""
    try:
        yield
    except DomainToolkitError:
        if not (folder / CELLS).exists() and not any((folder / DATA).glob(f"*/{MANIFEST}")):
            (folder / PLAN).unlink(missing_ok=True)
            if (folder / DATA).exists():
                remove_folder(folder / DATA)
        raise


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _open(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any]:
    """The times and the plan of an earlier call; raises `OutputError` if that was another study, or other data."""
    path = folder / PLAN
    if not path.exists():
        others = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
        if others:
            reason = f"already holds something else ({', '.join(sorted(others)[:5])}); choose another folder"
            raise OutputError(str(folder), reason)
        return {}
    known = read_json(path, FORMAT, VERSION)
    if "plan" not in known:
        return {}  # it ended before its first run, so that nothing binds this call
    changed = [name for name, value in identity.items() if known["identity"].get(name) != value]
    if changed:
        said = " and ".join(NAMES.get(name, name) for name in changed)
        reason = f"holds a study with another {said}; choose another folder"
        raise OutputError(str(folder), reason)
    return {name: known[name] for name in ("times", "plan")}


def _plan(
    runner: _Runner, known: Mapping[str, Any], content: Mapping[str, Any], budget: float | None
) -> TimePlan | None:
    """The plan of an earlier call, else a new one, which is written before any cell begins."""
    if known:
        runner.times = known["times"]
        return None if known["plan"] is None else TimePlan(**known["plan"])
    cells = runner.expected_cells()
    if budget is not None and any(cell.recipe.steps is None for cell in cells):
        raise SchemaError([Problem("budget", "shortens steps, but the recipe has none; give it steps")], "study")
    for cell in cells:
        if (budget is not None or cell.seconds is not None) and shape_of(cell.recipe) not in runner.times:
            folder = runner.data.prepare(cell.data)
            runner.times[shape_of(cell.recipe)] = time_steps(folder, cell.recipe, runner.threads)
    plan = None
    if budget is not None:
        plan = fit_budget([runner.with_time(cell) for cell in cells], runner.times, budget, runner.jobs)
    made = {"times": runner.times, "plan": None if plan is None else asdict(plan)}
    write_json(runner.folder / PLAN, FORMAT, VERSION, {**content, **made})
    return plan


def _cell_folder(folder: Path, cell: StudyCell) -> Path:
    return folder / CELLS / cell.name


@dataclass(slots=True)
class _Runner:
    """Runs the grids of a form, one after another, since a later one may need the best of an earlier one."""

    study: Study
    form: StudyForm
    folder: Path
    data: StudyData
    jobs: int
    threads: int
    report: Callable[[StudyState], None]
    times: dict[str, float] = field(default_factory=dict)
    """Seconds of a step of each shape, as far as they were needed."""
    left_out: list[str] = field(default_factory=list)
    chosen: set[str] = field(default_factory=set)
    """The cells of grids with a best level: those that the others were tuned for."""
    failed: dict[str, str] = field(default_factory=dict)
    """The reason of each run that failed, by its label."""

    def check(self) -> None:
        """Say what is wrong with the data of any run before the first one."""
        for plan in dict.fromkeys(cell.data for cell in self.expected_cells()):
            self.data.check(plan)

    def with_time(self, cell: StudyCell) -> StudyCell:
        """The cell with as many steps as its seconds allow."""
        if cell.seconds is None:
            return cell
        steps = max(1, int(cell.seconds / self.times[shape_of(cell.recipe)]))
        changes = {"steps": steps, "evaluate_every": steps, "checkpoint_every": steps}
        return replace(cell, recipe=replace_settings(cell.recipe, **changes))

    def expected_cells(self) -> list[StudyCell]:
        """The cells of all grids, the first level standing for a best one that is not known yet."""
        cells: dict[str, StudyCell] = {}
        for grid in self.form.grids:
            first = {axis: levels[0] for axis, levels in _find_tuned(self.form).items()}
            for cell in self._expand(grid, _Always(first)):
                cells.setdefault(cell.name, cell)
        return list(cells.values())

    def _expand(self, grid: Grid, best: Mapping[tuple[str, ...], Mapping[str, str]]) -> Iterator[StudyCell]:
        """The cells of a grid whose data can be made; takes note of the others."""
        for cell in expand_grid(self.study, self.form, grid, best):
            if self.data.can_prepare(cell.data):
                yield cell
                continue
            for axis, level in cell.levels:
                settings = self.study.axes[axis].get(level, {})
                if {"fields", "composites"} & set(settings) and f"{axis} {level}" not in self.left_out:
                    self.left_out.append(f"{axis} {level}")

    def run_all(self, plan: TimePlan | None) -> list[StudyCell]:
        """Run every grid; returns the cells in their order, each once."""
        done: dict[str, StudyCell] = {}
        for grid in self.form.grids:
            tuned = tuple(axis for axis, levels in grid.axes.items() if "best" in levels)
            best = _Best(self, list(done.values()), grid.by, tuned)
            cells = [self.with_time(each) for each in self._expand(grid, best)]
            if plan is not None:
                cells = apply_plan(cells, plan)
            fresh = {cell.name: cell for cell in cells if cell.name not in done}
            waiting = list(fresh.values())
            while waiting:
                # cells that begin with another's weights wait for it
                unfinished = {(each.levels, each.seed) for each in waiting}
                ready = [each for each in waiting if (each.start, each.seed) not in unfinished]
                if not ready:
                    raise SchemaError([Problem("start", f"{waiting[0].label} waits for itself")], "study")
                known = [*done.values(), *fresh.values()]
                self._run([task for each in ready if (task := self._task(each, known)) is not None])
                waiting = [each for each in waiting if each not in ready]
            done |= {name: cell for name, cell in fresh.items() if cell.label not in self.failed}
            if tuned:
                self.chosen |= {cell.name for cell in cells}
        if self.left_out and not (done or self.failed):
            reason = f"every run needs another tokenizer than that of OUT ({', '.join(self.left_out)}); give --domain"
            raise SchemaError([Problem("grids", reason)], "study")
        if not done:
            raise StudyRunsError(self.failed, 0)
        return list(done.values())

    def _run(self, tasks: Sequence[CellTask]) -> None:
        self.failed |= run_cells(tasks, self.jobs, self.report)

    def _task(self, cell: StudyCell, known: Sequence[StudyCell]) -> CellTask | None:
        """The work of a cell; None, with its reason noted, if the run that it begins with has failed."""
        start = None
        if cell.start is not None:
            wanted = dict(cell.start)
            first = next((each for each in known if dict(each.levels) == wanted and each.seed == cell.seed), None)
            if first is None:
                reason = f"no grid has the levels {', '.join(f'{axis} {level}' for axis, level in cell.start)}"
                raise SchemaError([Problem("start", reason)], "study")
            if first.label in self.failed:
                self.failed[cell.label] = f"it begins with the weights of {first.label}, which failed"
                return None
            start = str(_cell_folder(self.folder, first) / "run")
        task = {
            "recipe": _plain(asdict(cell.recipe)), "data": str(self.data.prepare(cell.data).resolve()),
            "threads": self.threads, "downstream": self.study.downstream, "start": start,
        }  # fmt: skip
        return CellTask(cell.label, _cell_folder(self.folder, cell), task, cell.recipe.steps or 1)


def _find_tuned(form: StudyForm) -> dict[str, tuple[str, ...]]:
    """The axes with a best level, and the levels that were tried."""
    axes = {axis for grid in form.grids for axis, levels in grid.axes.items() if "best" in levels}
    return {
        axis: next(grid.axes[axis] for grid in form.grids if axis in grid.axes and "best" not in grid.axes[axis])
        for axis in sorted(axes)
    }


class _Always(dict[tuple[str, ...], Mapping[str, str]]):
    """The same levels for every key."""

    def __init__(self, levels: Mapping[str, str]) -> None:
        super().__init__()
        self.levels = levels

    def __missing__(self, key: tuple[str, ...]) -> Mapping[str, str]:
        return self.levels


class _Best(dict[tuple[str, ...], Mapping[str, str]]):
    """For the levels of the axes `by`, the levels of the tuned axes of the run with the lowest validation loss."""

    def __init__(self, runner: _Runner, cells: Sequence[StudyCell], by: Sequence[str], tuned: Sequence[str]) -> None:
        super().__init__()
        self.by, self.tuned = by, tuned
        self.bits = [(load_metrics(_cell_folder(runner.folder, each)) or {}).get("validation_bits") for each in cells]
        self.levels = [dict(each.levels) for each in cells]

    def __missing__(self, key: tuple[str, ...]) -> Mapping[str, str]:
        wanted = dict(zip(self.by, key, strict=False))
        known = [
            (bits, levels)
            for bits, levels in zip(self.bits, self.levels, strict=True)
            if bits is not None and all(levels.get(axis) == level for axis, level in wanted.items())
            and all(axis in levels for axis in self.tuned)
        ]  # fmt: skip
        if not known:
            raise SchemaError(
                [Problem("grids", f"no earlier grid tries {', '.join(self.tuned)} for {wanted}")], "study"
            )
        best = min(known, key=lambda entry: entry[0])[1]
        return {axis: best[axis] for axis in self.tuned}


def _table(study: Study, cells: Sequence[StudyCell], folder: Path, chosen: Collection[str]) -> pa.Table:
    """A row for each cell; the columns of measurements in the order in which they first occur."""
    rows = []
    for cell in cells:
        measured = load_metrics(_cell_folder(folder, cell)) or {}
        levels = dict(cell.levels)
        row: dict[str, Any] = {"cell": cell.name, **{axis: levels.get(axis) for axis in study.axes}, "seed": cell.seed}
        row |= {"learning_rate": cell.recipe.learning_rate, "is_chosen": not chosen or cell.name in chosen}
        if cell.seconds is not None:
            row["seconds"] = cell.seconds
        rows.append({**row, **{name: value for name, value in measured.items() if name not in UNTABLED}})
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    if any(isinstance(value, float) for value in values):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array(values)


def _write_table(folder: Path, table: pa.Table, cells: Sequence[StudyCell]) -> None:
    with replacing(folder / f"{RESULTS}.parquet") as path:
        pa.parquet.write_table(table, path)
    with replacing(folder / f"{RESULTS}.csv") as path:
        pa.csv.write_csv(table, path)
    times = [(load_metrics(_cell_folder(folder, each)) or {}).get("seconds_a_step") for each in cells]
    columns = {"cell": [each.name for each in cells], "label": [each.label for each in cells], "seconds_a_step": times}
    with replacing(folder / TIMES) as path:
        pa.csv.write_csv(pa.table(columns), path)
