"""Loops over arrays, compiled by numba. Importing this module imports numba; the first call of a loop compiles it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compile_loop"]

F = TypeVar("F", bound=Callable[..., Any])


def compile_loop(function: F) -> F:
    """`numba.njit` with its result kept on disk, and the function's own type."""
    made: Any = numba.njit(cache=True, nogil=True)(function)
    return cast("F", made)
