"""Rows of Excel workbooks, below the line that looks like the header."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from domaintoolkit.proposal.sampling.table_sample import FILES, ROWS, FoundColumn, TableSample, count_occurrence
from domaintoolkit.reading import SourceFile
from domaintoolkit.reading.formats.excel import open_sheet
from domaintoolkit.schema import Column, Reader

__all__ = ["sample_excel"]


def sample_excel(files: tuple[SourceFile, ...]) -> TableSample:
    """The first rows of the workbooks."""
    rows: list[tuple[Any, ...]] = []
    notes: list[str] = []
    for file in files[:FILES]:
        with open_sheet(file, Reader((Column("any"),))) as sheet:
            notes += sheet.notes
            for block in sheet.blocks():
                rows += [cells for _, cells in block]
                if len(rows) > ROWS:
                    break
    widths = Counter(sum(cell is not None for cell in row) for row in rows[:200])
    width = max(widths, key=lambda each: (widths[each], each)) if widths else 0
    skip = next((number for number, row in enumerate(rows) if sum(c is not None for c in row) >= width), 0)
    headers = ["" if cell is None else str(cell) for cell in rows[skip]] if rows else []
    while headers and not headers[-1]:
        headers.pop()
    body = rows[skip + 1 :]
    columns = []
    for place, header in enumerate(headers):
        cells = [row[place] if place < len(row) else None for row in body]
        columns.append(FoundColumn(header, _to_column(cells), count_occurrence(headers, place)))
    settings = {"skip": skip} if skip else {}
    paths = tuple(str(file.path) for file in files)
    return TableSample(files, tuple(columns), settings, paths, len(body), len(body), 0, tuple(notes))


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
