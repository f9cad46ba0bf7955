"""Rows on their way into an engine: what is read, where each row came from, and whether files have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.reading.files import fingerprint
from domaintoolkit.reading.refused_rows import RefusedRows
from domaintoolkit.schema import Schema
from domaintoolkit.storage.resume_state import InputFile
from domaintoolkit.tokenizer.rows.table import columns_of

__all__ = ["ORIGIN", "ROW_BITS", "Input", "TableInput", "input_files", "origins", "tables"]

ORIGIN = ""
"""Column that carries where a row came from; a schema's columns cannot be called so."""
ROW_BITS = 40


class Input(Protocol):
    """Rows that can be read more than once, such as `open_source` gives."""

    counts: Any
    reader: Any

    def schema(self, columns: Sequence[str] | None = None) -> pa.Schema:
        """The columns of a batch."""

    def batches(
        self, columns: Sequence[str] | None = None, refused: RefusedRows | None = None, threads: int = 1
    ) -> Iterator[Any]:
        """All rows in order: `records`, the number of each in its source (`rows`), and the `source`."""


@dataclass(slots=True)
class _TableBatch:
    records: pa.RecordBatch
    rows: NDArray[np.int64]
    source: str


@dataclass(slots=True)
class _TableCounts:
    rows_in: int
    rows_refused: int
    notes: list[str]


class TableInput:
    """A table in memory as an input: pandas, polars, Arrow or anything with `__arrow_c_stream__`."""

    reader = None

    def __init__(self, table: Any, rows: int = 1 << 18) -> None:
        self._table, self._rows = table, rows
        self.counts = _TableCounts(0, 0, [])

    def schema(self, columns: Sequence[str] | None = None) -> pa.Schema:
        """The types of the columns as they come."""
        return self._read(columns).schema

    def batches(
        self, columns: Sequence[str] | None = None, refused: RefusedRows | None = None, threads: int = 1
    ) -> Iterator[_TableBatch]:
        """All rows in order. Raises `DataError` for columns that are missing or there twice."""
        self.counts = _TableCounts(0, 0, [])
        for batch in self._read(columns).to_batches(max_chunksize=self._rows):
            numbers = np.arange(self.counts.rows_in, self.counts.rows_in + batch.num_rows)
            self.counts.rows_in += batch.num_rows
            yield _TableBatch(batch, numbers, "")

    @property
    def names(self) -> list[str]:
        """The names of the table's columns."""
        table = self._table
        columns = getattr(table, "column_names", None)
        columns = getattr(table, "columns", table) if columns is None else columns
        return [str(name) for name in columns]

    def _read(self, columns: Sequence[str] | None) -> pa.Table:
        return pa.table(columns_of(self._table, self.names if columns is None else columns))


def wanted_columns(schema: Schema, source: Input) -> list[str]:
    """The schema's columns; labels only where the input has them."""
    declared = () if source.reader is None else source.reader.columns
    there = source.names if isinstance(source, TableInput) else [column.name for column in declared]
    return [name for name in schema.columns if name not in schema.labels or name in there]


def tables(
    source: Input, columns: Sequence[str], refused: RefusedRows | None, threads: int, names: list[str]
) -> Iterator[pa.Table]:
    """The rows with their origin in column `ORIGIN`, none at first; `names` becomes the list of sources met."""
    yield source.schema(columns).append(pa.field(ORIGIN, pa.int64())).empty_table()
    for batch in source.batches(columns, refused, threads):
        if not names or names[-1] != batch.source:
            names.append(batch.source)
        origin = ((len(names) - 1) << ROW_BITS) + batch.rows
        yield pa.Table.from_batches([batch.records]).append_column(ORIGIN, pa.array(origin, pa.int64()))


def origins(values: NDArray[np.int64], names: Sequence[str]) -> list[tuple[str | None, int]]:
    """(source, row) of each origin."""
    return [(names[value >> ROW_BITS] or None, value & ((1 << ROW_BITS) - 1)) for value in values.tolist()]


def input_files(source: Input, checksum: bool = False) -> tuple[InputFile, ...] | None:
    """The files behind an input as they are now; None where there are none."""
    paths = sorted({Path(file.path) for file in getattr(source, "files", ())})
    if not paths:
        return None
    found = [(path, fingerprint(path, checksum)) for path in paths]
    return tuple(InputFile(str(path.absolute()), each.size, each.modified, each.sha256) for path, each in found)
