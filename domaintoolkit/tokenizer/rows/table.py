"""Tables of any kind as Arrow columns, checked against a schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.values.columns import plain

__all__ = ["Columns", "columns_of"]

Columns = dict[str, pa.Array]

_UNLIKE = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)
"""Arrow's errors for values that do not make a column of one type."""


def columns_of(
    table: Any, wanted: Iterable[str], optional: Iterable[str] = (), refused: list[Refusal] | None = None
) -> Columns:
    """The wanted columns of a pandas, polars, Arrow or DuckDB table, or anything with `__arrow_c_stream__`.

    A mapping of lists and a list of dictionaries work too. Raises `DataError` that names every column that is
    missing or occurs twice, and the columns that exist. The `optional` ones may be missing; other columns are
    ignored. Rows with text that is not valid Unicode are added to `refused`, or raised without it.
    """
    if isinstance(table, Mapping):
        found: Sequence[Any] = list(table)
    elif isinstance(table, list):
        table = _from_rows(table)
        found = list(table)
    elif _made_by(table) in ("pandas", "polars"):
        found = list(table.columns)
    else:
        table = _as_arrow(table)
        found = table.column_names
    names = [str(name) for name in found]
    required = list(wanted)
    chosen = [*required, *(name for name in optional if name in names)]
    _check_names(names, required, chosen)
    read = _from_pandas if _made_by(table) == "pandas" else _column
    wrong: list[Refusal] = []
    columns = {name: read(table[found[names.index(name)]], name, wrong) for name in chosen}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} has {length:,}" for name, length in lengths.items())
        raise DataError([Refusal(None, None, f"columns of one table must be equally long: {listed}")])
    if wrong and refused is None:
        raise DataError(wrong)
    if refused is not None:
        refused += wrong
    return columns


def _check_names(names: list[str], required: list[str], chosen: list[str]) -> None:
    counts = Counter(names)
    listed = ", ".join(repr(name) for name in names) or "none"
    missing = [
        Refusal(None, name, f"missing; the table's columns are: {listed}") for name in required if not counts[name]
    ]
    twice = [
        Refusal(None, name, f"there are {counts[name]} columns of this name") for name in chosen if counts[name] > 1
    ]
    if missing or twice:
        raise DataError([*missing, *twice])


def _made_by(table: Any) -> str | None:
    """The library of a data frame, by the name of its type: so no library is imported that the user does not use."""
    kind = type(table)
    return kind.__module__.partition(".")[0] if kind.__name__ == "DataFrame" else None


def _as_arrow(table: Any) -> pa.Table:
    if isinstance(table, pa.Table):
        return table
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if isinstance(table, pa.RecordBatchReader):
        return table.read_all()
    kind = type(table).__name__
    if kind == "LazyFrame":
        raise TypeError("cannot read a table from a LazyFrame; call its collect() first")
    if not hasattr(table, "__arrow_c_stream__"):
        return _from_duckdb(table)
    try:
        return pa.RecordBatchReader.from_stream(table).read_all()
    except pa.ArrowInvalid as error:
        raise TypeError(f"cannot read a table from {kind}: {error}") from None


def _from_duckdb(result: Any) -> pa.Table:
    """The result of DuckDB's `execute`, which can be read once; the method has another name since DuckDB 2."""
    fetch = getattr(result, "to_arrow_reader", None) or getattr(result, "fetch_record_batch", None)
    if fetch is None:
        raise TypeError(f"cannot read a table from {type(result).__name__}; give pandas, polars, Arrow or DuckDB")
    reader = fetch()
    if reader is None:
        raise TypeError(
            "this DuckDB result was read already, or has no rows; give con.sql(query), which can be read again"
        )
    return reader.read_all()


def _from_rows(rows: list[Any]) -> dict[str, list[Any]]:
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"expected a list of dictionaries, got {row!r:.60} at [{number}]")
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _column(values: Any, name: str, wrong: list[Refusal]) -> pa.Array:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return plain(values)
    try:
        if hasattr(values, "to_arrow"):  # polars
            return plain(values.to_arrow())
        if hasattr(values, "__arrow_array__") or hasattr(values, "__arrow_c_array__"):
            return plain(pa.array(values))
    except _UNLIKE as error:
        raise DataError([Refusal(None, name, f"values that Arrow has no type for: {error}")]) from None
    return _convert(values, name, wrong)


def _from_pandas(series: Any, name: str, wrong: list[Refusal]) -> pa.Array:
    try:
        made = plain(pa.Array.from_pandas(series))
    except (*_UNLIKE, UnicodeEncodeError):
        return _convert(series.astype(object).where(series.notna(), None).tolist(), name, wrong)
    return _of_one_kind(made, series) if series.dtype == object else made


def _convert(values: Any, name: str, wrong: list[Refusal]) -> pa.Array:
    """Python values as one column. Mixed types become text; text that is not Unicode is refused with its row."""
    try:
        return _of_one_kind(plain(pa.array(values)), values)
    except UnicodeEncodeError:
        pass
    except _UNLIKE:
        values = [None if value is None else str(value) for value in values]
    reasons = _not_unicode(values)
    wrong += [Refusal(row, name, reason) for row, reason in reasons.items()]
    return pa.array([None if row in reasons else value for row, value in enumerate(values)], pa.string())


def _not_unicode(values: Iterable[Any]) -> dict[int, str]:
    reasons = {}
    for row, value in enumerate(values):
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                reasons[row] = f"not valid Unicode: {error}"
    return reasons


def _of_one_kind(made: pa.Array, values: Iterable[Any]) -> pa.Array:
    """`made`, or text if some times name a zone and others do not: Arrow would read all of them as UTC."""
    if not pa.types.is_timestamp(made.type) or made.type.tz is None:
        return made
    times = [value if isinstance(value, date) else None for value in values]
    if all(time is None or getattr(time, "tzinfo", None) is not None for time in times):
        return made
    return pa.array([None if time is None else _iso(time) for time in times], pa.string())


def _iso(time: date) -> str:
    if isinstance(time, datetime) and time.tzinfo is not None:
        return f"{time.replace(tzinfo=None) - (time.utcoffset() or timedelta())}Z"
    return time.isoformat()
