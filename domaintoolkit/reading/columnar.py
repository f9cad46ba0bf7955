"""Parquet and Arrow files, batch by batch; only the columns that are asked for are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet

from domaintoolkit.errors import SourceError
from domaintoolkit.reading.files import SourceFile
from domaintoolkit.reading.headers import locate
from domaintoolkit.reading.unpacking import problem
from domaintoolkit.schema import Column
from domaintoolkit.util.threads import Threads
from domaintoolkit.values.declared import castable

__all__ = ["columnar_batches"]

ROWS = 1 << 17
"""Rows per batch, if the format lets the reader choose."""
CODED_BYTES = 4
"""A text column with fewer bytes per value than this repeats its values."""
HELD_BYTES = 1 << 28
"""Bytes, decoded, that the row groups read at the same time may take together."""


def columnar_batches(
    file: SourceFile, columns: Sequence[Column], threads: int = 1, rows: int = ROWS
) -> Iterator[list[pa.Array]]:
    """The arrays of `columns`, in their order, batch by batch, in the file's own types.

    Row groups of Parquet are decoded in `threads` at once if they fit in memory.
    """
    try:
        if file.kind == "parquet":
            yield from _parquet(file, columns, threads, rows)
        else:
            yield from _arrow(file, columns, rows)
    except (pa.ArrowInvalid, pa.ArrowSerializationError, pa.ArrowNotImplementedError) as error:
        said = str(error).splitlines()[0]
        raise SourceError(file.name, f"{file.kind} that is damaged, cut short or of an unknown kind ({said})") from None
    except OSError as error:
        if error.errno is None:
            raise SourceError(file.name, f"{file.kind} that is damaged or cut short ({error})") from None
        raise problem(file.name, error) from None


def _parquet(file: SourceFile, columns: Sequence[Column], threads: int, rows: int) -> Iterator[list[pa.Array]]:
    with pyarrow.parquet.ParquetFile(file.path) as parquet:
        _places(file, columns, parquet.schema_arrow)
        metadata = parquet.metadata
        coded = _find_dictionaries(parquet, [column.header for column in columns if column.type == "string"])
    wanted = [column.header for column in columns]

    def open_file() -> pyarrow.parquet.ParquetFile:
        return pyarrow.parquet.ParquetFile(file.path, metadata=metadata, pre_buffer=False, read_dictionary=coded)

    def group(number: int) -> list[pa.RecordBatch]:
        with open_file() as parquet:
            return list(parquet.iter_batches(rows, [number], wanted, use_threads=False))

    sizes = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
    # `max` needs two arguments for a file without row groups
    at_once = min(threads, HELD_BYTES // max(*sizes, 1, 1))
    if at_once > 1 and len(sizes) > 1:
        with Threads(at_once) as workers:
            for batches in workers.map_in_order(group, range(len(sizes))):
                yield from ([batch.column(name) for name in wanted] for batch in batches)
        return
    with open_file() as parquet:
        for batch in parquet.iter_batches(rows, columns=wanted, use_threads=threads > 1):
            yield [batch.column(name) for name in wanted]


def _find_dictionaries(parquet: pyarrow.parquet.ParquetFile, names: Sequence[str]) -> list[str]:
    """The text columns of few distinct values. Reading them as dictionaries takes a fifth of the time."""
    # The first row group decides for all: their writers choose encodings per column.
    if not parquet.metadata.num_row_groups:
        return []
    group = parquet.metadata.row_group(0)
    chunks = [group.column(place) for place in range(group.num_columns)]
    return [
        chunk.path_in_schema
        for chunk in chunks
        if chunk.path_in_schema in names
        and chunk.has_dictionary_page
        and chunk.total_uncompressed_size < CODED_BYTES * chunk.num_values
    ]


def _arrow(file: SourceFile, columns: Sequence[Column], rows: int) -> Iterator[list[pa.Array]]:
    with pa.memory_map(str(file.path)) as source:
        if file.kind == "arrow":
            reader = pa.ipc.open_file(source)
            batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            reader = pa.ipc.open_stream(source)
            batches = iter(reader)
        places = _places(file, columns, reader.schema)
        for batch in batches:
            for start in range(0, batch.num_rows, rows):
                part = batch.slice(start, rows)
                yield [part.column(place) for place in places]


def _places(file: SourceFile, columns: Sequence[Column], schema: pa.Schema) -> list[int]:
    """The places of the columns; `SourceError` names all that are missing or have a type that does not fit."""
    found = locate(file.name, columns, schema.names)
    places = [found[column.name] for column in columns]
    wrong = [
        f"column {column.name!r}: expected {column.type}, found {schema.types[place]}"
        for column, place in zip(columns, places, strict=True)
        if not castable(schema.types[place], column)
    ]
    if wrong:
        raise SourceError(file.name, "; ".join(wrong))
    return places
