"""Rows of Excel workbooks, below the line that looks like the header."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from domaintoolkit.proposal.sampling.table_sample import (
    FILES,
    ROWS,
    FoundColumn,
    TableSample,
    count_occurrence,
    settings_of_footers,
)
from domaintoolkit.reading import FOOTER, SourceFile, is_footer
from domaintoolkit.reading.formats.excel import Row, list_names, open_sheets

__all__ = ["sample_excel"]


def sample_excel(files: tuple[SourceFile, ...]) -> TableSample:
    """The first rows of the workbooks."""
    chosen = files[:FILES]
    footers: dict[str, list[str]] = {}
    tables = [_read_sheets(file, ROWS // len(chosen), footers) for file in chosen]
    first = next(iter(tables[0].values()))
    skip, headers = _find_header(first)
    # sheets of the same columns, such as one a year, are one table
    same = [[name for name, rows in table.items() if _find_header(rows) == (skip, headers)] for table in tables]
    names = same[0] if all(each == same[0] for each in same) else []
    notes, body = [], []
    repeated = 0
    read_footers: dict[str, list[str]] = {}
    for file, table in zip(chosen, tables, strict=True):
        read = names or list(table)[:1]
        others = [name for name in table if name not in read]
        if others:
            notes.append(f"{file.name}: sheets not read: {list_names(others)}; sheets in the reader names others")
        rows = [row for name in read for number, row in table[name] if number > skip + 1]
        body += [row for row in rows if [str(cell) for cell in row[: len(headers)]] != headers]
        repeated += len(rows)
        places = (f"{file.name}: {name}" for name in read)
        read_footers |= {place: footers[place] for place in places if place in footers}
    repeated -= len(body)
    columns = []
    for place, header in enumerate(headers):
        cells = [row[place] if place < len(row) else None for row in body]
        columns.append(FoundColumn(header, _to_column(cells), count_occurrence(headers, place)))
    skipped, below = settings_of_footers(read_footers)
    settings: dict[str, Any] = ({"skip": skip} if skip else {}) | skipped
    settings |= {"sheets": tuple(names)} if len(names) > 1 else {}
    if repeated:
        settings["repeated_header"] = "skip"
        notes.append("some rows repeat the header: repeated_header leaves them out")
    paths = tuple(str(file.path) for file in files)
    return TableSample(files, tuple(columns), settings, paths, len(body), len(body), 0, (*notes, *below))


def _find_footer(rows: list[tuple[Any, ...]]) -> list[str]:
    """The texts of the last rows, if they are totals or remarks below the rows of the table."""
    width = max((sum(cell is not None for cell in row) for row in rows), default=0)
    found: list[str] = []
    for row in reversed(rows[1:]):
        cells = [str(cell) for cell in row if cell is not None]
        if len(found) > FOOTER or len(cells) > 0.75 * width or not is_footer(cells[0].encode()):
            break
        found.insert(0, " ".join(cells))
    return found if len(found) <= FOOTER else []


def _read_sheets(file: SourceFile, most: int, footers: dict[str, list[str]]) -> dict[str, list[Row]]:
    """The first rows of each sheet of a workbook; lines below the rows of a table go to `footers`."""
    tables: dict[str, list[Row]] = {}
    with open_sheets(file) as (sheets, _):
        for sheet in sheets:
            own = tables.setdefault(sheet.name, [])
            for block, is_last in sheet.blocks():
                own += block
                if is_last:
                    below = _find_footer([cells for _, cells in own])
                    footers[f"{file.name}: {sheet.name}"] = below
                    del own[len(own) - len(below) :]
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
