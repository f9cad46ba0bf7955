"""Decorators that compile the loops: entries are cached on disk, with the functions that they call."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CellType, FunctionType
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher

from domaintoolkit.composite.interpretation import is_interpreting
from domaintoolkit.grammar import places

__all__ = ["entry", "inner", "leaf", "loop"]

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
    # nnan, nsz: weights are finite and never below 0, so `max` and comparisons need no care for NaN and -0.0
    options: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False, "fastmath": {"nnan", "nsz"}}
    compiled: F = njit(**options)(function)
    return compiled


def inner(function: F) -> F:
    """Compile a function that only compiled functions call; without the wrappers for Python it takes half as long."""
    options: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: F = njit(**options)(function)
    return compiled


def loop(function: F) -> F:
    """An entry as Python is to call it now: compiled, or interpreted with all that it calls."""
    made: Any = _run_plain(function) if is_interpreting() else function
    result: F = made
    return result


@cache
def _run_plain(function: Any) -> Callable[..., Any]:
    plain = _plain(function, {})

    def run(*arguments: Any) -> Any:
        with np.errstate(over="ignore"):  # hashes overflow on purpose
            return plain(*arguments)

    return run


def _plain(compiled: Any, known: dict[int, Any]) -> Any:
    """The Python function behind a compiled one, which calls the Python functions behind what that one calls."""
    # a NamedTuple of loops, such as `Extremes`
    if isinstance(compiled, tuple) and hasattr(compiled, "_fields"):
        return type(compiled)(*(_plain(each, known) for each in compiled))
    if not isinstance(compiled, Dispatcher):
        return compiled
    if id(compiled) not in known:
        source: Any = compiled.py_func
        scope = dict(source.__globals__)
        # empty cells and an entry in `known` before anything is looked up: functions may call themselves and each other
        cells = tuple(CellType() for _ in source.__closure__ or ())
        made = FunctionType(source.__code__, scope, source.__name__, source.__defaults__, cells)
        known[id(compiled)] = made
        for name in source.__code__.co_names:
            if name in scope:
                scope[name] = _plain(scope[name], known)
        for cell, own in zip(cells, source.__closure__ or (), strict=True):
            cell.cell_contents = _plain(own.cell_contents, known)
    return known[id(compiled)]
