"""Rows on their way into a job: files, samples and tables in memory, read batch by batch with their origins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.jobs.partition.origin import ORIGIN, add_origins, pack_origins
from domaintoolkit.reading import Source
from domaintoolkit.reading.files import fingerprint
from domaintoolkit.reading.refused_rows import KEPT, RefusedRow, RefusedRows
from domaintoolkit.schema import Reader, Schema
from domaintoolkit.storage.resume_state import InputFile
from domaintoolkit.tokenizer.rows.table import OpenTable, read_some_columns

__all__ = ["AnyTable", "RowSource", "TableSource", "columns_to_read", "find_input_files", "open_rows", "read_tables"]

AnyTable = Any
"""A pandas, polars or Arrow table, or anything with `__arrow_c_stream__`."""


class RowBatch(Protocol):
    """Some rows of one source."""

    @property
    def records(self) -> pa.RecordBatch:
        """The rows."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """The number of each in its source."""

    @property
    def source(self) -> str:
        """The name of the source; empty for a table in memory."""


class PassCounts(Protocol):
    """Counts of a pass over the rows."""

    rows_in: int
    rows_refused: int
    notes: list[str]


@runtime_checkable
class RowSource(Protocol):
    """Rows that can be read more than once, such as `open_source` and `sample_source` give."""

    @property
    def counts(self) -> PassCounts:
        """The counts of the latest pass."""

    @property
    def reader(self) -> Reader | None:
        """The declaration that the rows are read by; None for a table in memory."""

    def schema(self, columns: Sequence[str] | None = None) -> pa.Schema:
        """The columns of a batch."""

    def batches(
        self, columns: Sequence[str] | None = None, refused: RefusedRows | None = None, threads: int = 1
    ) -> Iterator[RowBatch]:
        """All rows, in order."""


@dataclass(slots=True)
class _TableBatch:
    records: pa.RecordBatch
    rows: NDArray[np.int64]
    source: str = ""


@dataclass(slots=True)
class _TableCounts:
    rows_in: int = 0
    rows_refused: int = 0
    notes: list[str] = field(default_factory=list)


class TableSource:
    """A table in memory as a source of rows for a schema; `rows` of them come at a time."""

    reader = None

    def __init__(self, schema: Schema, table: AnyTable, rows: int = 1 << 18) -> None:
        self._schema, self._table, self._rows = schema, OpenTable.of(table), rows
        self.counts = _TableCounts()

    def schema(self, columns: Sequence[str] | None = None) -> pa.Schema:
        """The types of the columns as they come."""
        return self._read(columns, []).schema

    def batches(
        self, columns: Sequence[str] | None = None, refused: RefusedRows | None = None, threads: int = 1
    ) -> Iterator[_TableBatch]:
        """All rows in order. Raises `DataError` for columns that are missing or occur twice.

        Rows with a value that no column holds go to `refused`; without it, the end of the pass raises them.
        """
        wrong: list[Refusal] = []
        table = self._read(columns, wrong)
        self.counts = _TableCounts(len(table))
        numbers = np.arange(len(table))
        if wrong:
            rows = _refused_rows(table, wrong)
            self.counts.rows_refused = len(rows)
            if refused is not None:
                refused.add(rows)
            kept = np.ones(len(table), np.bool_)
            kept[[row.row for row in rows]] = False
            table, numbers = table.filter(pa.array(kept)), numbers[kept]
        start = 0
        for batch in table.to_batches(max_chunksize=self._rows):
            yield _TableBatch(batch, numbers[start : start + batch.num_rows])
            start += batch.num_rows
        if wrong and refused is None:
            raise DataError(wrong[:KEPT], len(wrong))

    @property
    def names(self) -> list[str]:
        """The names of the table's columns."""
        return self._table.names

    def _read(self, columns: Sequence[str] | None, refused: list[Refusal]) -> pa.Table:
        wanted = self.names if columns is None else columns
        return pa.table(read_some_columns(self._schema, self._table, wanted, refused=refused))


def _refused_rows(table: pa.Table, refused: Sequence[Refusal]) -> list[RefusedRow]:
    """The rows of a table with their problems and, as JSON, the values that columns could hold."""
    problems: dict[int, list[tuple[str | None, str]]] = {}
    for refusal in refused:
        problems.setdefault(refusal.row or 0, []).append((refusal.column, refusal.reason))
    rows = sorted(problems)
    values = table.take(pa.array(rows)).to_pylist()
    return [
        RefusedRow("", row, None, tuple(problems[row]), json.dumps(value, default=str, ensure_ascii=False).encode())
        for row, value in zip(rows, values, strict=True)
    ]


def open_rows(source: RowSource | AnyTable, schema: Schema) -> RowSource:
    """`source` itself, or a table in memory as a source of rows for a schema."""
    return source if isinstance(source, RowSource) else TableSource(schema, source)


def columns_to_read(schema: Schema, source: RowSource) -> list[str]:
    """The schema's columns; labels only if the source has them."""
    if isinstance(source, TableSource):
        present = source.names
    else:
        present = [] if source.reader is None else [column.name for column in source.reader.columns]
    return [name for name in schema.columns if name not in schema.labels or name in present]


def read_tables(
    source: RowSource, columns: Sequence[str], sources: list[str], refused: RefusedRows | None, threads: int
) -> Iterator[pa.Table]:
    """The rows with their origins, after an empty table that shows the columns; names of sources go to `sources`.

    Rows that cannot be read go to `refused`; without it the end of the pass raises all as one `DataError`.
    """
    yield source.schema(columns).append(pa.field(ORIGIN, pa.int64())).empty_table()
    for batch in source.batches(columns, refused, threads):
        if not sources or sources[-1] != batch.source:
            sources.append(batch.source)
        yield add_origins(pa.Table.from_batches([batch.records]), pack_origins(len(sources) - 1, batch.rows))


def find_input_files(source: RowSource, checksum: bool = False) -> tuple[InputFile, ...] | None:
    """The files of a source as they are now; None if it has none."""
    if not isinstance(source, Source):
        return None
    paths = sorted({Path(file.path) for file in source.files})
    found = [(path, fingerprint(path, checksum)) for path in paths]
    return tuple(InputFile(str(path.absolute()), each.size, each.modified, each.sha256) for path, each in found)
