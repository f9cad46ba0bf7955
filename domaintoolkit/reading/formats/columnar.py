"""Parquet and Arrow files, batch by batch; only the columns that are asked for are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from domaintoolkit.errors import SourceError
from domaintoolkit.reading.files import SourceFile
from domaintoolkit.reading.headers import locate
from domaintoolkit.reading.unpacking import problem
from domaintoolkit.schema import Column
from domaintoolkit.util.threads import Threads
from domaintoolkit.values.declared import misfit

__all__ = ["Columnar"]

ROWS = 1 << 17
"""Rows per batch, if the format lets the reader choose."""
CODED_BYTES = 4
"""A text column with fewer bytes per value than this repeats its values."""
HELD_BYTES = 1 << 28
"""Bytes, decoded, that the row groups read at the same time may take together."""


Batch = tuple[int, list[pa.Array]]
"""The number of rows, and the arrays of columns."""


class Columnar:
    """A Parquet or Arrow file; `places` are those of the columns among its columns and the members of these."""

    def __init__(self, file: SourceFile, columns: Sequence[Column]) -> None:
        self._file = file
        with _report_damage(file):
            schema = _schema(file)
        self._headers: list[tuple[str, ...]] = [(name,) for name in schema.names]
        types = list(schema.types)
        names = set(schema.names)
        for path, kind in _members(schema):
            if ".".join(path) not in names:
                self._headers.append(path)
                types.append(kind)
        self.places = locate(file, columns, [".".join(path) for path in self._headers])
        self._columns = [column for column in columns if column.name in self.places]
        self._paths = [self._headers[self.places[column.name]] for column in self._columns]
        # of columns with the same name, the number of the one to take
        self._numbers = [
            self._headers[: self.places[column.name]].count(path)
            for column, path in zip(self._columns, self._paths, strict=True)
        ]
        found = [types[self.places[column.name]] for column in self._columns]
        reasons = (misfit(kind, column) for column, kind in zip(self._columns, found, strict=True))
        wrong = [reason for reason in reasons if reason is not None]
        if wrong:
            raise SourceError(file.name, "; ".join(wrong))

    def batches(self, threads: int = 1, rows: int = ROWS) -> Iterator[Batch]:
        """The rows, batch by batch, with the columns in the file's own types.

        Row groups of Parquet are decoded in `threads` at once if they fit in memory.
        """
        with _report_damage(self._file):
            yield from self._parquet(threads, rows) if self._file.kind == "parquet" else self._arrow(rows)

    def _pick(self, batch: pa.RecordBatch) -> Batch:
        """The columns, or the members of columns, of a batch that holds them."""
        arrays = []
        for path, number in zip(self._paths, self._numbers, strict=True):
            array = batch.column(batch.schema.get_all_field_indices(path[0])[number])
            for name in path[1:]:
                array = pc.struct_field(array, name)
            arrays.append(array)
        return batch.num_rows, arrays

    def _parquet(self, threads: int, rows: int) -> Iterator[Batch]:
        file = self._file
        with pyarrow.parquet.ParquetFile(file.path) as parquet:
            metadata = parquet.metadata
            texts = [
                path[0]
                for path, column in zip(self._paths, self._columns, strict=True)
                if column.type == "string" and len(path) == 1
            ]
            coded = _find_dictionaries(parquet, texts)
        wanted = list(dict.fromkeys(".".join(path) for path in self._paths))

        def open_file() -> pyarrow.parquet.ParquetFile:
            return pyarrow.parquet.ParquetFile(file.path, metadata=metadata, pre_buffer=False, read_dictionary=coded)

        def group(number: int) -> list[pa.RecordBatch]:
            with open_file() as parquet:
                return list(parquet.iter_batches(rows, [number], wanted, use_threads=False))

        # runs of one value take next to nothing in the file, and eight bytes a value once they are read
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        sizes = [max(group.total_byte_size, group.num_rows * 8 * len(wanted)) for group in groups]
        # `max` needs two arguments for a file without row groups
        at_once = min(threads, HELD_BYTES // max(*sizes, 1, 1))
        if at_once > 1 and len(sizes) > 1:
            with Threads(at_once) as workers:
                for batches in workers.map_in_order(group, range(len(sizes))):
                    yield from map(self._pick, batches)
            return
        with open_file() as parquet:
            yield from map(self._pick, parquet.iter_batches(rows, columns=wanted, use_threads=threads > 1))

    def _arrow(self, rows: int) -> Iterator[Batch]:
        with pa.memory_map(str(self._file.path)) as source:
            if self._file.kind == "arrow":
                reader = pa.ipc.open_file(source)
                batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
            else:
                batches = iter(pa.ipc.open_stream(source))
            for batch in batches:
                for start in range(0, batch.num_rows, rows):
                    yield self._pick(batch.slice(start, rows))


@contextmanager
def _report_damage(file: SourceFile) -> Iterator[None]:
    """Report what is wrong with a file as `SourceError`."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowSerializationError, pa.ArrowNotImplementedError) as error:
        said = str(error).splitlines()[0]
        raise SourceError(file.name, f"{file.kind} that is damaged, cut short or of an unknown kind ({said})") from None
    except pa.ArrowMemoryError as error:
        raise SourceError(file.name, f"{file.kind} with a batch that does not fit into memory ({error})") from None
    except OSError as error:
        if error.errno is None:
            raise SourceError(file.name, f"{file.kind} that is damaged or cut short ({error})") from None
        raise problem(file.name, error) from None


def _schema(file: SourceFile) -> pa.Schema:
    if file.kind == "parquet":
        with pyarrow.parquet.ParquetFile(file.path) as parquet:
            return parquet.schema_arrow
    with pa.memory_map(str(file.path)) as source:
        return (pa.ipc.open_file if file.kind == "arrow" else pa.ipc.open_stream)(source).schema


def _members(schema: pa.Schema) -> Iterator[tuple[tuple[str, ...], pa.DataType]]:
    """The paths and types of the members of all structs."""
    waiting: list[tuple[tuple[str, ...], pa.DataType]] = [((field.name,), field.type) for field in schema]
    # the list grows while it is gone through: members of members come later
    for path, kind in waiting:
        if len(path) > 1:
            yield path, kind
        if pa.types.is_struct(kind):
            waiting.extend(((*path, member.name), member.type) for member in kind)


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
