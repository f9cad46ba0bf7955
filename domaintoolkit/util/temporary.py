"""Temporary folders that do not outlive their command for long: the next one removes those of killed commands."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domaintoolkit.errors import OutputError
from domaintoolkit.util.partials import open_alone

__all__ = ["temporary_folder"]

PREFIX = "domaintoolkit-temporary-"


@contextmanager
def temporary_folder(within: str | Path | None = None) -> Iterator[Path]:
    """An empty folder below `within` (by default the system's folder for temporary files), removed after the block.

    It is locked, so that those of other commands that still run can be told from those of killed ones, which are
    removed first. Raises `OutputError` if it cannot be made.
    """
    parent = Path(tempfile.gettempdir() if within is None else within)
    try:
        if not parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        _remove_abandoned(parent)
        folder = parent / f"{PREFIX}{secrets.token_hex(8)}"
        descriptor = open_alone(folder, os.O_DIRECTORY | os.O_NOFOLLOW, folder, mode=0o700)
    except OSError as error:
        raise OutputError(str(parent), error.strerror or str(error)) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of commands that were killed."""
    for folder in parent.glob(f"{PREFIX}*"):
        # it may be someone else's, or gone in the meantime
        with suppress(OSError, OutputError):
            if folder.lstat().st_uid != os.getuid():
                continue
            descriptor = open_alone(folder, os.O_DIRECTORY | os.O_NOFOLLOW, folder)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)
