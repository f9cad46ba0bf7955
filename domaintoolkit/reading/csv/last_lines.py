"""A stream of text without its last lines, such as the totals that a report has below its rows."""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["WithoutLastLines"]

CHUNK = 1 << 20


class WithoutLastLines:
    """`stream` without its last `count` lines that are not blank, and all blank ones between and after these."""

    def __init__(self, stream: BinaryIO, count: int) -> None:
        self._stream, self._count, self._held, self._ended = stream, count, b"", False

    def read(self, size: int = CHUNK) -> bytes:
        """Some more bytes, not always `size` of them; none only at the end."""
        while not self._ended:
            data = self._stream.read(size)
            self._ended = not data
            held = self._held + data
            cut = self._last_start(held)
            self._held = held[cut:]
            if cut:
                return held[:cut]
        return b""

    def _last_start(self, data: bytes) -> int:
        """The start of the first of the last lines; 0 if there are not so many yet."""
        end = len(data)
        for _ in range(self._count):
            # back over line breaks, then to the start of the line before them
            while end and data[end - 1] in b"\r\n":
                end -= 1
            if not end:
                return 0
            end = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end)) + 1
        return end
