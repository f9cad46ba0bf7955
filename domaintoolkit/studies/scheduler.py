"""Cells as processes, as many at once as there is room for, and a live table of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domaintoolkit.errors import Interrupted
from domaintoolkit.studies.cell_run import ERROR, load_metrics, write_task
from domaintoolkit.train import read_log

__all__ = ["CellTask", "StudyState", "room", "run_cells"]

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
class StudyState:
    """The progress of a study."""

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
            steps = max(0, task.steps - self.running.get(number, 0))
            # `extra` is the time of a cell beside its steps
            left += steps * (task.step_seconds or mean) + extra
        return left / self.jobs


def room(jobs: int | None) -> tuple[int, int]:
    """(cells at once, threads of each): on a GPU one, else one a processor."""
    import torch

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    at_once = jobs or (1 if torch.cuda.is_available() else max(1, processors))
    return at_once, max(1, processors // at_once)


def run_cells(tasks: Sequence[CellTask], jobs: int, report: Callable[[StudyState], None]) -> dict[str, str]:
    """Run every cell that is not done. A cell that was stopped goes on from its last checkpoint.

    Returns the reason of each cell that failed, by its label; the others go on. Raises `Interrupted` on Ctrl-C, after
    its processes have ended.
    """
    state = StudyState(tasks, jobs)
    state.done = {number for number, each in enumerate(tasks) if load_metrics(each.folder) is not None}
    waiting = [number for number in range(len(tasks)) if number not in state.done]
    workers = [_Worker() for _ in range(min(jobs, len(waiting)))]
    try:
        while waiting or any(worker.number is not None for worker in workers):
            for worker in workers:
                if worker.number is None and waiting:
                    worker.begin(waiting.pop(0), state)
                elif worker.number is not None:
                    worker.look(state)
            report(state)
            time.sleep(POLL)
    except KeyboardInterrupt:
        raise Interrupted("interrupted; finished cells are kept; run the same command again to go on") from None
    finally:
        for worker in workers:
            worker.end()
    report(state)
    return {tasks[number].label: reason for number, reason in state.failed.items()}


class _Worker:
    """A process that does one cell after another."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.began = 0.0
        self.process: subprocess.Popen[str] | None = None

    def begin(self, number: int, state: StudyState) -> None:
        """Start on a cell."""
        task = state.tasks[number]
        write_task(task.folder, task.task)
        (task.folder / ERROR).unlink(missing_ok=True)
        if self.process is None or self.process.poll() is not None:
            self.process = _open_process(int(task.task["threads"]))
        assert self.process.stdin is not None
        self.process.stdin.write(f"{task.folder.resolve()}\n")
        self.process.stdin.flush()
        self.number, self.began = number, time.perf_counter()
        state.running[number] = 0

    def look(self, state: StudyState) -> None:
        """See how far it is; note if it has ended."""
        assert self.number is not None
        assert self.process is not None
        task = state.tasks[self.number]
        _look_at(state, self.number)
        error = task.folder / ERROR
        is_done = load_metrics(task.folder) is not None
        if not is_done and not error.exists() and self.process.poll() is None:
            return
        state.running.pop(self.number, None)
        if is_done:
            state.done.add(self.number)
            if task.step_seconds:
                state.overhead.append(max(0.0, time.perf_counter() - self.began - task.steps * task.step_seconds))
        else:
            state.failed[self.number] = json.loads(error.read_text()) if error.exists() else _say_end(self.process)
            # it may still be on its way out, and would never do the next cell
            self.end()
            self.process = None
        self.number = None

    def end(self) -> None:
        """End the process; a cell that it is doing goes on from its last checkpoint another time."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            if self.process.stdin is not None:
                with suppress(BrokenPipeError):
                    self.process.stdin.close()


def _say_end(process: subprocess.Popen[str]) -> str:
    """The reason of a process that said none."""
    code = process.poll() or 0
    if code >= 0:
        return f"its process ended with status {code}"
    memory = ", as when memory is short" if code == -signal.SIGKILL else ""
    return f"its process was ended by signal {-code}{memory}"


def _open_process(threads: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - this interpreter, and a number
        [sys.executable, "-m", "domaintoolkit.studies.cell_run", str(os.getpid())],
        stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, env=environment, text=True,
    )  # fmt: skip


def _look_at(state: StudyState, number: int) -> None:
    task = state.tasks[number]
    steps = [line for line in read_log(task.folder / "run") if line["kind"] == "step"]
    if steps:
        last = steps[-1]
        state.running[number] = last["step"]
        if last["step"] < task.steps and last.get("seconds_left") is not None:
            task.step_seconds = last["seconds_left"] / (task.steps - last["step"])
