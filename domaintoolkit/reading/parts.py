"""A file part by part: its rows as columns of the declared types, and what is wrong with the others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import SourceError
from domaintoolkit.reading.columnar import columnar_batches
from domaintoolkit.reading.csv.pieces import CsvPiece, Dialect, Window, breaks, pieces
from domaintoolkit.reading.csv.records import Records
from domaintoolkit.reading.csv.text_columns import TextLayout, dialect_of, split, split_line
from domaintoolkit.reading.files import SourceFile
from domaintoolkit.reading.headers import locate, other_delimiter
from domaintoolkit.reading.unpacking import open_unpacked
from domaintoolkit.schema import Column, Reader
from domaintoolkit.util.threads import make_workers
from domaintoolkit.values.declared import Converted, convert_text, convert_typed

__all__ = ["FilePart", "parts"]

EXCEL = re.compile(rb'"?sep=([\x20-\x7e\t])"?[\r\n]')
"""A first line that tells Excel the delimiter of the file."""

QUOTES = "; if quotes are ordinary characters in this file, set quote = false in the reader"


@dataclass
class FilePart:
    """`records` consecutive records of a file. Row i of `columns` is record `numbers[i]`; None means that all are rows.

    `wrong` are the records that gave no row, with the reason.
    """

    columns: list[Converted]
    records: int
    lines: int | None = None
    numbers: NDArray[np.int64] | None = None
    wrong: dict[int, str] = field(default_factory=dict)
    data: bytes = b""
    layout: TextLayout | None = None
    headers: tuple[str, ...] = ()
    arrays: Sequence[pa.Array] = ()
    is_header: bool = False

    @cached_property
    def _shape(self) -> Records:
        assert self.layout is not None
        return Records(self.data, self.layout.dialect, keep_blank=self.layout.width == 1)

    def place(self, record: int) -> tuple[int | None, bytes]:
        """A record's line within the part, from 0, and its text as found (JSON if the file is not text)."""
        if self.layout is None:
            row = {name: array[record].as_py() for name, array in zip(self.headers, self.arrays, strict=True)}
            return None, json.dumps(row, default=_plain, ensure_ascii=False).encode(errors="surrogatepass")
        # a header, or a line with broken quoting, has no columns and is one record
        if not self.columns:
            return 0, self.data.rstrip(b"\r\n")
        return self._shape.line(record), self._shape.raw(record)


def _plain(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def parts(file: SourceFile, reader: Reader, columns: Sequence[Column], block: int, threads: int) -> Iterator[FilePart]:
    """All of `file`, in its order; the first part of a text file is its header and has no records."""
    replace = reader.invalid_text == "replace"
    if file.kind == "csv":
        yield from _text_parts(file, reader, columns, block, threads)
        return
    names = tuple(column.name for column in columns)

    def convert(arrays: list[pa.Array]) -> FilePart:
        made = [convert_typed(array, column, replace) for array, column in zip(arrays, columns, strict=True)]
        return FilePart(made, len(arrays[0]), headers=names, arrays=arrays)

    with make_workers(threads) as workers:
        yield from workers.map_in_order(convert, columnar_batches(file, columns, threads))


def _text_parts(
    file: SourceFile, reader: Reader, columns: Sequence[Column], block: int, threads: int
) -> Iterator[FilePart]:
    with open_unpacked(file.path, file.packing, file.member) as stream:
        window = Window(stream)
        skipped = b"".join(window.take_line() for _ in range(reader.skip))
        named = EXCEL.match(window.look(10))
        delimiter = reader.delimiter if named is None else named[1].decode()
        skipped += b"" if named is None else window.take_line()
        dialect = dialect_of(reader, delimiter)
        found = pieces(window, dialect, block)
        if reader.header:
            headers, consumed, rest = _header(file, found, dialect, delimiter, columns, skipped)
            places = locate(file.name, columns, headers, delimiter, (breaks(consumed), rest))
        else:
            headers, consumed, rest = tuple(column.name for column in reader.columns), skipped, b""
            places = {name: place for place, name in enumerate(headers)}
        nulls = tuple(tuple(column.null or ()) for column in columns)
        layout = TextLayout(dialect, headers, tuple(columns), tuple(places[column.name] for column in columns), nulls)
        yield FilePart([], 0, lines=breaks(consumed), layout=layout, is_header=True)
        replace = reader.invalid_text == "replace"
        later = _chain(CsvPiece(rest), found) if rest else found
        with make_workers(threads) as workers:
            yield from workers.map_in_order(lambda piece: _text_part(piece, layout, replace), later)


def _chain(first: CsvPiece, others: Iterator[CsvPiece]) -> Iterator[CsvPiece]:
    yield first
    yield from others


def _header(
    file: SourceFile,
    found: Iterator[CsvPiece],
    dialect: Dialect,
    delimiter: str,
    columns: Sequence[Column],
    consumed: bytes,
) -> tuple[tuple[str, ...], bytes, bytes]:
    """The headers, the bytes they take with all lines before them, and what else the first piece holds."""
    for piece in found:
        if piece.fault is not None:
            line = piece.data.lstrip(b"\r\n").partition(b"\n")[0].decode(errors="replace")
            hint = other_delimiter(line, [column.header for column in columns], delimiter) or QUOTES
            raise SourceError(file.name, f"line {breaks(consumed) + 1}, the header: {piece.fault}{hint}")
        records = Records(piece.data, dialect, keep_blank=True)
        # the first line that is not blank is the header
        written = np.flatnonzero(records.ends > records.starts)
        if piece.is_comment or not len(written):
            consumed += piece.data
            continue
        first = int(written[0])
        start = int(records.starts[first + 1]) if first + 1 < len(records) else len(piece.data)
        try:
            headers = [value.decode() for value in split_line(records.raw(first), dialect)]
        except UnicodeDecodeError:
            raise SourceError(file.name, f"a header line that is not UTF-8: {records.raw(first)[:200]!r}") from None
        return tuple(headers), consumed + piece.data[:start], piece.data[start:]
    raise SourceError(file.name, "no header line, only blank ones")


def _text_part(piece: CsvPiece, layout: TextLayout, replace: bool) -> FilePart:
    if piece.is_comment:
        return FilePart([], 0, breaks(piece.data))
    if piece.fault is not None:
        wrong = {0: f"broken quoting: {piece.fault}{QUOTES}"}
        return FilePart([], 1, breaks(piece.data), None, wrong, piece.data, layout)
    values = split(piece.data, layout)
    made = [
        convert_text(array, column, replace, "" in nulls)
        for array, column, nulls in zip(values.columns, layout.columns, layout.nulls, strict=True)
    ]
    wrong = {record: _width_reason(width, layout) for record, width in values.wrong.items()}
    if wrong and values.records - 1 in wrong and not piece.data.endswith((b"\n", b"\r")):
        wrong[values.records - 1] += "; no line break ends the line: the file was cut off in it"
    return FilePart(made, values.records, values.lines, values.numbers, wrong, piece.data, layout)


def _width_reason(width: int, layout: TextLayout) -> str:
    reason = f"{width} columns, but the header has {layout.width}"
    missing = ", ".join(repr(header) for header in layout.headers[width:])
    return f"{reason}; there is nothing for {missing}" if missing else reason
