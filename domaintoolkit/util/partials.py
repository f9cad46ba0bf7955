"""Files and folders that appear whole or not at all.

Each is written beside its place, as `.NAME.partial`, and renamed when it is whole. The name is always the same, so the
next run of the same command uses or removes what a killed one left there; a lock on it keeps a second run out.
A folder that is replaced exchanges its name with the new one at once, if the system can do that. If not, it is called
`.NAME.partial-old` between two renames, and `clear_partials` gives it its name back.

Names that begin with `.NAME.partial` belong to NAME: `partial-set` is of `output_sets`, and `partial-new` of
`storage.replacement`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from domaintoolkit.errors import OutputError

__all__ = [
    "clear_beside",
    "clear_partials",
    "list_whole",
    "making_parents",
    "open_alone",
    "partial_name",
    "remove_folder",
    "replace_by",
    "replacing",
    "replacing_folder",
    "restore_old",
    "write_atomic",
]

PARTIAL, OLD, SET = ".partial", ".partial-old", ".partial-set"
_HERE, _EXCHANGE = -100, 2
"""Arguments of Linux's `renameat2`: relative to the current folder, and that both names stay."""
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
"""Errors of file systems without locks; there, the user has to keep two runs apart."""


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` at the end of the block; after an error `path` is unchanged.

    Makes the folder if it is missing. Raises `OutputError` if the file cannot be written, or another run writes it.
    """
    target = Path(path)
    partial = partial_name(target)
    # a link of that name was not made here, and could point to any file
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    try:
        with making_parents(target), os.fdopen(open_alone(partial, flags, target), "wb") as file:
            try:
                file.truncate(0)
                yield file
                file.flush()
                os.fsync(file.fileno())
                partial.replace(target)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise OutputError(str(target), error.strerror or str(error)) from error


def write_atomic(path: str | Path, data: bytes) -> None:
    """Write `data` under another name and rename it; a crash leaves the old file or the new one."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder that replaces `path` at the end of the block; after an error `path` is unchanged.

    Raises `OutputError` if the folder cannot be written, or another run writes it.
    """
    partial = partial_name(path)
    descriptor = None
    try:
        with making_parents(path):
            descriptor = open_alone(partial, os.O_DIRECTORY | os.O_NOFOLLOW, path)
            restore_old(path)
            for left in partial.iterdir():
                _remove(left)
            try:
                yield partial
                replace_by(partial, path)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
                restore_old(path)
    except OSError as error:
        raise OutputError(str(path), error.strerror or str(error)) from error
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def making_parents(path: Path) -> Iterator[None]:
    """Make the folders above `path`; those that the block leaves empty are removed again."""
    parents = path.absolute().parents
    made = parents[: next((number for number, parent in enumerate(parents) if parent.exists()), len(parents))]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # one that is not empty stays, and so do those above it
            for parent in made:
                parent.rmdir()


def replace_by(made: Path, path: Path) -> None:
    """Give a whole file or folder the name `path`; an earlier folder of that name is called `made`, or is removed."""
    # Everything is on disk before it gets its name: a power cut must not leave empty files under it.
    for file in made.rglob("*"):
        # of a file with two names, one is of an earlier folder, so that it is on disk
        if not file.is_symlink() and (file.is_dir() or file.stat().st_nlink == 1):
            _sync(file)
    _sync(made)
    try:
        made.replace(path)  # works if `path` is a file, is missing, or is an empty folder
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _exchange(made, path):
            path.rename(_old_name(path))
            made.rename(path)
    _sync(path.parent)
    restore_old(path)


def restore_old(path: Path) -> None:
    """Give a folder that was to be replaced its name back, or remove it if the new one has the name."""
    old = _old_name(path)
    if old.is_dir():
        shutil.rmtree(old) if path.exists() else old.rename(path)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names at once; False if this system or file system cannot."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def remove_folder(path: Path) -> None:
    """Remove a folder at once: it is renamed first, so that its name never holds half of it."""
    renamed = partial_name(path)
    shutil.rmtree(renamed, ignore_errors=True)
    path.rename(renamed)
    shutil.rmtree(renamed)


def clear_partials(folder: Path) -> None:
    """Remove what killed runs left half written in `folder`, which no other run may be writing to.

    Raises `OutputError` if it cannot be removed.
    """
    try:
        for old in folder.glob(f".*{OLD}"):
            restore_old(old.with_name(old.name.removeprefix(".").removesuffix(OLD)))
        for ending in (PARTIAL, SET):
            for partial in folder.glob(f".*{ending}"):
                _remove(partial)
    except OSError as error:
        raise OutputError(str(folder), error.strerror or str(error)) from error


def clear_beside(path: Path) -> None:
    """Remove what killed runs left half written of a file or folder `path`, unless another run writes it."""
    for ending in (PARTIAL, SET):
        partial = partial_name(path, ending)
        # it may be held, or be someone else's
        with suppress(OSError, OutputError):
            if not partial.is_symlink() and partial.exists():
                descriptor = open_alone(partial, os.O_DIRECTORY if partial.is_dir() else os.O_RDWR, path)
                _remove(partial)
                os.close(descriptor)


def list_whole(folder: Path) -> list[str]:
    """The names in `folder`, sorted, without what killed runs left half written.

    Raises `OutputError` if it is not a folder, or cannot be read.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise OutputError(str(folder), (error.strerror or str(error)).lower()) from None
    return [name for name in names if not (name.startswith(".") and name.endswith((PARTIAL, OLD, SET)))]


def open_alone(path: Path, flags: int, shown: Path, mode: int = 0o777) -> int:
    """Open a file or folder (made if it is missing) that no other run holds; gives the descriptor that holds it.

    Raises `OutputError`, about `shown`, if another run holds it.
    """
    while True:
        if flags & os.O_DIRECTORY:
            path.mkdir(mode, parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise OutputError(str(shown), "another run is writing to it") from None
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                os.close(descriptor)
                raise
        if _is_same(descriptor, path):
            return descriptor
        os.close(descriptor)  # the other run has just renamed or removed it


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def partial_name(path: Path, ending: str = PARTIAL) -> Path:
    """The name of a file or folder until it is whole."""
    path = path if path.name.strip(".") else Path(os.path.abspath(path))  # `.` and `..` are not names
    return path.with_name(f".{path.name}{ending}")


def _old_name(path: Path) -> Path:
    return partial_name(path, OLD)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
