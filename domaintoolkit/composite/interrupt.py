"""Ctrl-C in compiled loops, which see no signals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["run_interruptible"]

R = TypeVar("R")

WAIT = 0.1
"""Seconds: a signal that another thread received would not end a wait without a limit."""


def run_interruptible(loop: Callable[[NDArray[np.bool_]], R]) -> R:
    """The result of `loop(stop)`, called in a thread of its own so that Ctrl-C works at once.

    The loop has to end soon after `stop[0]` becomes true. Its result is then dropped, and nothing waits for it: it may
    still be compiling.
    """
    stop = np.zeros(1, np.bool_)
    results: list[R] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(loop(stop))
        except BaseException as error:  # raised again in the calling thread
            failures.append(error)

    # a daemon, so that a loop that is still compiling does not hold up the end of the process
    thread = threading.Thread(target=run, name="domaintoolkit-composites", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(WAIT)
    except BaseException:
        stop[0] = True
        raise
    if failures:
        raise failures[0]
    return results[0]
