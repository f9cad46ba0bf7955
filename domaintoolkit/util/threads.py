"""Pools of threads, with a bound on the jobs that wait and on the results that are held."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from itertools import islice
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import ParamSpec, TypeVar
from weakref import WeakSet

__all__ = ["Inline", "Threads", "Workers", "make_workers"]

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

Job = Callable[[], None]


class Threads(ThreadPoolExecutor):
    """A pool of `count` threads. As a context manager it drops jobs that have not begun, so that Ctrl-C ends soon.

    In a forked process, which has none of its parent's threads, a pool begins anew.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count, "domaintoolkit")
        self.count = count
        _pools.add(self)

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.shutdown(cancel_futures=True)

    def map_in_order(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`map` with up to `count` items ahead of the one that is taken: no more is read from `items` or held."""
        pending: deque[Future[R]] = deque()
        for item in items:
            pending.append(self.submit(function, item))
            # one more than there are threads: none waits while the caller works on a result
            if len(pending) > self.count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def map_as_completed(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`map` that gives each result as soon as it is there; the first error drops the items that have not begun."""
        coming = iter(items)
        running: set[Future[R]] = set()
        try:
            while True:
                running |= {self.submit(function, item) for item in islice(coming, self.count - len(running))}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in running:
                future.cancel()

    def share(self, jobs: Iterable[Job]) -> None:
        """Do all jobs, in any order; the calling thread works too.

        A caller that only waits leaves it to the system to wake the others, which at first share one processor.
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

        # the caller is one of `count` workers, and does one of the jobs at least
        helpers = [self.submit(work) for _ in range(min(self.count - 1, waiting.qsize() - 1))]
        try:
            work()
        finally:
            for helper in helpers:
                helper.result()


_pools: WeakSet[Threads] = WeakSet()


def _begin_anew() -> None:
    """Give every pool new locks and no threads: it would wait for ever for threads that a fork did not copy."""
    for pool in list(_pools):
        # a pool keeps its identity, as others hold it
        Threads.__init__(pool, pool.count)


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_begin_anew)


class Inline(Executor):
    """The same interface without threads: each job is done at once, in the thread that submits it."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future

    def map_in_order(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`map`."""
        return map(function, items)

    def map_as_completed(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`map`."""
        return map(function, items)

    def share(self, jobs: Iterable[Job]) -> None:
        """Do all jobs, one after another."""
        for job in jobs:
            job()


Workers = Threads | Inline


def make_workers(count: int) -> Workers:
    """A pool of `count` threads, or for a count of one none: the caller does the work."""
    return Threads(count) if count > 1 else Inline()
