"""A domain's simulated sample as a source of rows, read the way files are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import LookupFailedError
from domaintoolkit.reading.refused_rows import RefusedRow, RefusedRows
from domaintoolkit.reading.sample import read_sample
from domaintoolkit.reading.source import ReadCounts
from domaintoolkit.schema import Domain

__all__ = ["SampleSource", "sample_source"]

Rows = TypeVar("Rows", pa.RecordBatch, pa.Table)


@dataclass(slots=True)
class SampleBatch:
    """Simulated rows; `rows` (rows,) numbers each from the start of the sample."""

    records: pa.RecordBatch
    rows: NDArray[np.int64]
    source: str

    def refuse(self, index: int, column: str | None, reason: str) -> RefusedRow:
        """The record of the row at `index`, for a caller that refuses it."""
        values = self.records.slice(index, 1).to_pylist()[0]
        raw = json.dumps(values, ensure_ascii=False, default=str).encode()
        return RefusedRow(self.source, int(self.rows[index]), None, ((column, reason),), raw)


class SampleSource:
    """`events` simulated rows, the same at every pass; the domain's own number if left out."""

    def __init__(self, domain: Domain, events: int | None = None, seed: int = 0) -> None:
        self.domain, self.events, self.seed = domain, events, seed
        self.reader = domain.reader
        self.counts = ReadCounts()

    def __repr__(self) -> str:
        events = self.domain.sample_events if self.events is None else self.events
        return f"<SampleSource of {self.domain.name!r}: {events:,} events, seed {self.seed}>"

    def schema(self, columns: Sequence[str] | None = None) -> pa.Schema:
        """The columns of a batch."""
        made = read_sample(self.domain, self.events, self.seed).schema
        return _choose_columns(made.empty_table(), columns).schema

    def batches(
        self, columns: Sequence[str] | None = None, refused: RefusedRows | None = None, threads: int = 1
    ) -> Iterator[SampleBatch]:
        """All rows, in order. A sample has no bad rows, and one thread makes it."""
        self.counts = ReadCounts()
        for records in read_sample(self.domain, self.events, self.seed):
            chosen = _choose_columns(records, columns)
            first = self.counts.rows_in
            self.counts.rows_in += len(records)
            yield SampleBatch(chosen, np.arange(first, self.counts.rows_in), f"sample of {self.domain.name}")


def _choose_columns(records: Rows, columns: Sequence[str] | None) -> Rows:
    missing = [name for name in columns or () if name not in records.schema.names]
    if missing:
        raise LookupFailedError("column of the sample", missing[0], records.schema.names)
    return records if columns is None else records.select(list(columns))


def sample_source(domain: Domain, events: int | None = None, seed: int = 0) -> SampleSource:
    """The sample of a domain, as a source of rows."""
    return SampleSource(domain, events, seed)
