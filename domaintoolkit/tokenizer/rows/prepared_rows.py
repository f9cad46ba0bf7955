"""The rows of a table, prepared for fitting and encoding; those that cannot be are refused, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.encoders import EncoderType
from domaintoolkit.errors import DataError, LookupFailedError, Refusal
from domaintoolkit.schema import Categorical, Schema, Timestamp
from domaintoolkit.times import ZoneTable
from domaintoolkit.tokenizer.rows.column_types import cast_fitted
from domaintoolkit.tokenizer.rows.order import Grouping, group_rows
from domaintoolkit.tokenizer.rows.table import Columns, columns_of
from domaintoolkit.util.threads import Workers
from domaintoolkit.values import Prepared, to_microseconds

__all__ = ["Rows", "prepare", "read_columns"]


ON_BAD_ROWS = ("error", "quarantine")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that can be encoded. `columns` are as they came in, `values` as their encoders take them."""

    columns: Columns
    values: dict[str, pa.Array]
    times: NDArray[np.int64] | None
    refused: tuple[Refusal, ...] = ()
    numbers: NDArray[np.int64] | None = None
    """The row of the input that each row was; None where none is missing."""
    rows_in: int = 0
    types: dict[str, pa.DataType] = field(default_factory=dict)
    """The type of each column as it came in."""
    grouping: Grouping | None = None
    """The rows by entity and time, where that was asked for and no row was refused."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def without(self, refused: Mapping[int, list[Refusal]]) -> Rows:
        """The rest, once these rows (numbered as they stand here) are refused too."""
        kept = np.ones(len(self), bool)
        kept[list(refused)] = False
        numbers = np.arange(len(self)) if self.numbers is None else self.numbers
        mask = pa.array(kept)
        return Rows(
            {name: column.filter(mask) for name, column in self.columns.items()},
            {name: column.filter(mask) for name, column in self.values.items()},
            None if self.times is None else self.times[kept],
            (*self.refused, *(refusal for row in refused.values() for refusal in row)),
            numbers[kept],
            self.rows_in,
            self.types,
        )


def read_columns(schema: Schema, table: Any, refused: list[Refusal] | None = None) -> Columns:
    """The columns that a schema needs; labels may be missing from a table. Raises `DataError` for unfit columns.

    Rows that no column can hold are added to `refused`, or raised where there is none.
    """
    optional = set(schema.labels)
    columns = columns_of(table, [name for name in schema.columns if name not in optional], schema.labels, refused)
    roles = {**dict.fromkeys((*schema.entity, *schema.order_by), "keys"), **dict.fromkeys(schema.labels, "labels")}
    nested = [
        Refusal(None, name, f"values of type {columns[name].type} cannot be {role}")
        for name, role in roles.items()
        if name in columns and pa.types.is_nested(columns[name].type)
    ]
    if nested:
        raise DataError(nested)
    return columns


def prepare(
    schema: Schema,
    columns: Columns,
    kinds: Mapping[str, EncoderType],
    on_bad_rows: str,
    pool: Workers,
    zones: Mapping[str, ZoneTable] | None = None,
    fitted: Mapping[str, pa.DataType] | None = None,
    grouped: bool = False,
    refused: Iterable[Refusal] = (),
) -> Rows:
    """Every field in the type that its encoder takes. Bad rows are all refused together, or all raised together.

    `refused` are those that are known to be bad.
    `zones` are the saved zones of columns that hold times; left out, this machine's are used. `fitted` are the
    types of the columns that the encoders were fitted on, where they were. `grouped` rows are put in order while
    others work on their values.
    """
    if on_bad_rows not in ON_BAD_ROWS:
        raise LookupFailedError("way with bad rows", on_bad_rows, ON_BAD_ROWS)
    count = len(next(iter(columns.values())))
    bad: dict[int, list[Refusal]] = {}
    for refusal in refused:
        bad.setdefault(refusal.row or 0, []).append(refusal)
    columns = {**columns, **_in_fitted_types(schema, columns, fitted or {}, bad)}
    jobs: dict[str, Callable[[], Prepared]] = {}
    for spec in (*schema.static, *schema.fields):
        if spec.name != schema.time:
            if isinstance(spec, Timestamp):
                zone = (zones or {}).get(spec.name, spec.zone)
                jobs[spec.name] = partial(to_microseconds, columns[spec.name], zone, schema.time_unit)
            else:
                jobs[spec.name] = partial(kinds[spec.name].encoder.prepare, spec, columns[spec.name])
    futures = {name: pool.submit(job) for name, job in jobs.items()}
    times = _times(schema, columns, bad, (zones or {}).get(schema.time or ""))
    for name in schema.entity:
        _refuse(bad, name, _nulls(columns[name], "the entity key is null"))
    grouping = group_rows(schema, columns, times) if grouped and not bad else None
    values = {}
    for name, future in futures.items():
        prepared = future.result()
        _refuse(bad, name, prepared.refused)
        values[name] = prepared.values
    types = {name: column.type for name, column in columns.items()}
    rows = Rows(columns, values, times, rows_in=count, types=types, grouping=grouping)
    if not bad:
        return rows
    if on_bad_rows == "error":
        problems = _problems(bad, count)
        raise DataError(problems[:1000], len(problems))
    return rows.without({row: bad[row] for row in sorted(bad)})


def _in_fitted_types(
    schema: Schema, columns: Columns, fitted: Mapping[str, pa.DataType], bad: dict[int, list[Refusal]]
) -> Columns:
    """Entity keys and categories, whose values are names, in the types they were fitted in."""
    names = [*schema.entity, *(s.name for s in (*schema.static, *schema.fields) if isinstance(s, Categorical))]
    changed = {}
    for name in names:
        if name in fitted:
            prepared = cast_fitted(columns[name], fitted[name])
            _refuse(bad, name, prepared.refused)
            changed[name] = prepared.values
    return changed


def _nulls(column: pa.Array, reason: str) -> list[tuple[int, str]]:
    if not pc.any(pc.is_null(column)).as_py():
        return []
    return [(row, reason) for row in np.flatnonzero(np.asarray(pc.is_null(column))).tolist()]


def _refuse(bad: dict[int, list[Refusal]], column: str, refused: list[tuple[int, str]]) -> None:
    for row, reason in refused:
        known = bad.setdefault(row, [])
        if all(refusal.column != column for refusal in known):
            known.append(Refusal(row, column, reason))


def _problems(bad: dict[int, list[Refusal]], count: int) -> list[Refusal]:
    """All refusals in the order of their rows; what is wrong with every row of a column is said once."""
    alike: dict[tuple[str | None, str], int] = {}
    for refusals in bad.values():
        for refusal in refusals:
            what = refusal.column, refusal.reason
            alike[what] = alike.get(what, 0) + 1
    whole = [what for what, times in alike.items() if times == count > 1]
    problems = [Refusal(None, column, f"{reason} (every row)") for column, reason in whole]
    return problems + [
        refusal for row in sorted(bad) for refusal in bad[row] if (refusal.column, refusal.reason) not in whole
    ]


def _times(
    schema: Schema, columns: Columns, bad: dict[int, list[Refusal]], zone: ZoneTable | None
) -> NDArray[np.int64] | None:
    if schema.time is None:
        return None
    prepared = to_microseconds(columns[schema.time], zone or schema.zone, schema.time_unit)
    _refuse(bad, schema.time, prepared.refused)
    _refuse(bad, schema.time, _nulls(prepared.values, "the time is null"))
    instants = prepared.values.cast(pa.int64())
    return np.asarray(pc.fill_null(instants, 0) if instants.null_count else instants)
