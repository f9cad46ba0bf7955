"""`map` in several threads, in order, with a bound on what is held."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["mapped_ahead"]

T = TypeVar("T")
R = TypeVar("R")


def mapped_ahead(function: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """`map`, with up to `threads` items worked on at once."""
    if threads < 2:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(threads)
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
