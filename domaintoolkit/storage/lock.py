"""One run at a time on an output folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domaintoolkit.errors import OutputError

__all__ = ["locked"]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` (made where it is missing) for this run; `OutputError` where another run holds it.

    The folder itself is locked, so nothing is left behind, whatever ends the run.
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
