"""Files and folders that appear whole or not at all.

Each is written beside its place, as `.NAME.partial`, and renamed when it is whole. The name is always the same, so the
next run of the same command uses or removes what a killed one left there; a lock on it keeps a second run out.
A folder that is replaced exchanges its name with the new one at once, if the system can do that. If not, it is called
`.NAME.partial-old` between two renames, and `clear_partials` gives it its name back.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from domaintoolkit.errors import OutputError

__all__ = [
    "clear_partials",
    "list_whole",
    "open_alone",
    "remove_folder",
    "replacing",
    "replacing_folder",
    "write_atomic",
]

PARTIAL, OLD = ".partial", ".partial-old"
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
    partial = _partial_name(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # a link of that name was not made here, and could point to any file
        with os.fdopen(open_alone(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, target), "wb") as file:
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
    partial = _partial_name(path)
    old = partial.with_name(partial.name.removesuffix(PARTIAL) + OLD)
    descriptor = None
    try:
        descriptor = open_alone(partial, os.O_DIRECTORY | os.O_NOFOLLOW, path)
        _restore(old)
        for left in partial.iterdir():
            _remove(left)
        try:
            yield partial
            # Everything is on disk before it gets its name: a power cut must not leave empty files under it.
            for file in partial.rglob("*"):
                _sync(file)
            _sync(partial)
            _replace(partial, path, old)
            _sync(path.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            _restore(old)
    except OSError as error:
        raise OutputError(str(path), error.strerror or str(error)) from error
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _replace(partial: Path, path: Path, old: Path) -> None:
    """Give a folder its name, which another folder may have."""
    try:
        partial.rename(path)  # works if `path` is missing or empty
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _exchange(partial, path):
            path.rename(old)
            partial.rename(path)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names at once; False if this system or file system cannot."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def remove_folder(path: Path) -> None:
    """Remove a folder at once: it is renamed first, so that its name never holds half of it."""
    renamed = _partial_name(path)
    shutil.rmtree(renamed, ignore_errors=True)
    path.rename(renamed)
    shutil.rmtree(renamed)


def clear_partials(folder: Path) -> None:
    """Remove what killed runs left half written in `folder`, which no other run may be writing to.

    Raises `OutputError` if it cannot be removed.
    """
    try:
        for old in folder.glob(f".*{OLD}"):
            _restore(old)
        for partial in folder.glob(f".*{PARTIAL}"):
            _remove(partial)
    except OSError as error:
        raise OutputError(str(folder), error.strerror or str(error)) from error


def list_whole(folder: Path) -> list[str]:
    """The names in `folder`, sorted, without what killed runs left half written.

    Raises `OutputError` if it is not a folder, or cannot be read.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise OutputError(str(folder), (error.strerror or str(error)).lower()) from None
    return [name for name in names if not (name.startswith(".") and name.endswith((PARTIAL, OLD)))]


def open_alone(path: Path, flags: int, shown: Path) -> int:
    """Open a file or folder (made if it is missing) that no other run holds; gives the descriptor that holds it.

    Raises `OutputError`, about `shown`, if another run holds it.
    """
    while True:
        if flags & os.O_DIRECTORY:
            path.mkdir(parents=True, exist_ok=True)
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


def _partial_name(path: Path) -> Path:
    """The name of a file or folder until it is whole."""
    path = path if path.name.strip(".") else Path(os.path.abspath(path))  # `.` and `..` are not names
    return path.with_name(f".{path.name}{PARTIAL}")


def _restore(old: Path) -> None:
    """Give a folder that was to be replaced its name back, or remove it if the new one has the name."""
    if old.is_dir():
        path = old.with_name(old.name.removeprefix(".").removesuffix(OLD))
        shutil.rmtree(old) if path.exists() else old.rename(path)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
