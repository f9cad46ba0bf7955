"""Finds a reader's columns among those that a file has."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from domaintoolkit.errors import LookupFailedError, SourceError
from domaintoolkit.schema import Column, Reader

__all__ = ["locate", "other_delimiter", "with_headers"]

DELIMITERS = (",", ";", "\t", "|", "::", "whitespace")
"""The delimiters of most files, tried if the headers are not found."""

LOOKED_THROUGH = 50
"""Lines in which a header is looked for if the first one is not it."""


def with_headers(reader: Reader, headers: Mapping[str, str]) -> Reader:
    """`reader` with columns read from other headers: `{"ip": "..ip"}` reads column `ip` under `..ip`."""
    names = [column.name for column in reader.columns]
    for name in headers:
        if name not in names:
            raise LookupFailedError("column", name, names)
    columns = tuple(
        replace(column, source=headers[column.name]) if column.name in headers else column for column in reader.columns
    )
    return replace(reader, columns=columns)


def locate(
    source: str,
    columns: Sequence[Column],
    found: Sequence[str],
    delimiter: str | None = None,
    later: tuple[int, bytes] = (0, b""),
) -> dict[str, int]:
    """The place of each of `columns` among the headers `found`; `SourceError` names all that are missing or repeated.

    `delimiter` is the one that split the headers, if the file is text, and `later` are the number of lines up to
    them and the lines that come next.
    """
    times = Counter(found)
    missing = [column for column in columns if times[column.header] == 0]
    wrong = list(_missing(missing, found)) + [
        f"header {column.header!r} occurs {times[column.header]} times"
        for column in columns
        if times[column.header] > 1
    ]
    if wrong:
        headers = ", ".join(repr(header) for header in found[:50]) + (", ..." if len(found) > 50 else "")
        wrong.append(f"the file's headers are {headers}")
        wanted = [column.header for column in missing]
        hint = _later_header(*later, wanted, delimiter) if delimiter else ""
        hint = hint or (other_delimiter(_joined(found, delimiter), wanted, delimiter) if delimiter else "")
        raise SourceError(source, "; ".join(wrong) + hint)
    return {column.name: found.index(column.header) for column in columns}


def _missing(missing: Sequence[Column], found: Sequence[str]) -> Iterator[str]:
    plain = {_plain(header): header for header in reversed(found)}
    unlike = []
    for column in missing:
        close = get_close_matches(_plain(column.header), plain, n=1, cutoff=0.75)
        if close:
            header = plain[close[0]]
            option = f"--column {shlex.quote(f'{column.name}={header}')}"
            yield (
                f"expected a column with the header {column.header!r}, found none "
                f"(should it be read from {header!r}? map it: {option})"
            )
        else:
            unlike.append(column)
    if len(unlike) == 1:
        yield (
            f"expected a column with the header {unlike[0].header!r}, found none "
            f"(if it has another header, map it: --column {unlike[0].name}=HEADER)"
        )
    elif unlike:
        names = ", ".join(repr(column.header) for column in unlike)
        yield (
            f"expected columns with the headers {names}, found none of them "
            f"(if one has another header, map it: --column {unlike[0].name}=HEADER)"
        )


def other_delimiter(line: str, wanted: Sequence[str], delimiter: str) -> str:
    """A hint for a header line that has `wanted` headers if it is split at another character; "" otherwise."""
    for other in DELIMITERS:
        if other == delimiter:
            continue
        there = {header.strip("'\" \r\n") for header in (line.split() if other == "whitespace" else line.split(other))}
        if len(there) > 1 and any(header in there for header in wanted):
            shown, split = ("'\\t'" if mark == "\t" else repr(mark) for mark in (other, delimiter))
            return (
                f"; they look split by {shown}, not by {split}: "
                f"give --delimiter {shown}, or set `delimiter` in the reader"
            )
    return ""


def _joined(headers: Sequence[str], delimiter: str) -> str:
    return (" " if delimiter == "whitespace" else delimiter).join(headers)


def _later_header(before: int, rest: bytes, wanted: Sequence[str], delimiter: str) -> str:
    """A hint for a file that has lines before its header; "" if none of the next lines has `wanted` headers."""
    for number, line in enumerate(rest.decode(errors="replace").splitlines()[:LOOKED_THROUGH], before):
        for mark in (delimiter, *DELIMITERS):
            there = {part.strip("'\" ") for part in (line.split() if mark == "whitespace" else line.split(mark))}
            if len(there & set(wanted)) * 2 > len(set(wanted)):
                more = "" if mark == delimiter else f" and delimiter = {mark!r}"
                return f"; line {number + 1} has them: set skip = {number}{more} in the reader"
    return ""


def _plain(header: str) -> str:
    return "".join(character for character in header.casefold() if character.isalnum())
