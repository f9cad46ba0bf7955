"""Functions that Spark's Python processes run to read: raw files and typed columns into rows and refused rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from domaintoolkit.errors import SourceError
from domaintoolkit.jobs.partition.origin import pack_origins
from domaintoolkit.jobs.partition.row_refusals import RefusalList, to_json
from domaintoolkit.reading import RefusedRow, Source, SourceFile, written_columns
from domaintoolkit.schema import Column, Reader, from_dict, to_dict
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.values.declared import TYPES, convert_typed, join_times, misfit

__all__ = ["REFUSED", "ROW", "Batches", "convert_batches", "read_files", "row_schema", "with_utc"]

ROW, REFUSED = "domaintoolkit row", "domaintoolkit refused"
"""Columns in addition to the schema's: the number of a row, and its problems as JSON; null for a good row."""

Tabular = TypeVar("Tabular", pa.RecordBatch, pa.Table)
Batches = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def with_utc(batch: Tabular) -> Tabular:
    """The rows with instants in UTC: Spark gives them in its session's time zone, which is not part of the data."""
    fields = [
        field.with_type(pa.timestamp(field.type.unit, "UTC"))
        if pa.types.is_timestamp(field.type) and field.type.tz
        else field
        for field in batch.schema
    ]
    return batch.cast(pa.schema(fields))


def row_schema(columns: Sequence[Column]) -> pa.Schema:
    """The declared columns, then `ROW` and `REFUSED`."""
    declared = [(column.name, TYPES[column.type]) for column in columns]
    return pa.schema([*declared, (ROW, pa.int64()), (REFUSED, pa.string())])


def read_files(files: Sequence[SourceFile], reader: Reader, columns: Sequence[Column]) -> Batches:
    """A function that reads the files of the numbers that come in, as the local engine does."""
    declared, names = to_dict(reader), [column.name for column in columns]

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        own = from_dict(Reader, declared)
        schema = row_schema([column for name in names for column in own.columns if column.name == name])
        for number in (number for batch in batches for number in batch["id"].to_pylist()):
            kept = RefusalList()
            for batch in Source([files[number]], own).batches(names, kept):
                arrays = [to_plain(batch.records[name]) for name in names]
                yield _rows(arrays, pack_origins(number, batch.rows), schema)
                yield from _refused_batch(kept, number, schema)
                kept.clear()
            yield from _refused_batch(kept, number, schema)

    return read


def convert_batches(names: Sequence[str], reader: Reader, columns: Sequence[Column]) -> Batches:
    """A function that converts the columns of a table to the declared types; its last columns are a number and, if
    there are several, the file."""
    declared, chosen = to_dict(reader), [column.name for column in columns]
    place = {name: number for number, name in enumerate(names)}

    def convert(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        own = from_dict(Reader, declared)
        wanted = [column for name in chosen for column in own.settled if column.name == name]
        schema = row_schema(wanted)
        for batch in map(with_utc, batches):
            written = written_columns(wanted)
            arrays = batch.columns[: len(written)]
            _check_types(names, arrays, written)
            # (rows,) the number of each in its file, and the number of that
            numbers, sources = batch[ROW].to_numpy(), np.zeros(len(batch), np.int64)
            if batch.num_columns > len(written) + 1:
                sources = np.array([place[path] for path in batch.columns[-1].to_pylist()], np.int64)
            made = [
                convert_typed(array, column, own.invalid_text == "replace")
                for array, column in zip(arrays, written, strict=True)
            ]
            made = join_times(made, wanted)
            # a row is refused once, with the reasons of all its columns
            reasons: dict[int, list[tuple[str | None, str]]] = {}
            for column, converted in zip(wanted, made, strict=True):
                for row, reason in converted.refused:
                    reasons.setdefault(row, []).append((column.name, reason))
            kept = np.ones(len(batch), bool)
            kept[list(reasons)] = False
            good = [to_plain(each.values).filter(pa.array(kept)) for each in made]
            yield _rows(good, pack_origins(sources, numbers)[kept], schema)
            for row in sorted(reasons):
                source, raw = int(sources[row]), _raw(written, arrays, row)
                refused = RefusedRow(names[source], int(numbers[row]), None, tuple(reasons[row]), raw)
                yield from _refused_batch([refused], source, schema)

    return convert


def _check_types(names: Sequence[str], arrays: Sequence[pa.Array], columns: Sequence[Column]) -> None:
    reasons = (misfit(array.type, column) for array, column in zip(arrays, columns, strict=True))
    wrong = [reason for reason in reasons if reason is not None]
    if wrong:
        raise SourceError(names[0], "; ".join(wrong))


def _raw(columns: Sequence[Column], arrays: Sequence[pa.Array], row: int) -> bytes:
    values = {column.name: array[row].as_py() for column, array in zip(columns, arrays, strict=True)}
    return json.dumps(values, default=str, ensure_ascii=False).encode(errors="surrogatepass")


def _rows(arrays: Sequence[pa.Array], places: Any, schema: pa.Schema) -> pa.RecordBatch:
    count = len(places)
    return pa.RecordBatch.from_arrays(
        [*arrays, pa.array(places, pa.int64()), pa.nulls(count, pa.string())], schema=schema
    )


def _refused_batch(rows: Sequence[RefusedRow], source: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    if rows:
        places = pa.array(pack_origins(source, np.array([row.row for row in rows])))
        texts = pa.array([json.dumps(to_json(row)) for row in rows], pa.string())
        nulls = [pa.nulls(len(rows), field.type) for field in schema][:-2]
        yield pa.RecordBatch.from_arrays([*nulls, places, texts], schema=schema)
