"""A sign of life from long jobs whose output goes to a file or a pipe."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import ClassVar, Self, TextIO

__all__ = ["EVERY", "Pulse", "show_minutes"]

EVERY = 30.0
"""Seconds between two lines, at most."""


class Pulse:
    """Within its block, prints the state of a job to `file` whenever nothing was printed for `every` seconds.

    Of several blocks, one in another, only the innermost prints.
    """

    _active: ClassVar[list[Pulse]] = []

    def __init__(self, file: TextIO, state: str, every: float = EVERY) -> None:
        self.file, self.every = file, every
        self.state = state
        """The text to print next; the job changes it."""
        self._began = self._printed = time.monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        self._active.append(self)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._ended.set()
        if self in self._active:
            self._active.remove(self)
            # a job around this one has shown signs of life through it
            for pulse in self._active:
                pulse._printed = time.monotonic()
        if self._thread is not None:
            self._thread.join()

    def is_due(self) -> bool:
        """Return True if the next line is due."""
        return time.monotonic() - self._printed >= self.every

    def print(self, text: str) -> None:
        """Print a line now; the next comes `every` seconds later."""
        self._printed = time.monotonic()
        self.file.write(f"{text}\n")
        self.file.flush()

    def _beat(self) -> None:
        # a line that is printed meanwhile puts off the next one; not less than a tenth, so that nothing turns in a loop
        while not self._ended.wait(max(self.every / 10, self._printed + self.every - time.monotonic())):
            if self.is_due() and self._active[-1:] == [self]:
                self.print(f"{self.state} ({show_minutes(time.monotonic() - self._began)} so far)")


def show_minutes(seconds: float) -> str:
    """A time in minutes and seconds, such as 5:03."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
