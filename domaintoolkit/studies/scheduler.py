"""Cells as processes, as many at once as there is room for, and a live table of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domaintoolkit.errors import DomainToolkitError, Interrupted
from domaintoolkit.studies.cell_run import load_metrics, write_task
from domaintoolkit.train import read_log

__all__ = ["CellTask", "State", "room", "run_cells"]

POLL = 0.25


@dataclass(slots=True)
class CellTask:
    """A cell that is to be done, in a folder of its own."""

    label: str
    folder: Path
    task: dict[str, Any]
    steps: int
    step_seconds: float | None = None
    """Known or expected."""


@dataclass(slots=True)
class State:
    """How far a study is."""

    tasks: Sequence[CellTask]
    jobs: int
    done: set[int] = field(default_factory=set)
    running: dict[int, int] = field(default_factory=dict)
    """The step of each running cell."""
    failed: dict[int, str] = field(default_factory=dict)
    overhead: list[float] = field(default_factory=list)

    @property
    def seconds_left(self) -> float | None:
        """Expected time of what is left; None before anything is known."""
        known = [task.step_seconds for task in self.tasks if task.step_seconds]
        if not known:
            return None
        mean, extra = sum(known) / len(known), sum(self.overhead) / len(self.overhead) if self.overhead else 10.0
        left = 0.0
        for number, task in enumerate(self.tasks):
            if number in self.done or number in self.failed:
                continue
            steps = task.steps - self.running.get(number, 0)
            left += steps * (task.step_seconds or mean) + extra
        return left / self.jobs


def room(jobs: int | None) -> tuple[int, int]:
    """(cells at once, threads of each): on a GPU one, else one a processor."""
    import torch

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    at_once = jobs or (1 if torch.cuda.is_available() else max(1, processors))
    return at_once, max(1, processors // at_once)


def run_cells(tasks: Sequence[CellTask], jobs: int, report: Callable[[State], None]) -> None:
    """Run every cell that is not done. A cell that was stopped goes on from its last checkpoint.

    Raises `Interrupted` on Ctrl-C, after its processes have ended, and `DomainToolkitError` if a cell fails.
    """
    state = State(tasks, jobs)
    state.done = {number for number, each in enumerate(tasks) if load_metrics(each.folder) is not None}
    waiting = [number for number in range(len(tasks)) if number not in state.done]
    processes: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
    try:
        while waiting or processes:
            while waiting and len(processes) < jobs and not state.failed:
                number = waiting.pop(0)
                processes[number] = _start(tasks[number]), time.perf_counter()
                state.running[number] = 0
            time.sleep(POLL)
            for number, (process, began) in list(processes.items()):
                _look_at(state, number)
                if process.poll() is not None:
                    del processes[number]
                    _finish(state, number, time.perf_counter() - began)
            if state.failed and not processes:
                break
            report(state)
    except KeyboardInterrupt:
        raise Interrupted("interrupted; finished cells are kept; run the same command again to go on") from None
    finally:
        for process, _ in processes.values():
            process.terminate()
        for process, _ in processes.values():
            process.wait()
    report(state)
    if state.failed:
        number, reason = next(iter(state.failed.items()))
        raise DomainToolkitError(f"the cell {tasks[number].label} failed: {reason}")


def _start(task: CellTask) -> subprocess.Popen[bytes]:
    write_task(task.folder, task.task)
    (task.folder / "error.json").unlink(missing_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": str(task.task["threads"])}
    with (task.folder / "output.txt").open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "domaintoolkit.studies.cell_run", str(task.folder)],
            stdout=output, stderr=output, env=environment,
        )  # fmt: skip


def _look_at(state: State, number: int) -> None:
    task = state.tasks[number]
    steps = [line for line in read_log(task.folder / "run") if line["kind"] == "step"]
    if steps:
        last = steps[-1]
        state.running[number] = last["step"]
        if last["step"] < task.steps and last.get("seconds_left") is not None:
            task.step_seconds = last["seconds_left"] / (task.steps - last["step"])


def _finish(state: State, number: int, seconds: float) -> None:
    task = state.tasks[number]
    state.running.pop(number, None)
    if load_metrics(task.folder) is None:
        error = task.folder / "error.json"
        state.failed[number] = json.loads(error.read_text()) if error.exists() else f"see {task.folder / 'output.txt'}"
        return
    state.done.add(number)
    if task.step_seconds:
        state.overhead.append(max(0.0, seconds - task.steps * task.step_seconds))
