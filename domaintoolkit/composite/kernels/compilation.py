"""Decorators that compile the loops: entries are cached on disk, with the functions that they call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

from domaintoolkit.grammar import places

__all__ = ["entry", "inner", "leaf"]

F = TypeVar("F", bound=Callable[..., Any])


def _stamp() -> tuple[tuple[str, float, int], ...]:
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(places.__file__)]
    return tuple((file.name, status.st_mtime, status.st_size) for file in files for status in [file.stat()])


STAMP = _stamp()


def _tolerant(load_index: Callable[[], dict[Any, Any]]) -> Callable[[], dict[Any, Any]]:
    """The same, but empty for an index that names classes which are gone: numba reads it before it checks the stamp."""

    def load() -> dict[Any, Any]:
        try:
            return load_index()
        except (AttributeError, ImportError):
            return {}

    return load


def entry(function: F) -> F:
    """Compile a function that Python calls, without the GIL, and keep the result on disk.

    Numba compares only the file of the entry itself with what it has cached; here every file of the folder counts,
    and that of the places, which are compiled in as constants.
    """
    compiled: Any = njit(cache=True, nogil=True)(function)
    # numba has no public way to make a cache depend on further files
    file: Any = getattr(compiled._cache, "_cache_file", None)
    if hasattr(file, "_source_stamp"):
        file._source_stamp = STAMP
        file._load_index = _tolerant(file._load_index)
    result: F = compiled
    return result


def leaf(function: F) -> F:
    """As `inner`, for functions that only read and write the arrays they are given, and make or return none.

    Without reference counts the inner loops run and compile in half the time.
    """
    options: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False, "fastmath": {"nnan", "nsz"}}
    compiled: F = njit(**options)(function)
    return compiled


def inner(function: F) -> F:
    """Compile a function that only compiled functions call; without the wrappers for Python it takes half as long."""
    options: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: F = njit(**options)(function)
    return compiled
