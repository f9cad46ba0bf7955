"""Pieces of a text file that are spread over the whole of it, in bounded memory and time."""

from __future__ import annotations

import time
from dataclasses import dataclass

from domaintoolkit.reading import SourceFile
from domaintoolkit.reading.unpacking import open_unpacked

__all__ = ["BUDGET", "TextPieces", "read_head", "read_tail", "take_pieces"]

BUDGET = 24 << 20
"""Bytes of text that are looked at; a smaller table is looked at as a whole."""

PIECES = 96
"""Pieces of a file that is larger than its budget."""

FIRST = 1 << 19
"""Bytes of the first piece, which has the header and shows the dialect."""

SECONDS = 20.0
"""The time after which unpacking stops; the pieces are then spread over what was unpacked."""


@dataclass(frozen=True, slots=True)
class TextPieces:
    """Bytes of a file: each piece but the first begins somewhere in a line. `seen` is the share of the file."""

    pieces: tuple[bytes, ...]
    seen: float

    @property
    def is_whole(self) -> bool:
        """True if the only piece is the whole file."""
        return self.seen >= 1


def read_head(file: SourceFile, size: int = FIRST) -> bytes:
    """The first bytes of a file, unpacked."""
    with open_unpacked(file.path, file.packing, file.member) as stream:
        return stream.read(size)


def read_tail(file: SourceFile, pieces: TextPieces, size: int = 1 << 14) -> bytes:
    """The last bytes of a file, beginning at a multiple of four; none of a packed one that is not seen whole."""
    if pieces.is_whole:
        whole = pieces.pieces[-1]
        return whole[max(0, (len(whole) - size) // 4 * 4) :]
    if file.packing is not None:
        return b""
    with open_unpacked(file.path, None, None) as stream:
        stream.seek(max(0, (file.path.stat().st_size - size) // 4 * 4))
        return stream.read()


def take_pieces(file: SourceFile, budget: int = BUDGET) -> TextPieces:
    """Pieces of a file, spread evenly over it, that take about `budget` bytes together."""
    return _seek(file, budget) if file.packing is None else _unpack(file, budget)


def _seek(file: SourceFile, budget: int) -> TextPieces:
    whole = file.path.stat().st_size
    with open_unpacked(file.path, None, None) as stream:
        if whole <= budget:
            return TextPieces((stream.read(),), 1.0)
        first = min(FIRST, budget // 2)
        size = max((budget - first) // PIECES, 1024)
        pieces = [stream.read(first)]
        for number in range(PIECES):
            # characters of UTF-16 and UTF-32 begin at multiples of four
            place = (first + (whole - first - size) * number // (PIECES - 1)) // 4 * 4
            stream.seek(place)
            pieces.append(stream.read(size))
    return TextPieces(tuple(pieces), sum(map(len, pieces)) / whole)


def _unpack(file: SourceFile, budget: int) -> TextPieces:
    """Every piece while they fit, then every second, every fourth and so on, so that no piece is read twice."""
    first = min(FIRST, budget // 2)
    # a multiple of four, so that no character of UTF-16 or UTF-32 is cut
    size = max((budget - first) // PIECES // 4 * 4, 1024)
    kept: list[tuple[int, bytes]] = []
    stride, number, total = 1, 0, 0
    until = time.monotonic() + SECONDS
    with open_unpacked(file.path, file.packing, file.member) as stream:
        head = stream.read(first)
        while piece := stream.read(size):
            total += len(piece)
            if number % stride == 0:
                kept.append((number, piece))
            if len(kept) > PIECES:
                stride *= 2
                kept = [(place, each) for place, each in kept if place % stride == 0]
            number += 1
            if time.monotonic() > until:
                break
    if stride == 1:
        return TextPieces((head + b"".join(piece for _, piece in kept),), 1.0)
    held = len(head) + sum(len(piece) for _, piece in kept)
    return TextPieces((head, *(piece for _, piece in kept)), held / (len(head) + total))
