"""The lock that lets one run at a time write to an output folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domaintoolkit.errors import OutputError

__all__ = ["lock_folder"]


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold `folder` (made if it is missing) for this run; raises `OutputError` if another run holds it.

    The folder itself is locked, so no lock file is left, however the run ends.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputError(str(folder), error.strerror or str(error)) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise OutputError(str(folder), "another run is writing to it") from None
    try:
        yield
    finally:
        os.close(handle)
