"""Ctrl-C in compiled loops, which see no signals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["interruptible"]

R = TypeVar("R")

WAIT = 0.1
"""Seconds; a signal that another thread got does not end a wait without an end."""


def interruptible(loop: Callable[[NDArray[np.bool_]], R]) -> R:
    """What `loop(stop)` gives, called in a thread of its own, so that Ctrl-C is noticed at once.

    The loop has to end soon after `stop[0]` becomes true. Its result is then thrown away, and nothing waits
    for it: it may still be compiling.
    """
    stop = np.zeros(1, np.bool_)
    results: list[R] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(loop(stop))
        except BaseException as error:  # raised again where the result is wanted
            failures.append(error)

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
