"""`VectorFile`: vectors on disk while they are computed, so that they may outgrow memory and a killed run continues."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import ArtifactError, OutputError
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.util.artifacts import read_json, write_json
from domaintoolkit.util.partials import clear_beside, partial_name, remove_folder

__all__ = ["VectorFile", "clear_vectors", "open_vectors"]

FORMAT, VERSION = "domaintoolkit unfinished vectors", 1
STATE, VECTORS, ENDING = "state.json", "vectors.f32", ".partial-vectors"


class VectorFile:
    """`vectors` (rows, width) in a file; each part of them is marked once it is whole."""

    def __init__(self, folder: Path, rows: int, width: int, identity: str) -> None:
        self._folder, self._identity = folder, identity
        self._done = _read_finished(folder, identity)
        path = folder / VECTORS
        size = rows * width * 4
        if self._done and (not path.exists() or path.stat().st_size != size):
            self._done = set()
        with path.open("r+b" if self._done else "wb") as file:
            file.truncate(size)
        # numpy cannot map a file without bytes
        self.vectors: NDArray[np.float32] = (
            np.memmap(path, np.float32, "r+", shape=(rows, width)) if size else np.zeros((rows, width), np.float32)
        )

    def finish(self) -> None:
        """Note that all parts are there, so that the next run knows: only the file that is made from them may lack."""
        self._save(is_whole=True)

    def has(self, part: int) -> bool:
        """True if this part was finished, now or by an earlier run."""
        return part in self._done

    def write(self, part: int, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Write the vectors of a part, and mark it as finished once they are on disk."""
        self.vectors[rows] = vectors
        if isinstance(self.vectors, np.memmap):
            self.vectors.flush()
        self._done.add(part)
        self._save()

    def _save(self, is_whole: bool = False) -> None:
        state = {"identity": self._identity, "finished": sorted(self._done), "whole": is_whole}
        write_json(self._folder / STATE, FORMAT, VERSION, state)


@contextmanager
def open_vectors(target: Path, rows: int, width: int, identity: str) -> Iterator[VectorFile]:
    """The vectors that a file `target` is made from; they go once the block ends without an error.

    A run that was killed left them beside `target`; one of the same `identity` continues with them.
    """
    folder = partial_name(target, ENDING)
    try:
        with lock_folder(folder):
            # the name that a killed run gave it to remove it
            clear_beside(folder)
            yield VectorFile(folder, rows, width, identity)
            remove_folder(folder)
    except OSError as error:
        raise OutputError(str(target), error.strerror or os.strerror(error.errno or 0)) from error


def clear_vectors(target: Path) -> None:
    """Remove the vectors that a run left beside `target` which was killed after `target` was made from them."""
    folder = partial_name(target, ENDING)
    clear_beside(folder)
    with suppress(ArtifactError, OutputError):  # there are none, or another run has them
        if read_json(folder / STATE, FORMAT, VERSION).get("whole"):
            with lock_folder(folder):
                remove_folder(folder)


def _read_finished(folder: Path, identity: str) -> set[int]:
    """The parts that an earlier run of the same work finished."""
    try:
        state: dict[str, Any] = read_json(folder / STATE, FORMAT, VERSION)
    except ArtifactError:  # there is none, or it is of no use
        return set()
    return set(state.get("finished", ())) if state.get("identity") == identity else set()
