"""`interpret`: the compiled loops as plain Python, for a few rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["interpret", "is_interpreting"]

_running: list[None] = []
"""An entry for each `interpret` that has not ended."""


@contextmanager
def interpret() -> Iterator[None]:
    """Interpret the loops meanwhile, in all threads: on a few rows that takes a second, and compiling them a minute."""
    _running.append(None)
    try:
        yield
    finally:
        _running.pop()


def is_interpreting() -> bool:
    """True within `interpret`."""
    return bool(_running)
