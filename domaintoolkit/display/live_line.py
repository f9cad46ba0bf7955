"""`LiveLine`: the state of a run as one line, on a terminal or in a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Protocol, Self, TextIO

from domaintoolkit.util.pulse import EVERY, Pulse

__all__ = ["LiveLine", "ShownState", "fit_parts"]

FALLBACK = 80
"""Columns of a terminal that does not say its width."""


class ShownState(Protocol):
    """The state of a run; its text is the whole line."""

    @property
    def is_kept(self) -> bool:
        """True if the line stays when the next one comes."""
        ...

    @property
    def pulse(self) -> str:
        """The text for a pipe if nothing else is reported for half a minute."""
        ...

    def fit(self, width: int) -> str:
        """The line in at most `width` characters."""
        ...


class LiveLine:
    """Prints states: on a terminal one line that is overwritten, in a pipe the kept ones and a line every half minute.

    Within its block, a pipe gets the line also while no step ends.
    """

    def __init__(self, file: TextIO | None = None, every: float = EVERY) -> None:
        self.file = file or sys.stderr
        self.live = self.file.isatty()
        self._pulse = Pulse(self.file, "reading the streams", every)
        self._is_open = False
        """True if a terminal's line has no end yet."""

    def __enter__(self) -> Self:
        if not self.live:
            self._pulse.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if not self.live:
            self._pulse.__exit__(*error)
        elif self._is_open:
            # a message that follows begins on a line of its own; the last state stays if something went wrong
            self._write("\r\x1b[2K" if error[0] is None else "\n")
            self._is_open = False

    def __call__(self, state: ShownState) -> None:
        if self.live:
            # \r returns to the start of the line, and the escape clears it; in the last column a line would wrap
            self._write(f"\r\x1b[2K{state.fit(self._columns() - 1)}" + ("\n" if state.is_kept else ""))
            self._is_open = not state.is_kept
        elif state.is_kept or self._pulse.is_due():
            self._pulse.print(str(state))
        self._pulse.state = state.pulse

    def _write(self, text: str) -> None:
        self.file.write(text)
        self.file.flush()

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self.file.fileno()).columns or FALLBACK
        except (OSError, ValueError):  # not a terminal of this system
            return FALLBACK


def fit_parts(parts: Sequence[tuple[str, int]], width: int) -> str:
    """Parts, each with a rank, as one line of at most `width` characters; without the highest ranks if need be."""
    kept = list(parts)
    while len(line := " · ".join(text for text, _ in kept)) > width and len(kept) > 1:
        kept.remove(max(kept, key=lambda part: part[1]))
    return line[:width]
