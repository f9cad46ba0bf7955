"""Columns of a label table as numbers and codes that a network takes, fitted on training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, LookupFailedError, Refusal
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.values.texts import is_text
from domaintoolkit.values.value_names import write_names

__all__ = ["ColumnFit", "ColumnValues", "fit_columns", "read_columns"]

KNOTS = 64
"""Quantiles of the training values between which a number is placed."""
LARGEST = 1_000
"""Categories that have an embedding of their own, the most frequent; all others share one."""


@dataclass(frozen=True, slots=True)
class ColumnFit:
    """A column as training rows have it."""

    name: str
    kind: Literal["number", "category"]
    knots: tuple[float, ...] = ()
    """Of a number: rising quantiles."""
    categories: tuple[str, ...] = ()
    """Of a category: the values with codes from 2 on; 0 is null and 1 any other value."""


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The columns of n rows."""

    numbers: NDArray[np.float32]
    """(n, numbers): about -1.7 to 1.7, by rank among the training values; 0 for null."""
    missing: NDArray[np.float32]
    """(n, numbers): 1 for null."""
    codes: NDArray[np.int64]
    """(n, categories)"""

    def take(self, rows: NDArray[np.int64]) -> ColumnValues:
        """Some rows."""
        return ColumnValues(self.numbers[rows], self.missing[rows], self.codes[rows])


def fit_columns(table: pa.Table, names: tuple[str, ...], rows: NDArray[np.int64]) -> tuple[ColumnFit, ...]:
    """Fit columns of a label table on its training rows. Texts that are all numbers are numbers.

    Raises `LookupFailedError` for a column that is not there, and `DataError` for one without a value.
    """
    return tuple(_fit(_find(table, name).take(pa.array(rows)), name) for name in names)


def read_columns(table: pa.Table, fits: tuple[ColumnFit, ...]) -> ColumnValues:
    """All rows of a table, by fitted columns; raises `DataError` for a text in a column of numbers."""
    numbers, missing, codes = [], [], []
    for fit in fits:
        column = _find(table, fit.name)
        if fit.kind == "number":
            values = _to_numbers(column)
            if values is None:
                reason = f"column {fit.name!r} had numbers when the model was fine-tuned, and now holds other values"
                raise DataError([Refusal(None, fit.name, reason)])
            missing.append(np.isnan(values))
            numbers.append(np.nan_to_num(_place(values, np.array(fit.knots))))
        else:
            known = pa.array(fit.categories, pa.string())
            # (n,) the place among the fitted categories
            found = pc.fill_null(pc.index_in(_to_names(column), value_set=known), -1)
            # (n,) a category that is not known has -1 + 2
            codes.append(np.where(np.asarray(column.is_null()), 0, np.asarray(found).astype(np.int64) + 2))
    return ColumnValues(_stack(numbers, len(table), np.float32), _stack(missing, len(table), np.float32),
                        _stack(codes, len(table), np.int64))  # fmt: skip


def _stack(columns: list[Any], rows: int, kind: Any) -> NDArray[Any]:
    return np.stack(columns, 1).astype(kind) if columns else np.zeros((rows, 0), kind)


def _find(table: pa.Table, name: str) -> pa.Array:
    if name not in table.column_names:
        raise LookupFailedError("column of the label table", name, table.column_names)
    return to_plain(table[name])


def _fit(column: pa.Array, name: str) -> ColumnFit:
    values = _to_numbers(column)
    if values is not None and np.isfinite(values).any():
        # fewer than `KNOTS` if a value is frequent: `interp` wants them to rise
        knots = np.unique(np.quantile(values[np.isfinite(values)], np.linspace(0, 1, KNOTS)))
        return ColumnFit(name, "number", knots=tuple(knots.tolist()))
    names = _to_names(column).drop_null()
    if not len(names):
        raise DataError([Refusal(None, name, "has no value in the training rows; leave it out")])
    counts = pc.value_counts(names).to_pylist()
    # by name among equals, so that codes do not depend on the order of the rows
    counts.sort(key=lambda entry: (-entry["counts"], entry["values"]))
    return ColumnFit(name, "category", categories=tuple(entry["values"] for entry in counts[:LARGEST]))


def _to_numbers(column: pa.Array) -> NDArray[np.float64] | None:
    """(n,) NaN for null and infinity; None if a value is not a number or a time."""
    kind = column.type
    if is_text(kind):
        try:
            # texts that are all numbers, as CSV files have them
            column = pc.utf8_trim_whitespace(column).cast(pa.float64())
        except pa.ArrowInvalid:
            return None
    elif pa.types.is_temporal(kind):
        column = (column if pa.types.is_time(kind) else column.cast(pa.timestamp("us"))).cast(pa.int64())
    elif pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
              or pa.types.is_boolean(kind)):  # fmt: skip
        return None
    numbers = np.asarray(column.cast(pa.float64()).fill_null(float("nan")), np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _to_names(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if is_text(column.type) else write_names(column).cast(pa.string())


def _place(values: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the place of numbers among the knots, of mean 0 and deviation 1 for those that were fitted.

    Ranks do not care for the unit of a number, and no outlier can leave their range.
    """
    if len(knots) == 1:
        signs: NDArray[np.float64] = np.sign(values - knots[0])
        return signs
    share = np.interp(values, knots, np.linspace(0, 1, len(knots)))
    # ranks are uniform from 0 to 1: their mean is 1/2, and their deviation 1 / sqrt(12)
    placed: NDArray[np.float64] = (share - 0.5) * np.sqrt(12)
    return placed
