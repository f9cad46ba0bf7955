"""A domain's simulated sample as raw files in its own format: for trying, for tests and for benchmarks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.errors import DomainToolkitError, OutputError, PluginError, Problem, SchemaError, cause
from domaintoolkit.schema import Column, Domain, Reader

__all__ = ["read_sample", "write_sample"]

FORMATS = {".csv": "", ".csv.gz": "gzip", ".parquet": "zstd"}
"""The endings that a file's name may have, and the compression of such a file."""

LONGEST_DELIMITER = 4
"""Bytes of the longest delimiter that DuckDB writes."""


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
    import duckdb

    target = Path(path)
    suffix = next((suffix for suffix in FORMATS if target.name.endswith(suffix)), None)
    if suffix is None:
        raise OutputError(str(target), f"the name must end in {', '.join(FORMATS)}")
    rows = read_sample(domain, events, seed)
    beside = target.with_name(f".{target.name}.part")
    text = suffix.startswith(".csv")
    if text:
        _check(domain.reader, target)
    shown = _shown(rows, domain.reader, text)
    try:
        with duckdb.connect() as connection:
            connection.register("sample", shown)
            connection.execute(f"COPY sample TO ? ({_options(domain.reader, suffix)})", [str(beside)])
        beside.replace(target)
    except (duckdb.IOException, OSError) as error:
        raise OutputError(str(target), " ".join(str(error).split())) from None
    finally:
        beside.unlink(missing_ok=True)
    return target


def _shown(rows: pa.RecordBatchReader, reader: Reader, text: bool) -> pa.RecordBatchReader:
    """The rows under the headers of the raw file, with times as text if the file is text."""
    columns = {column.name: column for column in reader.columns}
    names = [columns[name].header if name in columns else name for name in rows.schema.names]

    def batch(found: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [
            _to_writable(array, columns[name]) if text and name in columns else array
            for name, array in zip(found.schema.names, found.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, names)

    shown: Iterator[pa.RecordBatch] = map(batch, rows)
    first = next(shown)
    return pa.RecordBatchReader.from_batches(first.schema, chain([first], shown))


def _to_writable(array: pa.Array, column: Column) -> pa.Array:
    """A column for DuckDB to write: times as text, and nulls spelled out if the column has a spelling of its own."""
    if pa.types.is_timestamp(array.type):
        array = _instants(array, column)
    if column.null and column.type != "string":
        return pc.fill_null(array.cast(pa.string()), column.null[0])
    return array


def _instants(array: pa.Array, column: Column) -> pa.Array:
    if column.time_format is None:
        return pc.strftime(array.cast(pa.timestamp("us", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    seconds = pc.floor_temporal(array, unit="second").cast(pa.timestamp("s", "UTC"))
    return pc.strftime(seconds.cast(pa.timestamp("s", column.zone)), column.time_format)


def _check(reader: Reader, target: Path) -> None:
    """Refuse dialects in which a value looks like a delimiter or like null."""
    if not reader.quote:
        raise OutputError(str(target), "a reader without quotes cannot read CSV back exactly; use .parquet")
    plain = Reader(reader.columns)
    for name in ("skip", "comment"):
        if getattr(reader, name) != getattr(plain, name):
            raise OutputError(str(target), f"a sample cannot be written for a reader with {name}; use .parquet")
    if len(reader.delimiter.encode()) > LONGEST_DELIMITER:
        raise OutputError(str(target), f"a sample cannot be split by {reader.delimiter!r}; use .parquet")
    for column in reader.settled:
        if column.decimal == "," or column.thousands == ".":
            raise OutputError(str(target), f"column {column.name!r} has a decimal comma; use .parquet")
    for column in reader.columns:
        if column.type == "string" and column.null is not None and reader.null[:1] != column.null[:1]:
            raise OutputError(
                str(target), f"column {column.name!r} spells null differently from the reader; use .parquet"
            )


def _options(reader: Reader, suffix: str) -> str:
    """The options of DuckDB's COPY for the reader's dialect. Text that might spell a null is quoted."""
    if suffix == ".parquet":
        return f"FORMAT parquet, COMPRESSION {FORMATS[suffix]}"
    quote = reader.quote or '"'
    texts = [column for column in reader.columns if column.type == "string"]
    quoted = [column.header for column in texts if {"", *(column.null or reader.null)} != {""}]
    options = ["FORMAT csv", "HEADER" if reader.header else "HEADER false", f"DELIMITER {_literal(reader.delimiter)}"]
    options += [f"QUOTE {_literal(quote)}", f"ESCAPE {_literal(reader.escape or quote)}"]
    options += [f"NULLSTR {_literal(reader.null[0])}"] if reader.null else []
    options += [f"FORCE_QUOTE ({', '.join(_name(header) for header in quoted)})"] if quoted else []
    return ", ".join([*options, *(["COMPRESSION gzip"] if FORMATS[suffix] else [])])


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
