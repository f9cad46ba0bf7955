"""Threads that work beside the one that calls, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import ParamSpec, TypeVar

__all__ = ["Inline", "Threads", "Workers"]

P = ParamSpec("P")
T = TypeVar("T")

Job = Callable[[], None]


class Threads(ThreadPoolExecutor):
    """So many threads."""

    def __init__(self, count: int) -> None:
        super().__init__(count, "domaintoolkit")
        self._count = count

    def share(self, jobs: Iterable[Job]) -> None:
        """Do all jobs, in any order; the calling thread works along.

        A caller that only waits leaves it to the system to wake others, which shares a processor at first.
        """
        waiting: SimpleQueue[Job] = SimpleQueue()
        for job in jobs:
            waiting.put(job)

        def work() -> None:
            try:
                while True:
                    waiting.get_nowait()()
            except Empty:
                pass

        helpers = [self.submit(work) for _ in range(min(self._count - 1, waiting.qsize() - 1))]
        try:
            work()
        finally:
            for helper in helpers:
                helper.result()


class Inline(Executor):
    """Does what is submitted at once, in the thread that submits it."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future

    def share(self, jobs: Iterable[Job]) -> None:
        """Do all jobs, one after another."""
        for job in jobs:
            job()


Workers = Threads | Inline
