"""`ProgressBar`: the progress of a job, on a terminal, in a notebook or in a pipe."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from domaintoolkit.util.pulse import Pulse

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ProgressBar"]


class ProgressBar:
    """Shows the stages of a job: a bar each on a terminal or in a notebook, in a pipe a line every half minute.

    A job calls it with the name of the stage, the work done, and the total if it is known::

        with ProgressBar() as bar:
            fit(schema, source, progress=bar)
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._pulse: Pulse | None = None
        self._tasks: dict[str, TaskID] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if sys.stderr.isatty() or is_notebook():
            self._progress = self._open.enter_context(_make_progress())
        else:
            self._pulse = self._open.enter_context(Pulse(sys.stderr, "preparing"))
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._open.close()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if self._pulse is not None:
            count = f": {done:,}" if done or total else ""
            self._pulse.state = f"{stage}{count}" + (f" of {total:,}" if total else "")
        if self._progress is None:
            return
        if stage not in self._tasks:
            # a new stage begins when all earlier ones have ended
            for task in self._tasks.values():
                self._progress.stop_task(task)
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)


def is_notebook() -> bool:
    """Return True in a notebook, which shows what Python displays."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def _make_progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console() if is_notebook() else Console(file=sys.stderr),
        transient=True,
    )
