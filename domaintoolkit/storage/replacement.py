"""An output folder that replaces an earlier one, which stays until the new one is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from domaintoolkit.errors import DomainToolkitError, OutputError, PathError
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.util.output_sets import link_others
from domaintoolkit.util.partials import clear_beside, list_whole, partial_name, remove_folder, replace_by, restore_old

__all__ = ["FolderKind", "continuing", "make_anew"]

NEW = ".partial-new"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FolderKind:
    """A kind of output folder."""

    own: Collection[str]
    """The names of all that a command writes into it."""
    mark: str
    """The file that is there once the folder is whole."""
    discard: Callable[[Path], None]
    """Removes what an unfinished run left."""


@contextmanager
def continuing() -> Iterator[None]:
    """Mark the errors of a call that cannot continue the unfinished run in its folder."""
    try:
        yield
    except DomainToolkitError as error:
        error.is_about_unfinished = True
        raise


def make_anew(out: Path, kind: FolderKind, make: Callable[[Path], T]) -> T:
    """Call `make` with the folder to write, so that `out` has what it wrote; gives its result.

    If `out` holds a whole output, the new one is made beside it and takes its place at the end; files that no command
    wrote stay. If the call is interrupted, the same one continues, and one with other settings begins anew.
    """
    path = Path(os.path.abspath(out))
    try:
        restore_old(path)
        if not (path / kind.mark).exists():
            return _begin_or_continue(path, kind.discard, make)
        made = partial_name(path, NEW)
        with lock_folder(path), _naming(made, out):
            clear_beside(made)
            if (made / kind.mark).exists():  # of a run that was killed while it exchanged the two
                remove_folder(made)
            result = _begin_or_continue(made, remove_folder, make)
            link_others(path, made, kind.own)
            replace_by(made, path)
            if made.exists():  # the earlier one
                remove_folder(made)
            return result
    except OSError as error:
        raise OutputError(str(out), error.strerror or str(error)) from error


def _begin_or_continue(folder: Path, discard: Callable[[Path], None], make: Callable[[Path], T]) -> T:
    has_begun = folder.is_dir() and bool(list_whole(folder))
    try:
        return make(folder)
    except DomainToolkitError as error:
        if not (has_begun and error.is_about_unfinished):
            raise
    discard(folder)
    return make(folder)


@contextmanager
def _naming(made: Path, out: Path) -> Iterator[None]:
    """Let errors about the new folder name the one that the user knows."""
    try:
        yield
    except PathError as error:
        error.path, error.reason = (text.replace(str(made), str(out)) for text in (error.path, error.reason))
        error.args = (f"{error.path}: {error.reason}",)
        raise
