"""A domain's simulated sample as raw files in its own format: for trying, for tests and for benchmarks."""

from __future__ import annotations

import codecs
import gzip
import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from domaintoolkit.errors import DomainToolkitError, OutputError, PluginError, Problem, SchemaError, cause
from domaintoolkit.reading.csv.row_writing import UnwritableError, write_text
from domaintoolkit.reading.written_times import split_times, write_times
from domaintoolkit.schema import Column, Domain, Reader
from domaintoolkit.util.partials import replacing
from domaintoolkit.values.number_styles import NumberStyle, style_of

__all__ = ["read_sample", "write_sample"]

FORMATS = (".csv", ".csv.gz", ".parquet")
"""The endings that a file's name may have."""
ROW_GROUP = 1 << 17
"""Rows of a group of Parquet at least, but for the last: the batches of a simulator may be small."""


def read_sample(domain: Domain, events: int | None = None, seed: int = 0) -> pa.RecordBatchReader:
    """The simulated rows of `domain`, `events` of them; the domain's own number if left out."""
    if events is not None and events < 1:
        raise SchemaError([Problem("events", f"at least one is needed, got {events}")], "sample")
    if seed < 0:
        raise SchemaError([Problem("seed", f"must not be negative, got {seed}")], "sample")
    batches = _simulate(domain, domain.sample_events if events is None else events, seed)
    first = next(batches, None)
    if first is None:
        raise SchemaError([Problem("sample", f"domain {domain.name!r} gave no rows")], "sample")
    return pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))


def _simulate(domain: Domain, events: int, seed: int) -> Iterator[pa.RecordBatch]:
    """The domain's own rows; raises `PluginError` if its code fails."""
    try:
        yield from domain.sample(events, seed)
    except DomainToolkitError:
        raise
    except Exception as error:
        raise PluginError(domain.name, None, f"the sample of the domain failed: {cause(error)}") from error


def write_sample(domain: Domain, path: str | os.PathLike[str], events: int | None = None, seed: int = 0) -> Path:
    """Write simulated rows as a raw file that the domain's reader reads, and return its path.

    The ending of the name chooses the format: `.csv`, `.csv.gz` or `.parquet`. Text takes seconds, and no fractions,
    if a column has a time format. The file is written under another name and then renamed.
    """
    target = Path(path)
    suffix = next((suffix for suffix in FORMATS if target.name.endswith(suffix)), None)
    if suffix is None:
        raise OutputError(str(target), f"the name must end in {', '.join(FORMATS)}")
    rows = read_sample(domain, events, seed)
    text = suffix.startswith(".csv")
    shown = _show_as_written(rows, domain.reader, text)
    with replacing(target) as file:
        if text:
            _write_csv(shown, domain.reader, file, target)
        else:
            _write_parquet(shown, file)
    return target


def _write_parquet(rows: pa.RecordBatchReader, file: BinaryIO) -> None:
    held: list[pa.RecordBatch] = []
    with pq.ParquetWriter(file, rows.schema, compression="zstd") as writer:
        for batch in chain(rows, [None]):
            if batch is None or sum(map(len, held)) >= ROW_GROUP:
                writer.write_table(pa.Table.from_batches(held, rows.schema))
                held = []
            held += [] if batch is None else [batch]


def _write_csv(rows: pa.RecordBatchReader, reader: Reader, file: BinaryIO, target: Path) -> None:
    own = {column.header: column.null for column in reader.columns}
    nulls = [reader.null if own.get(name) is None else own[name] or () for name in rows.schema.names]
    encoder = codecs.getincrementalencoder(reader.encoding)()
    with ExitStack() as opened:
        # without a time and a name, the same rows make the same file
        is_packed = target.suffix == ".gz"
        packed = opened.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0)) if is_packed else file
        try:
            for part in write_text(rows, reader, nulls):
                packed.write(encoder.encode(part))
        except UnicodeEncodeError as error:
            reason = f"the sample has text that is not in {reader.encoding}: {error}"
            raise OutputError(str(target), reason) from None
        except UnwritableError as error:
            raise OutputError(str(target), f"{error}; use .parquet") from None


def _show_as_written(rows: pa.RecordBatchReader, reader: Reader, text: bool) -> pa.RecordBatchReader:
    """The rows under the headers of the raw file, with times as text if the file is text."""
    columns = {column.name: column for column in reader.settled}
    styles = {column.name: style_of(column) for column in reader.settled if column.type in ("int64", "float64")}

    def batch(found: pa.RecordBatch) -> pa.RecordBatch:
        made: dict[str, pa.Array] = {}
        joined: dict[str, pa.Array] = {}
        for name, array in zip(found.schema.names, found.columns, strict=True):
            column = columns.get(name)
            if column is None:
                made[name] = array
            elif column.time_join:
                joined |= split_times(array, column)
            else:
                made[column.header] = _to_writable(array, column, styles.get(name)) if text else array
        return pa.RecordBatch.from_pydict(made | joined)

    shown: Iterator[pa.RecordBatch] = map(batch, rows)
    first = next(shown)
    return pa.RecordBatchReader.from_batches(first.schema, chain([first], shown))


def _to_writable(array: pa.Array, column: Column, style: NumberStyle | None) -> pa.Array:
    """A column whose text is that of the file: times and numbers in the forms of their column."""
    if pa.types.is_timestamp(array.type):
        array = write_times(array, column)
    elif style is not None and not style.is_plain:
        array = _write_numbers(array, style)
    return array


def _write_numbers(array: pa.Array, style: NumberStyle) -> pa.Array:
    """Numbers as text in the style of their column."""
    texts = [
        None if number is None else style.spell(number) if isfinite(number) else str(number)
        for number in array.to_pylist()
    ]
    return pa.array(texts, pa.string())
