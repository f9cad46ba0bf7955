"""Excel workbooks (`.xlsx`): sheets, row by row in bounded memory, its cells as columns of values."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit.errors import DomainToolkitError, MissingExtraError, SourceError, quote
from domaintoolkit.reading.files import SourceFile
from domaintoolkit.reading.unpacking import open_archive
from domaintoolkit.schema import Column
from domaintoolkit.values.declared import TYPES, Converted, convert_text, convert_typed, misfit

__all__ = ["Row", "Sheet", "convert_cells", "list_names", "open_sheets"]

ROWS = 8192
"""Rows that are converted together."""

MOST_TEXT = 1 << 30
"""Bytes that the texts of a workbook, which are read before its cells, may have."""

Row = tuple[int, tuple[Any, ...]]
"""The number of a row in its sheet, from 1, and its cells."""


class Sheet:
    """The rows of the sheet `name` that are not blank."""

    def __init__(self, name: str, rows: Iterator[Row]) -> None:
        self.name, self._rows = name, rows

    def leave_out(self, comments: Sequence[str], last: int) -> None:
        """Leave out the rows that begin with one of the comments, and as many rows at the end."""
        self._rows = _without_last((row for row in self._rows if not _is_comment(row, comments)), last)

    def headers(self) -> tuple[str, ...]:
        """The texts of the next row, up to its last one."""
        for _, cells in self._rows:
            there = [place for place, cell in enumerate(cells) if cell is not None]
            return tuple("" if cell is None else str(cell) for cell in cells[: there[-1] + 1])
        return ()

    def blocks(self) -> Iterator[tuple[list[Row], bool]]:
        """The rows that are left, many at a time, each time with True if they are the last ones."""
        block = list(islice(self._rows, ROWS))
        while block:
            later = list(islice(self._rows, ROWS))
            yield block, not later
            block = later


@contextmanager
def open_sheets(
    file: SourceFile, names: Sequence[str] = (), skip: int = 0
) -> Iterator[tuple[list[Sheet], tuple[str, ...]]]:
    """The sheets of these names without the rows to skip, and the names of the others; all sheets if none is named."""
    try:
        import openpyxl  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError("openpyxl", "excel") from None
    with _report_damage(file):
        _check_size(file)
        book = openpyxl.load_workbook(file.path, read_only=True, data_only=True)
    try:
        for name in names:
            if name not in book.sheetnames:
                raise SourceError(file.name, f"has no sheet {name!r}; its sheets are {list_names(book.sheetnames)}")
        sheets = [Sheet(name, _read_rows(file, book, name, skip)) for name in names or book.sheetnames]
        yield sheets, tuple(name for name in book.sheetnames if names and name not in names)
    finally:
        book.close()


def _read_rows(file: SourceFile, book: Any, name: str, skip: int) -> Iterator[Row]:
    with _report_damage(file):
        sheet = book[name]
        sheet.reset_dimensions()  # some writers give wrong ones
        rows = enumerate(sheet.iter_rows(values_only=True), 1)
    while True:
        with _report_damage(file):
            number, cells = next(rows, (0, ()))
        if number == 0:
            return
        if number > skip and any(cell is not None for cell in cells):
            yield number, cells


def _is_comment(row: Row, marks: Sequence[str]) -> bool:
    """Return True if the first cell that is not blank begins with one of the marks."""
    return bool(marks) and next(str(cell) for cell in row[1] if cell is not None).startswith(tuple(marks))


def _without_last(rows: Iterator[Row], count: int) -> Iterator[Row]:
    held: deque[Row] = deque()
    for row in rows:
        held.append(row)
        if len(held) > count:
            yield held.popleft()


@contextmanager
def _report_damage(file: SourceFile) -> Iterator[None]:
    """Report a workbook that cannot be read as `SourceError`; openpyxl raises errors of any type."""
    try:
        yield
    except (DomainToolkitError, MemoryError):
        raise
    except Exception as error:
        raise SourceError(file.name, f"an Excel workbook that is damaged or of an unknown kind ({error})") from None


def _check_size(file: SourceFile) -> None:
    members = open_archive(file.path).infolist()
    size = sum(item.file_size for item in members if item.filename.endswith("sharedStrings.xml"))
    if size > MOST_TEXT:
        raise SourceError(file.name, f"an Excel workbook with {size:,} bytes of text; save the sheet as CSV")


def list_names(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")


def convert_cells(cells: Sequence[Any], column: Column, replace: bool, empty_is_null: bool) -> Converted:
    """The cells of a column as it declares them: texts as in CSV, numbers, booleans and times by their own types."""
    kinds: dict[str, list[int]] = {}
    for row, cell in enumerate(cells):
        if cell is not None:
            kinds.setdefault(_kind(cell), []).append(row)
    order = np.full(len(cells), 0, np.int64)  # each row's place among the converted values; 0 is null
    # cells are converted kind by kind, and put back into the order of the rows at the end
    parts, refused, named, start = [pa.nulls(1, TYPES[column.type])], [], np.zeros(len(cells), bool), 1
    for kind, rows in kinds.items():
        made = _convert([cells[row] for row in rows], kind, column, replace, empty_is_null)
        order[rows] = np.arange(start, start + len(rows))
        start += len(rows)
        parts.append(made.values)
        refused += [(rows[at], reason) for at, reason in made.refused]
        if made.named is not None:
            named[rows] = made.named
    return Converted(pa.concat_arrays(parts).take(pa.array(order)), sorted(refused), named if named.any() else None)


def _kind(cell: Any) -> str:
    if isinstance(cell, bool):
        return "boolean"
    if isinstance(cell, int | float):
        return "number"
    if isinstance(cell, dt.timedelta | dt.time):
        return "duration"
    return "time" if isinstance(cell, dt.datetime | dt.date) else "text"


def _convert(cells: list[Any], kind: str, column: Column, replace: bool, empty_is_null: bool) -> Converted:
    if kind == "text" or (kind == "duration" and column.type not in ("int64", "float64")):
        null = column.null or ()
        texts = [None if str(cell) in null else str(cell).encode(errors="surrogatepass") for cell in cells]
        return convert_text(pa.array(texts, pa.binary()), column, replace, empty_is_null)
    if kind == "time":
        cells = [cell if isinstance(cell, dt.datetime) else dt.datetime.combine(cell, dt.time()) for cell in cells]
        if column.type in ("date", "string") and all(cell.time() == dt.time() for cell in cells):
            array = pa.array([cell.date() for cell in cells], pa.date32())
        else:
            array = pa.array(cells, pa.timestamp("us"))
    elif kind == "duration":
        array = pa.array([_as_duration(cell) for cell in cells], pa.duration("us"))
    elif kind == "number" and all(float(cell).is_integer() and abs(cell) < 2**63 for cell in cells):
        array = pa.array([int(cell) for cell in cells], pa.int64())
    else:
        array = pa.array([float(cell) for cell in cells] if kind == "number" else cells)
    if misfit(array.type, column) is not None:
        reasons = [(row, f"expected {column.type}, got a {kind}: {quote(str(cell))}") for row, cell in enumerate(cells)]
        return Converted(pa.nulls(len(cells), TYPES[column.type]), reasons)
    made = convert_typed(array, column, replace)
    values = made.values
    return Converted(values if values.type == TYPES[column.type] else values.cast(TYPES[column.type]), made.refused)


def _as_duration(cell: dt.timedelta | dt.time) -> dt.timedelta:
    """A cell that is formatted as a duration; below a day, openpyxl gives a time of day."""
    return cell if isinstance(cell, dt.timedelta) else dt.datetime.combine(dt.date.min, cell) - dt.datetime.min
