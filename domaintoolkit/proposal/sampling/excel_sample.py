"""Rows of Excel workbooks, below the line that looks like the header."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from domaintoolkit.proposal.sampling.table_sample import FILES, ROWS, FoundColumn, TableSample, count_occurrence
from domaintoolkit.reading import SourceFile
from domaintoolkit.reading.formats.excel import Row, list_names, open_sheets

__all__ = ["sample_excel"]


def sample_excel(files: tuple[SourceFile, ...]) -> TableSample:
    """The first rows of the workbooks."""
    chosen = files[:FILES]
    tables = [_read_sheets(file, ROWS // len(chosen)) for file in chosen]
    first = next(iter(tables[0].values()))
    skip, headers = _find_header(first)
    # sheets of the same columns, such as one a year, are one table
    same = [[name for name, rows in table.items() if _find_header(rows) == (skip, headers)] for table in tables]
    names = same[0] if all(each == same[0] for each in same) else []
    notes, body = [], []
    for file, table in zip(chosen, tables, strict=True):
        read = names or list(table)[:1]
        others = [name for name in table if name not in read]
        if others:
            notes.append(f"{file.name}: sheets not read: {list_names(others)}; sheets in the reader names others")
        body += [row for name in read for number, row in table[name] if number > skip + 1]
    columns = []
    for place, header in enumerate(headers):
        cells = [row[place] if place < len(row) else None for row in body]
        columns.append(FoundColumn(header, _to_column(cells), count_occurrence(headers, place)))
    settings: dict[str, Any] = {"skip": skip} if skip else {}
    settings |= {"sheets": tuple(names)} if len(names) > 1 else {}
    paths = tuple(str(file.path) for file in files)
    return TableSample(files, tuple(columns), settings, paths, len(body), len(body), 0, tuple(notes))


def _read_sheets(file: SourceFile, most: int) -> dict[str, list[Row]]:
    """The first rows of each sheet of a workbook."""
    tables: dict[str, list[Row]] = {}
    with open_sheets(file) as (sheets, _):
        for sheet in sheets:
            own = tables.setdefault(sheet.name, [])
            for block in sheet.blocks():
                own += block
                if len(own) > most // len(sheets):
                    break
    return tables


def _find_header(rows: list[Row]) -> tuple[int, list[str]]:
    """The number of rows before the one that looks like the header, and its texts."""
    widths = Counter(sum(cell is not None for cell in row) for _, row in rows[:200])
    width = max(widths, key=lambda each: (widths[each], each)) if widths else 0
    number, row = next(((number, row) for number, row in rows if sum(c is not None for c in row) >= width), (1, ()))
    headers = ["" if cell is None else str(cell) for cell in row]
    while headers and not headers[-1]:
        headers.pop()
    return number - 1, headers


def _to_column(cells: list[Any]) -> pa.Array:
    """Cells of one type as a column of it, others as text."""
    try:
        made = pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        made = None
    if made is None or pa.types.is_string(made.type) or pa.types.is_null(made.type):
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
    if pa.types.is_timestamp(made.type):
        return made.cast(pa.timestamp("us"))
    return made
