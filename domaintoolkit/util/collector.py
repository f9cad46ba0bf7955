"""Python's garbage collector, kept from looking at everything again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["seldom_collected"]

OBJECTS = 1_000_000
"""How many objects that may form cycles are made before the collector looks for some."""

_lock = Lock()
_within: list[tuple[int, int, int]] = []
"""For each of those within, the thresholds as they were before the first."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """For work that makes many objects and few cycles: let the collector, of the whole process, run seldom.

    The thousands of tokens of a vocabulary set it off to go through all objects of the process, which took a sixth
    of the time of encoding a million events, and half of that of loading the vocabulary.
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
                gc.set_threshold(*before)
