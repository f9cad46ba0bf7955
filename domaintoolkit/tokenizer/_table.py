"""Tables of any kind as Arrow columns, checked against a schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from domaintoolkit.encoders._columns import plain
from domaintoolkit.errors import DataError, Refusal

__all__ = ["Columns", "columns_of"]

Columns = dict[str, pa.Array]


def columns_of(table: Any, wanted: Iterable[str], optional: Iterable[str] = ()) -> Columns:
    """The wanted columns of a pandas, polars, Arrow or DuckDB table, or anything with `__arrow_c_stream__`.

    A mapping of lists and a list of dictionaries will do too. Raises `DataError` that names every column
    that is missing or there twice, and what columns there are. The `optional` ones may be missing.
    """
    if isinstance(table, Mapping):
        names = [str(name) for name in table]
    elif isinstance(table, list):
        table = _from_rows(table)
        names = table.column_names
    elif _is_pandas(table):
        names = [str(name) for name in table.columns]
    else:
        table = _as_arrow(table)
        names = table.column_names
    required = list(wanted)
    chosen = [*required, *(name for name in optional if name in names)]
    _check_names(names, required, chosen)
    if _is_pandas(table):
        return {name: _from_pandas(table[name], name) for name in chosen}
    columns = {name: _column(table[name], name) for name in chosen}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} has {length:,}" for name, length in lengths.items())
        raise DataError([Refusal(None, None, f"columns of one table must be equally long: {listed}")])
    return columns


def _check_names(names: list[str], required: list[str], chosen: list[str]) -> None:
    counts = Counter(names)
    listed = ", ".join(repr(name) for name in names) or "none"
    found = [
        Refusal(None, name, f"missing; the table's columns are: {listed}") for name in required if not counts[name]
    ]
    found += [
        Refusal(None, name, f"there are {counts[name]} columns of this name") for name in chosen if counts[name] > 1
    ]
    if found:
        raise DataError(found)


def _is_pandas(table: Any) -> bool:
    """Asked of the type's name, so that pandas is not imported for those who do not use it."""
    kind = type(table)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"


def _as_arrow(table: Any) -> pa.Table:
    if isinstance(table, pa.Table):
        return table
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if isinstance(table, pa.RecordBatchReader):
        return table.read_all()
    if hasattr(table, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(table).read_all()
    if hasattr(table, "fetch_record_batch"):
        return table.fetch_record_batch().read_all()
    raise TypeError(f"cannot read a table from {type(table).__name__}; give pandas, polars, Arrow or DuckDB")


def _from_rows(rows: list[Any]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows], name) for name in names})


def _column(values: Any, name: str) -> pa.Array:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return plain(values)
    if hasattr(values, "__arrow_array__") or hasattr(values, "__arrow_c_array__"):
        return plain(pa.array(values))
    return _converted(values, name)


def _from_pandas(series: Any, name: str) -> pa.Array:
    try:
        return plain(pa.Array.from_pandas(series))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return _converted([None if value != value else value for value in series.tolist()], name)


def _converted(values: Any, name: str) -> pa.Array:
    """Python values as one column. Mixed types become text; text that is not Unicode is refused with its row."""
    try:
        return plain(pa.array(values))
    except UnicodeEncodeError:
        pass
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        values = [None if value is None else str(value) for value in values]
    refused = [Refusal(row, name, reason) for row, reason in _not_unicode(values)]
    if refused:
        raise DataError(refused)
    return pa.array(values, pa.string())


def _not_unicode(values: Iterable[Any]) -> Iterable[tuple[int, str]]:
    for row, value in enumerate(values):
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                yield row, f"not valid Unicode: {error}"
