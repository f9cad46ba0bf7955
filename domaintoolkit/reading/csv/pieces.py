"""Cut a CSV byte stream into pieces of whole records, and cut lines with broken quoting out of it.

A quote opens a field after a delimiter, a line break or the start; it closes one before a delimiter, a line
break or the end; two together inside a quoted field are one. If every quote of a run obeys this, each
even one (from 0) opens and each odd one closes, so numpy finds the records from the quotes alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK", "BOM", "LIMIT", "CsvPiece", "Dialect", "Marks", "Window", "breaks", "pieces"]

BLOCK = 8 << 20
"""Bytes per piece, about 60,000 rows. Smaller ones cost more per row, larger ones do not fit in the cache."""

LIMIT = 64 << 20
"""Bytes that one record may have."""

FIRST = 16 << 10
"""Bytes of the first piece, and of the one after broken quoting; each next one is twice as long."""

BOM = b"\xef\xbb\xbf"
LF, CR = 10, 13


@dataclass(frozen=True, slots=True)
class Dialect:
    """The bytes that have a meaning in a CSV file."""

    delimiter: int = ord(",")
    quote: int | None = ord('"')
    escape: int | None = None
    long: re.Pattern[bytes] | None = None
    """A delimiter of more than one byte; `delimiter` then replaces it before values are split."""
    comments: tuple[bytes, ...] = ()
    """The beginnings of lines that are left out."""
    dropped: tuple[bytes, ...] = ()
    """Whole lines that are left out."""


@dataclass(frozen=True, slots=True)
class CsvPiece:
    """Consecutive whole records; or, with a `fault`, one line that is not a record; or a line that is left out."""

    data: bytes
    fault: str | None = None
    is_left_out: bool = False
    is_last: bool = False
    """True if nothing comes after the records."""


class Marks:
    """The quotes of a run of text that begins at a record's start."""

    def __init__(self, data: bytes, dialect: Dialect) -> None:
        self.data, self.dialect = data, dialect
        self.array = np.frombuffer(data, np.uint8)

    @cached_property
    def quotes(self) -> NDArray[np.int64]:
        """Positions of the quotes that are not escaped."""
        quote = self.dialect.quote
        if quote is None or bytes([quote]) not in self.data:
            return np.zeros(0, np.int64)
        return self.plain(np.flatnonzero(self.array == quote))

    def plain(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `positions` that are not escaped."""
        escapes = self._escapes
        if len(escapes):
            positions = positions[~np.isin(positions - 1, escapes)]
        return positions

    @cached_property
    def _escapes(self) -> NDArray[np.int64]:
        """Escapes that are not themselves escaped: in a run of them, every other one."""
        escape = self.dialect.escape
        if escape is None or bytes([escape]) not in self.data:
            return np.zeros(0, np.int64)
        at = np.flatnonzero(self.array == escape)
        # (escapes,) the place of each in its run of adjacent escapes; even places (from 0) are active
        order = np.arange(len(at))
        begins = np.r_[True, np.diff(at) > 1]
        active: NDArray[np.int64] = at[(order - np.maximum.accumulate(np.where(begins, order, 0))) % 2 == 0]
        return active

    def outside(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `positions` that are neither quoted nor escaped."""
        if len(self.quotes):
            # outside, an even number of quotes comes before
            positions = positions[np.searchsorted(self.quotes, positions) % 2 == 0]
        return self.plain(positions)

    def last_start(self, stop: int) -> int:
        """The start of the last record that begins before `stop`."""
        while True:
            at = max(self.data.rfind(b"\n", 0, stop), self.data.rfind(b"\r", 0, stop))
            before = bisect_left(self.quotes, at)
            if at < 0:
                return 0
            if before % 2:  # a line break inside quotes: go on before the quote that opens
                stop = int(self.quotes[before - 1])
            elif not len(self.plain(np.array([at]))):
                stop = at
            else:
                return at + 1

    def fault(self) -> tuple[int, str] | None:
        """The start of the first record with a misplaced quote, and the reason; None if there is no such record."""
        quotes = self.quotes
        if not len(quotes):
            return None
        # (quotes - 1,) True if a quote and the next are adjacent; at odd places, that is a close and an open, which
        # together are one quote inside a field and need no delimiter
        doubled = np.diff(quotes) == 1
        # see the beginning of this file: quotes open and close in turns until the first fault
        opens, closes = quotes[0::2], quotes[1::2]
        before, after = self._bounds(opens, -1), self._bounds(closes, 1)
        before[1:] |= doubled[1::2]
        after[: len(doubled[1::2])] |= doubled[1::2]
        stray, trailing = np.flatnonzero(~before), np.flatnonzero(~after)
        if len(stray) and not (len(trailing) and trailing[0] < stray[0]):
            return self.last_start(int(opens[stray[0]])), "a quote inside a field that does not begin with one"
        if len(trailing):
            return self.last_start(int(opens[trailing[0]])), "text after a closing quote, or a quote that is not closed"
        return None

    def first_left_out(self, final: bool) -> int | None:
        """The start of the first line that is left out and not inside quotes; None if there is none.

        `final` is True if the text ends where the file does, so that its last line is a whole one.
        """
        whole = rb"(?=[\r\n]|\Z)" if final else rb"(?=[\r\n])"
        wanted = [(b"", mark, b"") for mark in self.dialect.comments]
        # joined files may have a mark each
        wanted += [(b"(?:" + BOM + b")?", line, whole) for line in self.dialect.dropped]
        starts = []
        for before, text, after in wanted:
            if text not in self.data:
                continue
            for found in re.finditer(rb"(?:\A|(?<=[\r\n]))" + before + re.escape(text) + after, self.data):
                if bisect_left(self.quotes, found.start()) % 2 == 0:
                    starts.append(found.start())
                    break
        return min(starts, default=None)

    @cached_property
    def _long(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The starts and ends of delimiters of more than one byte, those inside quotes too."""
        assert self.dialect.long is not None
        # (n, 2)
        spans = np.array([found.span() for found in self.dialect.long.finditer(self.data)], np.int64).reshape(-1, 2)
        return spans[:, 0], spans[:, 1]

    def _bounds(self, quotes: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """True for `quotes` next to a delimiter, a line break or an end of the text, on the side of `step`."""
        beside = quotes + step
        edge = (beside < 0) | (beside >= len(self.array))
        byte = self.array[np.where(edge, 0, beside)]
        if self.dialect.long is None:
            splits = byte == self.dialect.delimiter
        else:
            splits = np.isin(quotes, self._long[1]) if step < 0 else np.isin(beside, self._long[0])
        bounds: NDArray[np.bool_] = splits | (byte == LF) | (byte == CR)
        if step < 0 and len(self._escapes):
            bounds &= ~np.isin(beside - 1, self._escapes)
        return bounds | edge


def pieces(window: Window, dialect: Dialect, block: int = BLOCK, limit: int = LIMIT) -> Iterator[CsvPiece]:
    """All that is left of a window, cut at the ends of records."""
    size = min(FIRST, block)
    while data := window.look(size):
        final, seen = window.ended and len(data) == window.left, len(data)
        if dialect.long is not None and not final:  # the end may be half of a delimiter
            data = data[: max(data.rfind(b"\n"), data.rfind(b"\r")) + 1]
        left_out = Marks(data, dialect).first_left_out(final) if dialect.comments or dialect.dropped else None
        if left_out == 0:
            yield CsvPiece(window.take_line(limit), is_left_out=True)
            continue
        cut, fault = _cut(data, dialect, final) if left_out is None else _cut(data[:left_out], dialect, True)
        if cut:
            yield CsvPiece(window.take(cut), is_last=final and cut == len(data))
            size = min(size * 2, block)
        elif fault is None and seen >= limit:
            fault = f"a row or quoted field longer than {limit:,} bytes, or a quote that is not closed"
        elif fault is None:
            size = min(seen * 2, limit)
        if fault is not None:
            yield CsvPiece(window.take_line(limit), fault)
            size = min(FIRST, block)


def _cut(data: bytes, dialect: Dialect, final: bool) -> tuple[int, str | None]:
    """The number of bytes of whole records that `data` begins with, and the fault of the record after them, if any."""
    marks = Marks(data, dialect)
    found = marks.fault()
    if found is not None:
        return found
    open_quote = len(marks.quotes) % 2 == 1
    if final and not len(marks.plain(np.array([len(data)]))):
        return marks.last_start(len(data)), "an escape at the end of the file"
    if final and not open_quote:
        return len(data), None
    if final:
        return marks.last_start(int(marks.quotes[-1])), "a quote that is not closed"
    # a CR at the end may be half of a CR LF
    return marks.last_start(len(data) - data.endswith(b"\r")), None


class Window:
    """Looks ahead in a byte stream; byte order marks at its start are left out."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._buffer, self._at, self.ended = stream, b"", 0, False
        while self.look(len(BOM)) == BOM:  # some tools write two
            self.take(len(BOM))

    @property
    def left(self) -> int:
        """Bytes that were read and not taken yet."""
        return len(self._buffer) - self._at

    def look(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end; `ended` is True if nothing comes after them."""
        # one byte more than asked for tells whether something comes after
        while self.left <= size and not self.ended:
            more = self._stream.read(max(size + 1 - self.left, min(size * 8, BLOCK)))
            self.ended = not more
            self._buffer = self._buffer[self._at :] + more
            self._at = 0
        return self._buffer[self._at : self._at + size]

    def take(self, size: int) -> bytes:
        """Take the next `size` bytes."""
        self._at += size
        return self._buffer[self._at - size : self._at]

    def give_back(self, size: int) -> None:
        """Have the last `size` bytes that were taken come again; nothing was looked at since."""
        self._at -= size

    def take_line(self, limit: int = LIMIT) -> bytes:
        """Take up to and with the next line break; only the first bytes of a line longer than `limit` are returned."""
        size, kept = min(FIRST, limit), b""
        while True:
            data = self.look(size)
            end = _line_end(data, self.ended and len(data) == self.left)
            if end or not data:
                line = self.take(end)
                return kept or line
            if len(data) >= limit:
                kept = kept or data
                self.take(len(data) - 1)  # the last byte may be half of a CR LF
            size = min(size * 2, limit)


def _line_end(data: bytes, final: bool) -> int:
    """The length of the first line of `data`, its break included; 0 if it does not end."""
    found = [at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0]
    if not found:
        return len(data) if final else 0
    at = min(found)
    if data[at] == CR and at + 1 == len(data) and not final:
        return 0
    return at + 1 + (data[at : at + 2] == b"\r\n")


def breaks(data: bytes) -> int:
    """The number of line breaks in `data`: LF, CR LF or CR."""
    array = np.frombuffer(data, np.uint8)  # several times faster than bytes.count
    feeds = array == LF
    if b"\r" not in data:
        return int(np.count_nonzero(feeds))
    returns = array == CR
    # a CR LF was counted twice
    pairs = np.count_nonzero(returns[:-1] & feeds[1:])
    return int(np.count_nonzero(feeds) + np.count_nonzero(returns) - pairs)
