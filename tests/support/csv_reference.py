"""A CSV reader one character at a time, to hold the fast one against."""

from __future__ import annotations

from dataclasses import dataclass

BREAKS = b"\r\n"


@dataclass(frozen=True)
class Record:
    """One record: its line (from 1), and its values (None: unquoted and empty), or none where it is broken."""

    line: int
    raw: bytes
    values: tuple[bytes | None, ...] | None


def records(text: bytes, delimiter: int = ord(","), quote: int = ord('"')) -> list[Record]:
    """All records of `text`; a blank line is a record of one empty value."""
    found, at, line = [], 0, 1
    while at < len(text):
        end, values = _record(text, at, delimiter, quote)
        if values is None:
            end = _line_end(text, at)
        found.append(Record(line, text[at:end], values))
        behind = end + (2 if text[end : end + 2] == b"\r\n" else 1)
        line += _breaks(text[at:behind])
        at = behind
    return found


def _record(text: bytes, at: int, delimiter: int, quote: int) -> tuple[int, tuple[bytes | None, ...] | None]:
    values: list[bytes | None] = []
    while True:
        value, at = _field(text, at, delimiter, quote)
        if at < 0:
            return at, None
        values.append(value)
        if at == len(text) or text[at] in BREAKS:
            return at, tuple(values)
        at += 1


def _field(text: bytes, at: int, delimiter: int, quote: int) -> tuple[bytes | None, int]:
    value = bytearray()
    if at == len(text) or text[at] != quote:
        while at < len(text) and text[at] != delimiter and text[at] not in BREAKS:
            if text[at] == quote:
                return None, -1
            value.append(text[at])
            at += 1
        return (bytes(value) or None), at
    at += 1
    while at < len(text):
        if text[at] != quote:
            value.append(text[at])
        elif at + 1 < len(text) and text[at + 1] == quote:
            value.append(quote)
            at += 1
        elif at + 1 == len(text) or text[at + 1] == delimiter or text[at + 1] in BREAKS:
            return bytes(value), at + 1
        else:
            return None, -1
        at += 1
    return None, -1


def _line_end(text: bytes, at: int) -> int:
    while at < len(text) and text[at] not in BREAKS:
        at += 1
    return at


def _breaks(text: bytes) -> int:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")
