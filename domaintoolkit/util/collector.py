"""Python's garbage collector, set to run less often."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["collect_seldom"]

OBJECTS = 1_000_000
"""Objects that are made between two runs of the collector."""

_lock = Lock()
_within: list[tuple[int, int, int]] = []
"""For each block that is running, the thresholds from before the first."""


def _renew_lock() -> None:
    """Give a forked process a lock that none of its parent's threads holds."""
    global _lock
    _lock = Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def collect_seldom() -> Iterator[None]:
    """Let the collector of the whole process run seldom: for work that makes many objects and few cycles.

    The thousands of tokens of a vocabulary make it go through all objects of the process again and again, which
    took a sixth of the time of encoding a million events, and half the time of loading the vocabulary.
    """
    with _lock:
        before = _within[0] if _within else gc.get_threshold()
        _within.append(before)
        if before[0]:
            gc.set_threshold(max(OBJECTS, before[0]), *before[1:])
    try:
        yield
    finally:
        with _lock:
            _within.pop()
            if not _within:
                _make_old()
                gc.set_threshold(*before)


def _make_old() -> None:
    """Count all objects among the old ones, unless some were frozen, which they would then not be any more.

    The collector would go through all that were made meanwhile as soon as its thresholds are back.
    """
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
