"""The lock that lets one run at a time write to an output folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from domaintoolkit.errors import OutputError
from domaintoolkit.util.partials import making_parents, open_alone

__all__ = ["lock_folder"]


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold `folder` for this run; raises `OutputError` if another run holds it.

    It is made if it is missing, with the folders above it, and removed again if the run leaves nothing in it.
    The folder itself is locked, so no lock file is left, however the run ends.
    """
    was_there = folder.is_dir()
    with ExitStack() as held:
        try:
            held.enter_context(making_parents(folder))
            handle = open_alone(folder, os.O_DIRECTORY, folder)
        except OSError as error:
            raise OutputError(str(folder), error.strerror or str(error)) from None
        try:
            yield
        finally:
            if not was_there:
                with suppress(OSError):  # it holds the output
                    folder.rmdir()
            os.close(handle)
