"""Finds a reader's columns among those that a file has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from domaintoolkit.errors import LookupFailedError, SourceError
from domaintoolkit.schema import Column, Reader

__all__ = ["locate", "with_headers"]


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


def locate(source: str, columns: Sequence[Column], found: Sequence[str]) -> dict[str, int]:
    """Where each of `columns` is among the headers `found`; `SourceError` names all that are missing or twice."""
    times = Counter(found)
    wrong = [_missing(column, found) for column in columns if times[column.header] == 0]
    wrong += [
        f"header {column.header!r} is there {times[column.header]} times"
        for column in columns
        if times[column.header] > 1
    ]
    if wrong:
        headers = ", ".join(repr(header) for header in found[:50]) + (", ..." if len(found) > 50 else "")
        raise SourceError(source, "; ".join(wrong) + f"; the file's headers are {headers}")
    return {column.name: found.index(column.header) for column in columns}


def _missing(column: Column, found: Sequence[str]) -> str:
    plain = {_plain(header): header for header in reversed(found)}
    close = get_close_matches(_plain(column.header), plain, n=1, cutoff=0.75)
    text = f"expected a column with the header {column.header!r}, found none"
    if not close:
        return f"{text} (where it has another header, map it: --column {column.name}=HEADER)"
    return f"{text} (should it be read from {plain[close[0]]!r}? map it: --column {column.name}={plain[close[0]]})"


def _plain(header: str) -> str:
    return "".join(character for character in header.casefold() if character.isalnum())
