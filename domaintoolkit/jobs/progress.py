"""Progress reports of jobs."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "silent"]

Progress = Callable[[str, int, int | None], None]
"""Called with the stage (`fitting`, `reading`, `encoding`), the rows or shards of it that are done, and their total."""


def silent(stage: str, done: int, total: int | None) -> None:
    """Report nothing."""
