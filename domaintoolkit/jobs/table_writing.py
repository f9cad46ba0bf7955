"""Writing tables of the same columns to one file."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.tokenizer.rows.column_types import common_type
from domaintoolkit.util.partials import replacing
from domaintoolkit.values.columns import plain
from domaintoolkit.values.value_names import cast_names, write_names

__all__ = ["write_rows"]


def write_rows(
    tables: Iterable[pa.Table],
    target: Path,
    progress: Progress | None = None,
    total: int | None = None,
    stage: str = "decoding",
) -> int:
    """Write tables of the same columns to a `.parquet`, `.csv` or `.arrow` file; gives their rows.

    A column that comes in several types is written in one that holds all of them; `tables` are gone through again then.
    In CSV, values have their names, which readers take for the same values.
    """
    report, schema = progress or silent, None
    # an error leaves no file; the writer closes before the file does
    with replacing(target) as file:
        while True:
            done, wider = 0, None
            file.seek(0)
            file.truncate()
            with ExitStack() as opened:
                writer: Any = None
                for table in tables:
                    if target.suffix == ".csv":
                        table = _name_values(table)
                    wider = _join(schema, table.schema)
                    if writer is None:
                        writer = opened.enter_context(_writer(file, wider, target.suffix))
                    elif wider != schema:
                        break
                    schema = wider
                    writer.write_table(_cast(table, schema))
                    done += table.num_rows
                    report(stage, done, total)
                else:
                    return done
            schema = wider


def _join(first: pa.Schema | None, second: pa.Schema) -> pa.Schema:
    """The columns of tables, each in a type that holds the values of both."""
    if first is None or first.equals(second):
        return second
    kinds = [common_type(one.type, other.type) for one, other in zip(first, second, strict=True)]
    return pa.schema(list(zip(first.names, kinds, strict=True)))


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table in the types of `schema`; a value that becomes text becomes its name."""
    if table.schema.equals(schema):
        return table
    columns = [cast_names(plain(column), kind) for column, kind in zip(table.columns, schema.types, strict=True)]
    return pa.table(columns, schema=schema)


def _name_values(table: pa.Table) -> pa.Table:
    """The table with names for values that Arrow writes otherwise, such as 1.50."""
    for place, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        kind, test = column.type, pa.types
        if test.is_decimal(kind) or test.is_time(kind) or test.is_timestamp(kind) or test.is_floating(kind):
            values = plain(column)
            names = write_names(values)
            if not names.equals(values.cast(pa.string())):
                table = table.set_column(place, name, names)
    return table


def _writer(file: Any, schema: pa.Schema, suffix: str) -> Any:
    if suffix == ".parquet":
        rest = [field.name for field in schema if not _is_vector(field.type)]
        if len(rest) == len(schema):
            return pa.parquet.ParquetWriter(file, schema, compression="zstd")
        # vectors hardly repeat: a dictionary and zstd made them 5% smaller, and took more than half of the time
        return pa.parquet.ParquetWriter(
            file, schema, compression=dict.fromkeys(rest, "zstd"), use_dictionary=rest, write_statistics=rest
        )
    return pa.csv.CSVWriter(file, schema) if suffix == ".csv" else pa.ipc.new_file(pa.PythonFile(file, "w"), schema)


def _is_vector(kind: pa.DataType) -> bool:
    """Return True for lists of one size of floating-point numbers."""
    return bool(pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type))
