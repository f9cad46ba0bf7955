"""Rows of Parquet and Arrow files, from row groups or ranges that are spread over each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from domaintoolkit.errors import SourceError
from domaintoolkit.proposal.sampling.table_sample import (
    FILES,
    ROWS,
    FoundColumn,
    TableSample,
    count_occurrence,
    join_chunks,
    make_path,
    spread_files,
)
from domaintoolkit.reading import SourceFile

__all__ = ["sample_columnar"]


def sample_columnar(files: tuple[SourceFile, ...], folder: Path) -> TableSample:
    """The rows of parts of the files, which are written into `folder` as Parquet."""
    chosen = spread_files(files, FILES)
    tables, paths, total = [], [], 0
    for number, file in enumerate(chosen):
        table, rows = _read_columnar(file, ROWS // len(chosen))
        total += rows
        path = make_path(folder, file, number, ".parquet")
        flat = _flatten(table)
        for name, value in file.partition.items():
            if name not in flat.column_names:
                flat = flat.append_column(name, pa.array([value] * len(flat), pa.string()))
        pyarrow.parquet.write_table(table, path)
        paths.append(str(path))
        tables.append(flat)
    # of many files only some are read, and their mean stands for the others
    total = total * len(files) // len(chosen)
    counts = Counter(name for table in tables for name in table.column_names)
    whole = pa.concat_tables(tables, promote_options="permissive")
    columns = []
    for number, name in enumerate(whole.column_names):
        values = join_chunks(whole.column(number))
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        is_list = pa.types.is_list(values.type) or pa.types.is_large_list(values.type)
        if is_list:
            values = _join_lists(values)
        elif pa.types.is_large_string(values.type) or pa.types.is_null(values.type):
            values = values.cast(pa.string())
        which = count_occurrence(whole.column_names, number)
        columns.append(FoundColumn(name, values, which, counts[name] < len(tables) and which is None, is_list))
    return TableSample(files, tuple(columns), {}, tuple(paths), len(whole), max(total, len(whole)))


def _join_lists(values: pa.Array) -> pa.Array:
    texts = [
        None if each is None else "|".join(str(item) for item in each if item is not None)
        for each in values.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _read_columnar(file: SourceFile, limit: int) -> tuple[pa.Table, int]:
    try:
        if file.kind == "parquet":
            return _read_parquet(file.path, limit)
        with pa.memory_map(str(file.path)) as source:
            if file.kind == "arrow":
                reader = pa.ipc.open_file(source)
                batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
            else:
                batches = list(pa.ipc.open_stream(source))
            table = pa.Table.from_batches(batches, reader.schema if file.kind == "arrow" else batches[0].schema)
            return _take_ranges(table, limit), len(table)
    except (pa.ArrowInvalid, pa.ArrowSerializationError, OSError) as error:
        raise SourceError(file.name, f"{file.kind} that is damaged or cut short ({error})") from None


def _read_parquet(path: Path, limit: int) -> tuple[pa.Table, int]:
    with pyarrow.parquet.ParquetFile(path) as parquet:
        rows, groups = parquet.metadata.num_rows, parquet.metadata.num_row_groups
        if rows <= limit:
            return parquet.read(), rows
        number = min(groups, 16)
        chosen = [each * (groups - 1) // max(number - 1, 1) for each in range(number)]
        tables = []
        for group in chosen:
            size = parquet.metadata.row_group(group).num_rows
            own = limit // number
            stride = max(1, size // own) if number < 16 else 1
            kept = 0
            for place, batch in enumerate(parquet.iter_batches(8192, [group])):
                if place % stride == 0:
                    tables.append(pa.Table.from_batches([batch]))
                    kept += len(batch)
                if kept >= own:
                    break
        return pa.concat_tables(tables), rows


def _take_ranges(table: pa.Table, limit: int) -> pa.Table:
    if len(table) <= limit:
        return table
    size = limit // 32
    return pa.concat_tables([table.slice((len(table) - size) * number // 31, size) for number in range(32)])


def _flatten(table: pa.Table) -> pa.Table:
    """The table with the members of structs as columns, `meta.k` for member `k` of `meta`."""
    while any(pa.types.is_struct(kind) for kind in table.schema.types):
        table = table.flatten()
    return table
