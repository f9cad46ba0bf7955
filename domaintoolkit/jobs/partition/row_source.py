"""Rows on their way into a job: files, samples and tables in memory, read batch by batch with their origins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.jobs.partition.origin import ORIGIN, add_origins, pack_origins
from domaintoolkit.reading import Source
from domaintoolkit.reading.files import fingerprint
from domaintoolkit.reading.refused_rows import RefusedRows
from domaintoolkit.schema import Reader, Schema
from domaintoolkit.storage.resume_state import InputFile
from domaintoolkit.tokenizer.rows.table import columns_of

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
    """A table in memory as a source of rows; `rows` of them come at a time."""

    reader = None

    def __init__(self, table: AnyTable, rows: int = 1 << 18) -> None:
        self._table, self._rows = table, rows
        self.counts = _TableCounts()

    def schema(self, columns: Sequence[str] | None = None) -> pa.Schema:
        """The types of the columns as they come."""
        return self._read(columns).schema

    def batches(
        self, columns: Sequence[str] | None = None, refused: RefusedRows | None = None, threads: int = 1
    ) -> Iterator[_TableBatch]:
        """All rows in order. Raises `DataError` for columns that are missing or occur twice."""
        self.counts = _TableCounts()
        for batch in self._read(columns).to_batches(max_chunksize=self._rows):
            numbers = np.arange(self.counts.rows_in, self.counts.rows_in + batch.num_rows)
            self.counts.rows_in += batch.num_rows
            yield _TableBatch(batch, numbers)

    @property
    def names(self) -> list[str]:
        """The names of the table's columns."""
        table: Any = self._table
        columns: Any = getattr(table, "column_names", None)
        columns = getattr(table, "columns", table) if columns is None else columns
        return [str(name) for name in columns]

    def _read(self, columns: Sequence[str] | None) -> pa.Table:
        return pa.table(columns_of(self._table, self.names if columns is None else columns))


def open_rows(source: RowSource | AnyTable) -> RowSource:
    """`source` itself, or a table in memory as a source of rows."""
    return source if isinstance(source, RowSource) else TableSource(source)


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
