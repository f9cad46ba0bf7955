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
from domaintoolkit.util.partials import replacing

__all__ = ["write_rows"]


def write_rows(
    tables: Iterable[pa.Table],
    target: Path,
    progress: Progress | None = None,
    total: int | None = None,
    stage: str = "decoding",
) -> int:
    """Write tables of the same columns to a `.parquet`, `.csv` or `.arrow` (stream format) file; gives their rows."""
    report, done = progress or silent, 0
    # an error leaves no file; the writer closes before the file does
    with replacing(target) as file, ExitStack() as opened:
        writer: Any = None
        for table in tables:
            if writer is None:
                writer = opened.enter_context(_writer(file, table.schema, target.suffix))
            writer.write_table(table)
            done += table.num_rows
            report(stage, done, total)
    return done


def _writer(file: Any, schema: pa.Schema, suffix: str) -> Any:
    if suffix == ".parquet":
        return pa.parquet.ParquetWriter(file, schema, compression="zstd")
    return pa.csv.CSVWriter(file, schema) if suffix == ".csv" else pa.ipc.new_stream(pa.PythonFile(file, "w"), schema)
