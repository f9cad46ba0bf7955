"""Tables of any kind as Arrow columns, checked against a schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit.errors import DataError, Refusal, quote
from domaintoolkit.schema import Categorical, Custom, FieldSpec, Numeric, Schema, Text, Timestamp
from domaintoolkit.values.columns import find_outside, plain, unify
from domaintoolkit.values.objects import Role, as_column
from domaintoolkit.values.prepared import Prepared, refuse_rows
from domaintoolkit.values.value_names import join_texts

__all__ = ["Columns", "OpenTable", "read_columns", "read_history", "read_some_columns"]

Columns = dict[str, pa.Array]

_UNLIKE = (pa.ArrowException, TypeError, ValueError, OverflowError)
"""Errors of Arrow, NumPy and others for values that do not make a column of one type."""


@dataclass(frozen=True, slots=True)
class OpenTable:
    """The columns of a table of any kind, which can be read more than once."""

    names: list[str]
    _take: Callable[[int], Any]
    index: tuple[str, ...] = ()
    """The names of the index of a pandas frame."""

    @classmethod
    def of(cls, table: Any) -> OpenTable:
        """The columns of `table`. Raises `DataError` if it is not one."""
        if isinstance(table, list | tuple):
            table = _from_rows(table)
        if isinstance(table, Mapping) or _made_by(table) in ("pandas", "polars"):
            found = list(table if isinstance(table, Mapping) else table.columns)
            index = tuple(str(name) for name in table.index.names) if _made_by(table) == "pandas" else ()
            return cls([str(name) for name in found], lambda place: table[found[place]], index)
        arrow = _as_arrow(table)
        return cls(arrow.column_names, arrow.column)

    def column(self, name: str) -> Any:
        """The first column of this name, as the table holds it."""
        return self._take(self.names.index(name))


def read_columns(schema: Schema, table: Any, refused: list[Refusal] | None = None) -> Columns:
    """The columns that a schema needs; labels and the split column may be missing from a table.

    `table` is a pandas, polars, Arrow, DuckDB or Hugging Face table, anything with `__arrow_c_stream__`, a dictionary
    of columns, or a list of dictionaries. Raises `DataError` that names every column that is missing or occurs twice,
    and those that exist; other columns are ignored. Rows with a value that no column holds are added to `refused`, or
    raised without it.
    """
    optional = {*schema.labels, schema.split_column}
    wanted = [name for name in schema.columns if name not in optional]
    return read_some_columns(schema, table, wanted, [name for name in schema.columns if name in optional], refused)


def read_history(schema: Schema, table: Any) -> Columns:
    """The columns of one entity's events, as `read_columns` reads them; its key may be missing from the table."""
    opened = OpenTable.of(table)
    optional = {*schema.labels, schema.split_column, *schema.entity}
    wanted = [name for name in schema.columns if name not in optional]
    return read_some_columns(schema, opened, wanted, [name for name in schema.columns if name in optional])


def read_some_columns(
    schema: Schema,
    table: Any,
    wanted: Iterable[str],
    optional: Iterable[str] = (),
    refused: list[Refusal] | None = None,
) -> Columns:
    """The `wanted` columns of a table, and the `optional` ones that it has, as `read_columns` reads them."""
    opened = table if isinstance(table, OpenTable) else OpenTable.of(table)
    required = list(wanted)
    chosen = [*required, *(name for name in optional if name in opened.names)]
    # one column, or those that make a time together
    joins = {name: _parts_of(schema, name, opened.names) for name in chosen}
    _check_names(
        opened,
        [part for name in required for part in joins[name]],
        list(dict.fromkeys(part for name in chosen for part in joins[name])),
    )
    roles, times = _roles(schema), _times(schema)
    columns, wrong = {}, []
    for name in chosen:
        parts = []
        for part in joins[name]:
            cut = name in times and schema.time_form(name).cut
            made = _read(opened.column(part), part, roles.get(name, "other"), cut)
            parts.append(made.values)
            wrong += [Refusal(row, part, reason) for row, reason in made.refused]
        _check_lengths(dict(zip(joins[name], parts, strict=True)))
        columns[name] = parts[0] if len(parts) == 1 else join_texts(parts)
    _check_lengths(columns)
    wrong += _check_carried(schema, columns)
    # the error counts all problems, and lists some
    if wrong and refused is None:
        raise DataError(wrong[:1000], len(wrong))
    if refused is not None:
        refused += wrong
    return columns


def _parts_of(schema: Schema, name: str, there: Sequence[str]) -> Sequence[str]:
    """The columns that make the column `name`: those of `time_join`, unless the table has the time itself."""
    if name != schema.time or not schema.time_join:
        return (name,)
    whole = all(part in there for part in schema.time_join)
    # a decoded table has the time itself
    return schema.time_join if whole or name not in there else (name,)


def _times(schema: Schema) -> Set[str]:
    """The columns of times."""
    specs = (spec.name for spec in (*schema.static, *schema.fields) if isinstance(spec, Timestamp))
    return {*specs, *([schema.time] if schema.time else [])}


def _roles(schema: Schema) -> dict[str, Role]:
    """The role of each column that holds names, numbers, text, or the values of a plugin's encoder."""
    names = [name for name in (*schema.entity, schema.session, schema.split_column) if name is not None]
    return {
        **dict.fromkeys(names, "name"),
        **{spec.name: _role(spec) for spec in (*schema.static, *schema.fields)},
    }


def _role(spec: FieldSpec) -> Role:
    roles: dict[type, Role] = {Categorical: "name", Numeric: "number", Text: "text", Custom: "custom"}
    return roles.get(type(spec), "other")


def _check_lengths(columns: Columns) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} has {length:,}" for name, length in lengths.items())
        raise DataError([Refusal(None, None, f"columns of one table must be equally long: {listed}")])


def _check_carried(schema: Schema, columns: Columns) -> list[Refusal]:
    """The rows whose key, session, label or order no calendar holds. Raises `DataError` for columns that cannot be one.

    These columns are kept as they are, so that all their values have to come back from files.
    """
    fields = {spec.name for spec in (*schema.static, *schema.fields)}
    session = [schema.session] if schema.session is not None else []
    split = [schema.split_column] if schema.split_column is not None else []
    roles = {
        **dict.fromkeys((*schema.entity, *schema.order_by), "keys"),
        **dict.fromkeys(schema.labels, "labels"),
        **dict.fromkeys(session, "sessions"),
        **dict.fromkeys(split, "splits"),
    }
    carried = {name: role for name, role in roles.items() if name in columns}
    unfit = [
        Refusal(None, name, f"values of type {columns[name].type} cannot be {role}{_hint(columns[name].type)}")
        for name, role in carried.items()
        if not _is_carried(columns[name].type)
    ]
    if unfit:
        raise DataError(unfit)
    wrong = []
    for name in carried:
        if pa.types.is_null(columns[name].type) and name not in fields:
            columns[name] = columns[name].cast(pa.string())  # Arrow cannot take rows of lists of no type
        if name not in fields:
            outside = find_outside(columns[name])
            columns[name] = refuse_rows(columns[name], [row for row, _ in outside])
            wrong += [Refusal(row, name, reason) for row, reason in outside]
    return wrong


def _hint(kind: pa.DataType) -> str:
    return "; write them as numbers" if pa.types.is_duration(kind) else ""


def _is_carried(kind: pa.DataType) -> bool:
    test = pa.types
    if test.is_dictionary(kind):
        return _is_carried(kind.value_type)
    unlike = test.is_nested(kind) or test.is_interval(kind) or test.is_duration(kind)
    return not (unlike or isinstance(kind, pa.BaseExtensionType))


def _check_names(table: OpenTable, required: list[str], chosen: list[str]) -> None:
    counts = Counter(table.names)
    listed = ", ".join(repr(name) for name in table.names) or "none"
    missing = [
        Refusal(
            None,
            name,
            f"missing; the table's columns are: {listed}"
            + (f"; {name!r} is in the index of the frame: call its reset_index()" if name in table.index else ""),
        )
        for name in required
        if not counts[name]
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
    if kind == "Dataset" and hasattr(table, "with_format"):  # of Hugging Face
        rows: pa.Table = table.with_format("arrow")[:]
        return rows
    if kind == "LazyFrame":
        raise _not_a_table("cannot read a table from a LazyFrame; call its collect() first")
    if not hasattr(table, "__arrow_c_stream__"):
        return _from_duckdb(table)
    try:
        return pa.RecordBatchReader.from_stream(table).read_all()
    except _UNLIKE as error:
        raise _not_a_table(f"cannot read a table from {kind}: {error}") from None


def _from_duckdb(result: Any) -> pa.Table:
    """The result of DuckDB's `execute`, which can be read once; the method has another name since DuckDB 2."""
    fetch = getattr(result, "to_arrow_reader", None) or getattr(result, "fetch_record_batch", None)
    if fetch is None:
        kind = type(result).__name__
        raise _not_a_table(
            f"cannot read a table from {kind}; give pandas, polars, Arrow, DuckDB or a list of dictionaries"
        )
    reader = fetch()
    if reader is None:
        raise _not_a_table(
            "this DuckDB result was read already, or has no rows; give con.sql(query), which can be read again"
        )
    return reader.read_all()


def _not_a_table(reason: str) -> DataError:
    return DataError([Refusal(None, None, reason)])


def _from_rows(rows: Sequence[Any]) -> dict[Any, list[Any]]:
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise _not_a_table(f"expected a list of dictionaries, got a {type(row).__name__} at [{number}]")
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _read(values: Any, name: str, role: Role, cut: bool) -> Prepared:
    """A column of any kind of table in a type that its role takes."""
    if (reason := _unfit(values)) is None:
        try:
            return _from_any(values, role, cut)
        except Exception as error:
            reason = f"values that Arrow has no type for: {error}"
    raise DataError([Refusal(None, name, reason)])


def _unfit(values: Any) -> str | None:
    """The reason why `values` are not a column; None if they may be one."""
    kind = type(values).__name__
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        return f"expected a list of values, one for each row, got {quote(repr(values))}; for one row, give [{{...}}]"
    if isinstance(values, Mapping | Set):
        return f"expected a list of values, one for each row, got a {kind}, whose values have no rows"
    shape = getattr(values, "shape", (0,))
    if isinstance(shape, tuple) and len(shape) != 1:
        return f"expected one value for each row, got an array of shape {shape}"
    return None


def _from_any(values: Any, role: Role, cut: bool) -> Prepared:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return _unify(values, role)
    if type(values).__module__.partition(".")[0] == "pandas" and hasattr(values, "array"):
        return _from_pandas(values, role, cut)
    if hasattr(values, "to_arrow"):  # polars, which gives Arrow the addresses of objects
        return (
            as_column(values.to_list(), role, cut) if str(values.dtype) == "Object" else _unify(values.to_arrow(), role)
        )
    if hasattr(values, "__arrow_array__") or hasattr(values, "__arrow_c_array__"):
        return _unify(pa.array(values), role)
    if isinstance(values, np.ma.MaskedArray):
        pairs = zip(values.data, np.ma.getmaskarray(values), strict=True)
        return as_column([None if masked else value for value, masked in pairs], role, cut)
    if hasattr(values, "__array__"):
        return _from_array(np.asarray(values), role, cut)
    return as_column(list(values), role, cut)


def _unify(values: pa.Array | pa.ChunkedArray, role: Role) -> Prepared:
    if role == "custom":
        made = plain(values)
        return Prepared(made.storage if isinstance(made, pa.ExtensionArray) else made)
    return unify(values)


def _from_array(values: np.ndarray[Any, Any], role: Role, cut: bool) -> Prepared:
    if values.dtype != object:
        try:
            return _unify(pa.array(values), role)
        except _UNLIKE:
            pass  # the kinds of NumPy that Arrow does not know, such as months and records
    return as_column(list(values), role, cut)


def _from_pandas(series: Any, role: Role, cut: bool) -> Prepared:
    """A column of pandas, in which NaN is null."""
    if series.dtype != object:
        try:
            return _unify(pa.Array.from_pandas(series), role)
        except _UNLIKE:
            pass
    return as_column(series.astype(object).where(series.notna(), None).tolist(), role, cut)
