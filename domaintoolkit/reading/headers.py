"""Finds a reader's columns among those that a file has."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from domaintoolkit.errors import LookupFailedError, SourceError
from domaintoolkit.reading.files import SourceFile
from domaintoolkit.schema import Column, Reader

__all__ = ["locate", "other_delimiter", "with_headers", "written_columns"]

DELIMITERS = (",", ";", "\t", "|", "::", "\x01", "^", "whitespace")
"""The delimiters of most files, tried if the headers are not found."""

_VALUE = re.compile(r"-?[0-9]+([.][0-9]+)?|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}.*")
"""Numbers and dates, which are values rather than headers."""

LOOKED_THROUGH = 50
"""Lines in which a header is looked for if the first one is not it."""


def with_headers(reader: Reader, headers: Mapping[str, str]) -> Reader:
    """`reader` with columns read from other headers: `{"ip": "..ip"}` reads column `ip` under `..ip`."""
    names = [column.name for column in reader.columns]
    for name in headers:
        if name not in names:
            raise LookupFailedError("column", name, names)
    columns = tuple(
        replace(column, source=headers[column.name], time_join=()) if column.name in headers else column
        for column in reader.columns
    )
    return replace(reader, columns=columns)


def written_columns(columns: Sequence[Column]) -> list[Column]:
    """The columns as a file has them: those that `time_join` names, in place of the one that they make."""
    found = []
    for column in columns:
        if not column.time_join:
            found.append(column)
        for header in column.time_join:
            name = f"{column.name} ({header})"
            found.append(Column(name, source=header, null=column.null, trim=column.trim, optional=column.optional))
    return found


def locate(
    file: SourceFile,
    columns: Sequence[Column],
    found: Sequence[str],
    delimiter: str | None = None,
    later: tuple[int, bytes] = (0, b""),
) -> dict[str, int]:
    """The place of each of `columns` among the headers `found`; `SourceError` names all that cannot be found.

    Left out are columns that the names of folders give, and optional ones that are not there. `delimiter` is the one
    that split the headers, if the file is text, and `later` are the number of lines up to them and the lines that come
    next.
    """
    places: dict[str, list[int]] = {}
    for place, header in enumerate(found):
        places.setdefault(header, []).append(place)
    chosen, wrong, missing = {}, [], []
    for column in columns:
        there = [header for header in column.choices if header in places]
        if not there:
            # the names of folders give columns too
            if not column.optional and not file.partition.keys() & set(column.choices):
                missing.append(column)
            continue
        at = places[there[0]]
        if len(there) > 1:
            wrong.append(f"column {column.name!r} is there under several headers: {', '.join(map(repr, there))}")
        elif column.occurrence is None and len(at) > 1:
            wrong.append(f"header {there[0]!r} occurs {len(at)} times; {_which(len(at))} for column {column.name!r}")
        elif (column.occurrence or 1) > len(at):
            wrong.append(
                f"header {there[0]!r} occurs {len(at)} times, and column {column.name!r} has occurrence = "
                f"{column.occurrence}"
            )
        else:
            chosen[column.name] = at[(column.occurrence or 1) - 1]
    wrong = [*_missing(missing, found), *wrong]
    if wrong:
        headers = ", ".join(repr(header) for header in found[:50]) + (", ..." if len(found) > 50 else "")
        wrong.append(f"the file's headers are {headers}" if headers else "the file has no headers")
        wanted = [column.header for column in missing]
        needed = {column.header for column in columns if not column.optional}
        # hints from the likeliest to the least likely: only one is given
        if missing and len(missing) < len(columns) and not any(column.choices[0] in places for column in missing):
            wrong[-1] += f"; if some files lack {missing[0].header!r}, set optional = true for this column"
        hint = _later_header(*later, needed, needed & set(found), delimiter) if delimiter and wanted else ""
        hint = hint or (_other_layout(found, wanted, delimiter) if delimiter else "")
        if not hint and len(missing) == len(columns) and any(_VALUE.fullmatch(header) for header in found):
            hint = "; if the first line is a row, set header = false in the reader"
        raise SourceError(file.name, "; ".join(wrong) + hint)
    return chosen


def _which(count: int) -> str:
    options = [f"occurrence = {number}" for number in range(1, min(count, 3) + 1)]
    return f"set {' or '.join(options)}"


def _missing(missing: Sequence[Column], found: Sequence[str]) -> Iterator[str]:
    # reversed: of several headers that look alike, the first one stays
    plain = {_plain(header): header for header in reversed(found)}
    times = Counter(found)
    unlike = []
    for column in missing:
        base, _, number = column.header.rpartition(".")  # as pandas names repeated headers
        if number.isdecimal() and times[base] > int(number):
            yield (
                f"expected a column with the header {column.header!r}, found none "
                f"(header {base!r} occurs {times[base]} times: set source = {base!r}, occurrence = {int(number) + 1})"
            )
            continue
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
    option = shlex.quote(f"{unlike[0].name}=HEADER") if unlike else ""
    if len(unlike) == 1:
        yield (
            f"expected a column with the header {unlike[0].header!r}, found none "
            f"(if it has another header, map it: --column {option})"
        )
    elif unlike:
        names = ", ".join(repr(column.header) for column in unlike)
        yield (
            f"expected columns with the headers {names}, found none of them "
            f"(if one has another header, map it: --column {option})"
        )


def _other_layout(found: Sequence[str], wanted: Sequence[str], delimiter: str) -> str:
    """A hint for headers that would have been found with another quote, without spaces or split elsewhere."""
    if any(f"'{header}'" in found for header in wanted):
        return '; to read values in single quotes, set quote = "\'" in the reader'
    if any(header.strip() in wanted for header in found if header != header.strip()):
        return "; to leave out spaces around headers and values, set trim = true in the reader"
    return other_delimiter(_join(found, delimiter), wanted, delimiter)


def _spell(mark: str) -> str:
    return repr(mark) if mark.isprintable() else f'"\\u{ord(mark[0]):04x}"'


def other_delimiter(line: str, wanted: Sequence[str], delimiter: str) -> str:
    """A hint for a header line that has `wanted` headers if it is split at another character; "" otherwise."""
    for other in DELIMITERS:
        if other == delimiter:
            continue
        there = {header.strip("'\" \r\n") for header in (line.split() if other == "whitespace" else line.split(other))}
        if len(there) > 1 and any(header in there for header in wanted):
            shown, split = ("'\\t'" if mark == "\t" else _spell(mark) for mark in (other, delimiter))
            if not other.isprintable() and other != "\t":
                return f"; they look split by {shown}, not by {split}: set delimiter = {shown} in the reader"
            return (
                f"; they look split by {shown}, not by {split}: "
                f"give --delimiter {shown}, or set `delimiter` in the reader"
            )
    return ""


def _join(headers: Sequence[str], delimiter: str) -> str:
    return (" " if delimiter == "whitespace" else delimiter).join(headers)


def _later_header(before: int, rest: bytes, needed: set[str], known: set[str], delimiter: str) -> str:
    """A hint for a file that has lines before its header; "" if none of the next lines looks more like one.

    A header has most of the headers that are `needed`, and more than the `known` ones of the first line.
    """
    for number, line in enumerate(rest.decode(errors="replace").splitlines()[:LOOKED_THROUGH], before):
        for mark in (delimiter, *DELIMITERS):
            there = {part.strip("'\" ") for part in (line.split() if mark == "whitespace" else line.split(mark))}
            # more than half of all, so that a row of values that happen to be headers does not count
            if len(there & needed) > max(len(needed) / 2, len(known)):
                more = "" if mark == delimiter else f" and delimiter = {mark!r}"
                return f"; line {number + 1} has them: set skip = {number}{more} in the reader"
    return ""


def _plain(header: str) -> str:
    return "".join(character for character in header.casefold() if character.isalnum())
