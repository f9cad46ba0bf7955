"""`open_spark`: files and tables as Spark's rows, in a reader's columns and types, with refused rows among them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from domaintoolkit.errors import DataError, Refusal, SourceError
from domaintoolkit.jobs.spark.conversion import REFUSED, ROW, convert_batches, read_files, row_schema
from domaintoolkit.reading import Source, open_source, written_columns
from domaintoolkit.schema import Column, Reader, Schema

__all__ = ["FrameRows", "SparkRows", "SparkSource", "columns_to_read", "open_spark", "quote_name", "with_joined_time"]

PATH = "domaintoolkit path"


@dataclass(frozen=True)
class FrameRows:
    """A Spark DataFrame as it is. Its rows are numbered through all of its partitions."""

    given: Any
    reader: Reader | None = None
    names: tuple[str, ...] = ("",)
    local: Source | None = None
    numbered: bool = False
    """True if the column `ROW` has packed origins, False if it has Spark's own numbers, which have gaps."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.given.columns)

    def frame(self, columns: Sequence[str]) -> Any:
        """The rows with `columns`, the number of each row, and a column for the reasons of a refusal."""
        from pyspark.sql import functions

        named = [functions.col(quote_name(name)) for name in columns]
        place = functions.monotonically_increasing_id().alias(ROW)
        return self.given.select(*named, place, functions.lit(None).cast("string").alias(REFUSED))


@dataclass(frozen=True)
class SparkSource:
    """Rows that a reader declares, to be read by Spark's workers."""

    session: Any
    reader: Reader
    names: tuple[str, ...]
    """The files in their order, or the table."""
    local: Source | None = None
    """The files, if this process sees their folders too."""
    table: Any = None
    """The rows that Spark reads by itself."""
    numbered: bool = True

    @property
    def columns(self) -> list[str]:
        """The declared columns that are there."""
        there = None if self.table is None else self.table.columns
        if there is None:
            return [column.name for column in self.reader.columns]
        return [
            column.name
            for column in self.reader.columns
            if column.optional or all(self._header(part) is not None for part in written_columns([column]))
        ]

    def _header(self, column: Column) -> str | None:
        """The header under which Spark's table has a column, or the path of a struct's member; None if neither."""
        there = set(self.table.columns)
        found = [header for header in column.choices if {header, header.partition(".")[0]} & there]
        if len(found) > 1 or (column.occurrence or 1) > 1:
            reason = "has several headers in the table, or an occurrence: neither is read from Spark's own tables"
            raise SourceError(", ".join(self.names), f"column {column.name!r} {reason}")
        return found[0] if found else None

    def frame(self, columns: Sequence[str]) -> Any:
        """The rows with `columns`, the origin of each row, and refused rows as JSON in a column of their own."""
        from pyspark.sql.pandas.types import from_arrow_schema

        declared = {column.name: column for column in self.reader.columns}
        chosen = [declared[name] for name in columns]
        made = from_arrow_schema(row_schema(chosen))
        if self.local is not None:
            files = self.local.files
            return self.session.range(0, len(files), 1, len(files)).mapInArrow(
                read_files(files, self.reader, chosen), made
            )
        return self._select(chosen).mapInArrow(convert_batches(self.names, self.reader, chosen), made)

    def _column(self, column: Column) -> Any:
        from pyspark.sql import functions

        header = self._header(column)
        if header is None:  # an optional column, or one that Spark reports
            return functions.lit(None).cast("string") if column.optional else functions.col(quote_name(column.header))
        path = [header] if header in self.table.columns else header.split(".")
        return functions.col(".".join(quote_name(name) for name in path))

    def _select(self, chosen: Sequence[Column]) -> Any:
        """The columns by their headers, a number and, if it counts the rows of a file, the file."""
        from pyspark.sql import functions

        named = [self._column(column).alias(column.name) for column in written_columns(chosen)]
        if not self.numbered:
            return self.table.select(*named, functions.monotonically_increasing_id().alias(ROW))
        number, path = functions.col("_metadata.row_index").alias(ROW), functions.col("_metadata.file_path").alias(PATH)
        return self.table.select(*named, number, path)


SparkRows = FrameRows | SparkSource


def open_spark(session: Any, files: str | Iterable[str], reader: Reader) -> SparkSource:
    """The rows of `files` on Spark, to fit and encode as those of `open_source`.

    Files, folders and patterns that this process sees, of every kind that `open_source` reads, are read by the workers
    as the local engine reads them, a file a task, so every worker has to see them too.
    Spark reads anything else: Parquet behind a URI (`s3a://`, `hdfs://`), and a table of its catalog. Raises
    `SourceError` for what neither can read.
    """
    given = [files] if isinstance(files, str) else list(files)
    if len(given) == 1 and _is_table(session, given[0]):
        return SparkSource(session, reader, (given[0],), table=session.table(given[0]), numbered=False)
    if not any("://" in each for each in given):
        local = open_source(given, reader)
        return SparkSource(session, reader, tuple(file.name for file in local.files), local)
    return _parquet(session, given, reader)


def _parquet(session: Any, given: list[str], reader: Reader) -> SparkSource:
    from pyspark.errors import PySparkException

    try:
        table = session.read.parquet(*given)
        # as its rows name them, which is not always as `inputFiles` does
        found = table.select("_metadata.file_path").distinct().collect()
        return SparkSource(session, reader, tuple(sorted(row["file_path"] for row in found)), table=table)
    except PySparkException as error:
        raise SourceError(", ".join(given), str(error).partition("\n")[0]) from None


def _is_table(session: Any, name: str) -> bool:
    """Return True if a name is a table's in Spark's catalog, and not a file's."""
    if os.path.lexists(name) or any(mark in name for mark in "/\\*?[") or not name.replace(".", "").isidentifier():
        return False
    return bool(session.catalog.tableExists(name))


def with_joined_time(schema: Schema, frame: Any) -> Any:
    """A DataFrame with the time that the columns of `time_join` make, if it has them all."""
    if schema.time is None or not schema.time_join or not set(schema.time_join) <= set(frame.columns):
        return frame
    from pyspark.sql import functions

    types, parts = dict(frame.dtypes), []
    for name in schema.time_join:
        column = functions.col(quote_name(name))
        text = column.cast("string")
        if types[name] in ("double", "float"):  # of pandas, which stores integers with nulls so
            text = functions.when(column == functions.floor(column), column.cast("bigint").cast("string")).otherwise(
                text
            )
        elif types[name] in ("timestamp", "timestamp_ntz"):
            is_midnight = column == functions.date_trunc("day", column)
            text = functions.when(is_midnight, functions.to_date(column).cast("string")).otherwise(text)
        parts += [functions.lit(" "), text]
    return frame.withColumn(schema.time, functions.concat(*parts[1:]))


def columns_to_read(schema: Schema, rows: SparkRows) -> list[str]:
    """The schema's columns; labels only if they are there. Raises `DataError` for others that are missing."""
    there = rows.columns
    missing = [name for name in schema.columns if name not in there and name not in schema.labels]
    if missing:
        listed = ", ".join(repr(name) for name in there)
        raise DataError([Refusal(None, name, f"missing; the table's columns are: {listed}") for name in missing])
    return [name for name in schema.columns if name in there]


def quote_name(name: str) -> str:
    """A column's name quoted for Spark's expressions."""
    return f"`{name.replace('`', '``')}`"
