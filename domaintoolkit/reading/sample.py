"""A domain's simulated sample as raw files in its own format: for trying, for tests and for benchmarks."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from itertools import chain
from math import isfinite
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.errors import DomainToolkitError, OutputError, PluginError, Problem, SchemaError, cause
from domaintoolkit.reading.written_times import split_times, write_times
from domaintoolkit.schema import Column, Domain, Reader
from domaintoolkit.values.number_styles import NumberStyle, style_of

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
        if text and domain.reader.encoding != "utf-8":
            _transcode(beside, domain.reader.encoding, packed=suffix.endswith(".gz"))
        beside.replace(target)
    except (duckdb.IOException, OSError) as error:
        raise OutputError(str(target), " ".join(str(error).split())) from None
    finally:
        beside.unlink(missing_ok=True)
    return target


def _shown(rows: pa.RecordBatchReader, reader: Reader, text: bool) -> pa.RecordBatchReader:
    """The rows under the headers of the raw file, with times as text if the file is text."""
    columns = {column.name: column for column in reader.columns}
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
    """A column for DuckDB to write: times as text, and nulls spelled out if the column has a spelling of its own."""
    if pa.types.is_timestamp(array.type):
        array = write_times(array, column)
    elif style is not None and not style.is_plain:
        array = _write_numbers(array, style)
    if column.null and column.type != "string":
        return pc.fill_null(array.cast(pa.string()), column.null[0])
    return array


def _write_numbers(array: pa.Array, style: NumberStyle) -> pa.Array:
    """Numbers as text in the style of their column."""
    texts = [
        None if number is None else style.spell(number) if isfinite(number) else str(number)
        for number in array.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _transcode(file: Path, encoding: str, packed: bool) -> None:
    """Write a file of UTF-8 in another encoding; raises `OutputError` for text that the encoding does not have."""
    unpacked = gzip.decompress(file.read_bytes()) if packed else file.read_bytes()
    try:
        data = unpacked.decode().encode(encoding)
    except UnicodeEncodeError as error:
        raise OutputError(str(file), f"the sample has text that is not in {encoding}: {error}") from None
    file.write_bytes(gzip.compress(data, mtime=0) if packed else data)


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
