"""Preparing the rows of a table for fitting and encoding; rows that cannot be encoded are refused, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.encoders import EncoderType, pair_columns
from domaintoolkit.errors import DataError, LookupFailedError, Refusal
from domaintoolkit.schema import FieldSpec, Numeric, Schema, Timestamp
from domaintoolkit.times import ZoneTable
from domaintoolkit.times.zones import NO_TIME
from domaintoolkit.tokenizer.rows.column_types import cast_keys
from domaintoolkit.tokenizer.rows.order import Grouping, group_rows
from domaintoolkit.tokenizer.rows.row_splits import split_codes
from domaintoolkit.tokenizer.rows.table import Columns
from domaintoolkit.util.arrow import show_value
from domaintoolkit.util.threads import Workers
from domaintoolkit.values import Prepared, to_microseconds

__all__ = ["Preparation", "PreparedRows"]

NULL_TIME = 'the time is null; with `untimed = "static"` in the schema, rows without a time are facts of their entity'
ON_BAD_ROWS = ("error", "quarantine")


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """Rows that can be encoded. `columns` are as they came in, `values` as their encoders take them."""

    columns: Columns
    values: dict[str, pa.Array]
    times: NDArray[np.int64] | None
    refused: tuple[Refusal, ...] = ()
    numbers: NDArray[np.int64] | None = None
    """(rows,) the number of each row in the input; None if no row was refused."""
    rows_in: int = 0
    types: dict[str, pa.DataType] = field(default_factory=dict)
    """The type of each column as it came in."""
    grouping: Grouping | None = None
    """The rows by entity and time, if that was asked for and no row was refused."""
    splits: NDArray[np.uint8] | None = None
    """(rows,) the split that the split column gives; None without one."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def plain_values(self, name: str) -> pa.Array:
        """The prepared values of a field; a number without what it measures, which is another field."""
        values = self.values[name]
        return pc.struct_field(values, 0) if pa.types.is_struct(values.type) else values

    def without(self, refused: Mapping[int, list[Refusal]]) -> PreparedRows:
        """The other rows, once these, by their place here, are refused too."""
        kept = np.ones(len(self), bool)
        kept[list(refused)] = False
        # refused rows keep their numbers in the input, for the messages
        numbers = np.arange(len(self)) if self.numbers is None else self.numbers
        mask = pa.array(kept)
        return PreparedRows(
            {name: column.filter(mask) for name, column in self.columns.items()},
            {name: column.filter(mask) for name, column in self.values.items()},
            None if self.times is None else self.times[kept],
            (*self.refused, *(refusal for row in refused.values() for refusal in row)),
            numbers[kept],
            self.rows_in,
            self.types,
            splits=None if self.splits is None else self.splits[kept],
        )


@dataclass(frozen=True, slots=True)
class Preparation:
    """The way that a schema's rows are prepared: before fitting, or for encoders that were fitted."""

    schema: Schema
    encoders: Mapping[str, EncoderType]
    workers: Workers
    on_bad_rows: str = "error"
    zones: Mapping[str, ZoneTable] = field(default_factory=dict)
    """The saved zones of columns that hold times; for the others, this machine's zones are used."""
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    """The types that columns were fitted in, if they were."""

    def __post_init__(self) -> None:
        if self.on_bad_rows not in ON_BAD_ROWS:
            raise LookupFailedError("way with bad rows", self.on_bad_rows, ON_BAD_ROWS)

    def prepare(self, columns: Columns, refused: Iterable[Refusal] = (), grouped: bool = False) -> PreparedRows:
        """Every field in the type that its encoder takes. All bad rows are refused, or raised, together.

        `refused` are known to be bad. `grouped` rows are put in order while other threads work on their values.
        """
        schema = self.schema
        count = len(next(iter(columns.values())))
        bad: dict[int, list[Refusal]] = {}
        for refusal in refused:
            bad.setdefault(refusal.row or 0, []).append(refusal)
        columns = {**columns, **self._cast_keys(columns, bad)}
        # fields are prepared by the workers while this thread sees to times, keys and splits
        jobs = {
            spec.name: self.workers.submit(self._prepare_field, spec, columns[spec.name])
            for spec in (*schema.static, *schema.fields)
            if spec.name != schema.time
        }
        times = self._prepare_times(columns, bad)
        for name in schema.entity:
            _refuse(bad, name, _find_nulls(columns[name], "the entity key is null"))
            _refuse(bad, name, _find_nans(columns[name]))
        splits = self._prepare_splits(columns, bad)
        grouping = None
        # a refused row would change the order, so it is then found later
        if grouped and not bad:
            grouping = group_rows([columns[name] for name in schema.entity], times, schema.has_order)
        values = {}
        for name, job in jobs.items():
            prepared = job.result()
            _refuse(bad, name, prepared.refused)
            values[name] = prepared.values
        for spec in (*schema.static, *schema.fields):
            if isinstance(spec, Numeric) and spec.by is not None:
                values[spec.name] = pair_columns(values[spec.name], values[spec.by])
        types = {name: column.type for name, column in columns.items()}
        rows = PreparedRows(columns, values, times, rows_in=count, types=types, grouping=grouping, splits=splits)
        if not bad:
            return rows
        if self.on_bad_rows == "error":
            # a table can have millions of bad rows; the error counts all of them
            problems = _list_problems(bad, count)
            raise DataError(problems[:1000], len(problems))
        return rows.without({row: bad[row] for row in sorted(bad)})

    def _prepare_field(self, spec: FieldSpec, column: pa.Array) -> Prepared:
        if isinstance(spec, Timestamp):
            return to_microseconds(column, self.zones.get(spec.name, spec.zone), self.schema.time_form(spec.name))
        return self.encoders[spec.name].encoder.prepare(spec, column)

    def _prepare_times(self, columns: Columns, bad: dict[int, list[Refusal]]) -> NDArray[np.int64] | None:
        """(rows,) microseconds since the epoch, `NO_TIME` if the row has none; None without a time column."""
        schema = self.schema
        if schema.time is None:
            return None
        zone = self.zones.get(schema.time) or schema.zone
        prepared = to_microseconds(columns[schema.time], zone, schema.time_form(schema.time))
        _refuse(bad, schema.time, prepared.refused)
        instants = prepared.values.cast(pa.int64())
        if schema.untimed == "static":
            return np.asarray(pc.fill_null(instants, NO_TIME))
        _refuse(bad, schema.time, _find_nulls(prepared.values, NULL_TIME))
        return np.asarray(pc.fill_null(instants, 0) if instants.null_count else instants)

    def _prepare_splits(self, columns: Columns, bad: dict[int, list[Refusal]]) -> NDArray[np.uint8] | None:
        """(rows,) 0, 1 or 2 for training, validation or test; None if the rows do not have a split column."""
        split, name = self.schema.split, self.schema.split_column
        if split is None or name is None or name not in columns:
            return None
        found = split_codes(columns[name], split)
        for row in np.flatnonzero(found < 0).tolist():
            value, known = show_value(columns[name][row]), [value for values in split.values for value in values]
            _refuse(bad, name, [(row, f"{value} is in no split; the values are: {', '.join(map(repr, known))}")])
        # rows with -1 are refused, whatever they get here
        return np.maximum(found, 0).astype(np.uint8)

    def _cast_keys(self, columns: Columns, bad: dict[int, list[Refusal]]) -> Columns:
        """Entity keys in the types that they were fitted in."""
        changed = {}
        for name in self.schema.entity:
            if name in self.types:
                prepared = cast_keys(columns[name], self.types[name])
                _refuse(bad, name, prepared.refused)
                changed[name] = prepared.values
        return changed


def _find_nulls(column: pa.Array, reason: str) -> list[tuple[int, str]]:
    if not pc.any(pc.is_null(column)).as_py():
        return []
    return [(row, reason) for row in np.flatnonzero(np.asarray(pc.is_null(column))).tolist()]


def _find_nans(column: pa.Array) -> list[tuple[int, str]]:
    if not pa.types.is_floating(column.type):
        return []
    nans = np.asarray(pc.fill_null(pc.is_nan(column), False))
    return [(row, "the entity key is NaN, which equals no other key") for row in np.flatnonzero(nans).tolist()]


def _refuse(bad: dict[int, list[Refusal]], column: str, refused: list[tuple[int, str]]) -> None:
    for row, reason in refused:
        # one reason a row and column: the first one found
        known = bad.setdefault(row, [])
        if all(refusal.column != column for refusal in known):
            known.append(Refusal(row, column, reason))


def _list_problems(bad: dict[int, list[Refusal]], count: int) -> list[Refusal]:
    """All refusals in the order of their rows; a reason that holds for every row of a column comes once."""
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
