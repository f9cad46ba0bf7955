"""How engines say how far they are."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "silent"]

Progress = Callable[[str, int, int | None], None]
"""Called with the stage (`fitting`, `reading`, `encoding`), how many rows or shards of it are done, and of how many."""


def silent(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""
