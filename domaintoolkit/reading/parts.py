"""A file part by part: its rows as columns of the declared types, and what is wrong with the others."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import SourceError
from domaintoolkit.reading.csv.last_lines import WithoutLastLines
from domaintoolkit.reading.csv.pieces import BOM, CsvPiece, Dialect, Window, breaks, pieces
from domaintoolkit.reading.csv.records import Records
from domaintoolkit.reading.csv.text_columns import TextLayout, dialect_of, repeated_headers, split, split_line, without
from domaintoolkit.reading.encodings import original, with_utf8
from domaintoolkit.reading.files import SourceFile
from domaintoolkit.reading.formats.columnar import Columnar
from domaintoolkit.reading.formats.excel import Row, Sheet, convert_cells, list_names, open_sheets
from domaintoolkit.reading.formats.json_lines import LINES, JsonLines
from domaintoolkit.reading.headers import locate, other_delimiter, written_columns
from domaintoolkit.reading.unpacking import open_unpacked
from domaintoolkit.schema import Column, Reader
from domaintoolkit.util.threads import make_workers
from domaintoolkit.values.declared import Converted, convert_text, convert_typed, join_times

__all__ = ["FilePart", "parts"]

EXCEL = re.compile(rb'"?sep=([\x20-\x7e\t])"?[\r\n]')
"""A first line that tells Excel the delimiter of the file."""

REPEATED = (
    "the line repeats the header; to leave such lines out, set repeated_header = 'skip' in the reader, and to read "
    "them as rows, repeated_header = 'keep'"
)

ESCAPE = "; if a backslash stands before quotes that are text, set escape = '\\\\' in the reader"
QUOTES = "; if quotes are ordinary characters in this file, set quote = false in the reader"


@dataclass
class FilePart:
    """`records` consecutive records of a file. Row i of `columns` is record `numbers[i]`; None means that all are rows.

    `wrong` are the records that gave no row, with the reason. A part of text has its `data` and its `dialect`.
    """

    columns: list[Converted]
    records: int
    lines: int | None = None
    numbers: NDArray[np.int64] | None = None
    wrong: dict[int, str] = field(default_factory=dict)
    data: bytes = b""
    dialect: Dialect | None = None
    keep_blank: bool = False
    encoding: str = "utf-8"
    headers: tuple[str, ...] = ()
    arrays: Sequence[pa.Array] = ()
    cells: Sequence[Sequence[Any]] = ()
    sheet_rows: NDArray[np.int64] | None = None
    """The numbers of the rows of a sheet, from 1."""
    notes: tuple[str, ...] = ()
    is_last: bool = False
    """True if the file ends with these records."""

    @cached_property
    def _shape(self) -> Records:
        assert self.dialect is not None
        return Records(self.data, self.dialect, self.keep_blank)

    def place(self, record: int) -> tuple[int | None, bytes]:
        """A record's line within the part, from 0, and its text as found (JSON if the file is not text)."""
        if self.dialect is None:
            if self.sheet_rows is None:
                line = None
                row = {name: array[record].as_py() for name, array in zip(self.headers, self.arrays, strict=True)}
            else:
                line = int(self.sheet_rows[record]) - 1
                row = {name: column[record] for name, column in zip(self.headers, self.cells, strict=True)}
            return line, json.dumps(row, default=_plain, ensure_ascii=False).encode(errors="surrogatepass")
        # a line with broken quoting has no columns and is one record
        if not self.columns:
            return 0, original(self.data.rstrip(b"\r\n"), self.encoding)
        return self._shape.line(record), original(self._shape.raw(record), self.encoding)


def _plain(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


class Absent:
    """The columns that a file does not have: a value from the names of its folders for all rows, or null."""

    def __init__(self, file: SourceFile, columns: Sequence[Column], there: Collection[str]) -> None:
        self._columns = columns
        self._values: dict[str, pa.Scalar] = {}
        notes = []
        for column in columns:
            if column.name in there:
                continue
            header = next((each for each in column.choices if each in file.partition), None)
            if header is None:
                notes.append(f"{file.name}: has no column {column.header!r}; it is null there")
            value = None if header is None else file.partition[header]
            made = convert_text(pa.array([None if value is None else value.encode()], pa.binary()), column)
            for _, reason in made.refused:
                raise SourceError(file.name, f"column {column.name!r} in the names of its folders: {reason}")
            self._values[column.name] = made.values[0]
        self.notes = tuple(notes)
        self.present = tuple(column for column in columns if column.name in there)

    def fill(self, made: Sequence[Converted], rows: int) -> list[Converted]:
        """All columns, in their order, of which `made` are those that the file has."""
        if not self._values:
            return list(made)
        found = iter(made)
        return [
            Converted(pa.repeat(self._values[column.name], rows)) if column.name in self._values else next(found)
            for column in self._columns
        ]


def parts(file: SourceFile, reader: Reader, columns: Sequence[Column], block: int, threads: int) -> Iterator[FilePart]:
    """All of `file`, in its order; the first part only has notes on the file, and the lines up to its header."""
    written = written_columns(columns)
    for part in _parts(file, reader, written, block, threads):
        if part.columns and len(written) > len(columns):
            part.columns = join_times(part.columns, columns)
        yield part


def _parts(file: SourceFile, reader: Reader, columns: Sequence[Column], block: int, threads: int) -> Iterator[FilePart]:
    if file.kind == "empty":
        yield FilePart([], 0, notes=(f"{file.name}: is empty",))
    elif file.kind == "csv":
        yield from _text_parts(file, reader, columns, block, threads)
    elif file.kind == "json lines":
        yield from _json_parts(file, reader, columns, block)
    elif file.kind == "excel":
        yield from _excel_parts(file, reader, columns)
    else:
        yield from _columnar_parts(file, reader, columns, threads)


def _columnar_parts(file: SourceFile, reader: Reader, columns: Sequence[Column], threads: int) -> Iterator[FilePart]:
    replace = reader.invalid_text == "replace"
    columnar = Columnar(file, columns)
    absent = Absent(file, columns, columnar.places)
    names = tuple(column.name for column in absent.present)
    yield FilePart([], 0, notes=absent.notes)

    def convert(batch: tuple[int, list[pa.Array]]) -> FilePart:
        rows, arrays = batch
        made = [convert_typed(array, column, replace) for array, column in zip(arrays, absent.present, strict=True)]
        return FilePart(absent.fill(made, rows), rows, headers=names, arrays=arrays)

    with make_workers(threads) as workers:
        yield from workers.map_in_order(convert, columnar.batches(threads))


def _excel_parts(file: SourceFile, reader: Reader, columns: Sequence[Column]) -> Iterator[FilePart]:
    with open_sheets(file, reader.sheets, reader.skip) as (sheets, others):
        # without names, the first sheet is the table
        chosen = sheets if reader.sheets else sheets[:1]
        others += tuple(sheet.name for sheet in sheets[len(chosen) :])
        if others:
            yield FilePart([], 0, notes=(f"{file.name}: sheets not read: {list_names(others)}; sheets names others",))
        for sheet in chosen:
            yield from _sheet_parts(file, sheet, reader, columns)


def _sheet_parts(file: SourceFile, sheet: Sheet, reader: Reader, columns: Sequence[Column]) -> Iterator[FilePart]:
    replace = reader.invalid_text == "replace"
    sheet.leave_out(reader.comments, reader.skip_last)
    headers = sheet.headers() if reader.header else tuple(each.name for each in reader.columns if not each.time_join)
    headers = tuple(header.strip() for header in headers) if reader.trim else headers
    places = locate(file, columns, headers)
    absent = Absent(file, columns, places)
    yield FilePart([], 0, notes=absent.notes)
    # one column may hold its own name
    looked_for = headers if reader.header and len(headers) > 1 and reader.repeated_header != "keep" else None
    at = [places[column.name] for column in absent.present]
    names = tuple(column.name for column in absent.present)
    for block, is_last in sheet.blocks():
        repeated = [number for number, row in enumerate(block) if _repeats(row, looked_for, reader.trim)]
        if reader.repeated_header == "skip":
            block = [row for number, row in enumerate(block) if number not in set(repeated)]
            repeated = []
        cells = [[row[place] if place < len(row) else None for _, row in block] for place in at]
        kept = np.delete(np.arange(len(block)), repeated)
        made = [
            convert_cells([each[row] for row in kept.tolist()], column, replace, "" in (column.null or ()))
            for each, column in zip(cells, absent.present, strict=True)
        ]
        yield FilePart(
            absent.fill(made, len(kept)),
            len(block),
            numbers=kept if repeated else None,
            wrong=dict.fromkeys(repeated, REPEATED),
            headers=names,
            cells=cells,
            sheet_rows=np.array([number for number, _ in block], np.int64),
            is_last=is_last,
        )


def _repeats(row: Row, headers: Sequence[str] | None, trim: bool) -> bool:
    """Return True if a row of a sheet repeats the headers."""
    cells = row[1]
    if headers is None or len(cells) < len(headers) or any(cell is not None for cell in cells[len(headers) :]):
        return False
    texts = ("" if cell is None else str(cell) for cell in cells)
    return all((text.strip() if trim else text) == header for text, header in zip(texts, headers, strict=False))


def _json_parts(file: SourceFile, reader: Reader, columns: Sequence[Column], block: int) -> Iterator[FilePart]:
    replace = reader.invalid_text == "replace"
    given = [column for column in columns if file.partition.keys() & set(column.choices)]
    found = JsonLines([column for column in columns if column not in given], replace)
    with open_unpacked(file.path, file.packing, file.member) as stream:
        text, encoding = with_utf8(stream, file.encoding, file.name)
        absent = Absent(file, columns, {column.name for column in found.columns})
        for piece in pieces(Window(text), LINES, block):
            rows = found.parse(piece)
            made = absent.fill(rows.columns, len(rows.numbers))
            yield FilePart(
                made, rows.records, breaks(piece.data), rows.numbers, rows.wrong, piece.data, LINES, encoding=encoding
            )
    if found.records:
        locate(file, [column for column in found.columns if column.name not in found.seen], sorted(found.keys))
        yield FilePart([], 0, notes=found.notes(file.name))


def _text_parts(
    file: SourceFile, reader: Reader, columns: Sequence[Column], block: int, threads: int
) -> Iterator[FilePart]:
    with open_unpacked(file.path, file.packing, file.member) as stream:
        text, encoding = with_utf8(stream, file.encoding, file.name)
        window = Window(cast("BinaryIO", WithoutLastLines(text, reader.skip_last)) if reader.skip_last else text)
        skipped = b"".join(window.take_line() for _ in range(reader.skip))
        named = EXCEL.match(window.look(10))
        delimiter = reader.delimiter if named is None else named[1].decode()
        skipped += b"" if named is None else window.take_line()
        dialect = dialect_of(reader, delimiter)
        # pieces are made one after another, and converted in several threads
        found = pieces(window, dialect, block)
        if reader.header:
            headers, consumed, rest = _header(file, found, dialect, delimiter, columns, skipped)
            headers = tuple(header.strip() for header in headers) if reader.trim else headers
            repeated = repeated_headers(headers, consumed, dialect)
            places = locate(file, columns, headers, delimiter, (breaks(consumed), rest))
        else:
            headers = tuple(column.name for column in reader.columns if not column.time_join)
            consumed, rest, repeated = skipped, b"", ()
            # a part of a joined time is named by the other columns' names
            numbers = {name: place for place, name in enumerate(headers)}
            places = {column.name: numbers.get(column.name, numbers.get(column.header, 0)) for column in columns}
        absent = Absent(file, columns, places)
        nulls = tuple(tuple(column.null or ()) for column in absent.present)
        layout = TextLayout(
            dialect,
            headers,
            absent.present,
            tuple(places[column.name] for column in absent.present),
            nulls,
            delimiter.encode() if reader.short_rows == "fill" else b"",
        )
        notes = (*absent.notes, *_extra_note(file, layout)) if reader.header else ()
        yield FilePart([], 0, lines=breaks(consumed), notes=notes)
        dropped = repeated if reader.repeated_header == "skip" else ()
        # one column may hold its own name
        refused = repeated if reader.repeated_header == "refuse" and layout.width > 1 else ()
        text_part = TextParts(layout, absent, reader.invalid_text == "replace", encoding, refused)
        if rest:
            window.give_back(len(rest))
        later = pieces(window, replace(dialect, dropped=dropped), block)
        with make_workers(threads) as workers:
            yield from workers.map_in_order(text_part, later)


def _extra_note(file: SourceFile, layout: TextLayout) -> Iterator[str]:
    extra = [header for place, header in enumerate(layout.headers) if place not in layout.places]
    if extra:
        shown = ", ".join(header or '""' for header in extra[:10])
        more = f" and {len(extra) - 10} more" if len(extra) > 10 else ""
        yield f"{file.name}: columns not read: {shown}{more}"


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
        if piece.is_left_out or not len(written):
            consumed += piece.data
            continue
        first = int(written[0])
        start = int(records.starts[first + 1]) if first + 1 < len(records) else len(piece.data)
        try:
            headers = [value.decode() for value in split_line(records.raw(first), dialect)]
        except UnicodeDecodeError:
            raise SourceError(file.name, _not_utf8(records.raw(first), file.encoding)) from None
        return tuple(headers), consumed + piece.data[:start], piece.data[start:]
    raise SourceError(file.name, "no header line, only blank ones")


@dataclass(frozen=True)
class TextParts:
    """Makes parts of a file of the pieces of its text."""

    layout: TextLayout
    absent: Absent
    replace: bool
    encoding: str
    repeated: tuple[bytes, ...]
    """Lines that repeat the header, which are refused."""

    def __call__(self, piece: CsvPiece) -> FilePart:
        """The part that a piece of text is."""
        layout, keep_blank = self.layout, self.layout.width == 1
        if piece.is_left_out:
            return FilePart([], 0, breaks(piece.data))
        if piece.fault is not None:
            # a file that escapes quotes by a backslash is the most frequent reason
            hint = ESCAPE if b'\\"' in piece.data and layout.dialect.escape is None else QUOTES
            wrong = {0: f"broken quoting: {piece.fault}{hint}"}
            lines = breaks(piece.data)
            return FilePart([], 1, lines, None, wrong, piece.data, layout.dialect, keep_blank, self.encoding)
        values = without(split(piece.data, layout), self._find_repeated(piece.data))
        made = [
            convert_text(array, column, self.replace, "" in nulls, self.encoding)
            for array, column, nulls in zip(values.columns, layout.columns, layout.nulls, strict=True)
        ]
        wrong = {record: _width_reason(width, layout) for record, width in values.wrong.items()}
        wrong |= dict.fromkeys(values.left_out, REPEATED)
        # the last line of a file that is still being written
        if wrong and values.records - 1 in wrong and not piece.data.endswith((b"\n", b"\r")):
            wrong[values.records - 1] += "; no line break ends the line: the file was cut off in it"
        return FilePart(
            self.absent.fill(made, values.records - len(wrong)),
            values.records,
            values.lines,
            values.numbers,
            wrong,
            piece.data,
            layout.dialect,
            keep_blank,
            self.encoding,
            is_last=piece.is_last,
        )

    def _find_repeated(self, data: bytes) -> list[int]:
        """The records that repeat the header."""
        if not any(line in data for line in self.repeated):
            return []
        records = Records(data, self.layout.dialect, keep_blank=False)
        return [number for number in range(len(records)) if records.raw(number).removeprefix(BOM) in self.repeated]


def _width_reason(width: int, layout: TextLayout) -> str:
    reason = f"{width} columns, but the header has {layout.width}"
    missing = ", ".join(repr(header) for header in layout.headers[width:])
    if missing:
        return f"{reason}; there is nothing for {missing}; to read nulls there, set short_rows = 'fill' in the reader"
    return (
        f"{reason}; if the header lacks a name, skip it: set header = false and skip in the reader, and list all "
        f"{width} columns"
    )


def _not_utf8(line: bytes, encoding: str) -> str:
    if encoding != "utf-8":
        return f"a header line that is not {encoding}: {original(line, encoding)[:200]!r}"
    return f"a header line that is not UTF-8: {line[:200]!r}; set encoding in the reader, such as encoding = 'cp1252'"
