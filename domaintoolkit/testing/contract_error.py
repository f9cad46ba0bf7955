"""`ContractError`: a broken contract, told so that its author knows what to change."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

__all__ = ["ContractError"]

SHOWN_ROWS = 12
"""Rows of a table that a message shows."""


class ContractError(AssertionError):
    """A contract that a domain, a schema or an encoder breaks.

    `contract` is its name and `field` the field at fault, if one is. `fit` and `rows` are the smallest tables found
    that show it: the one to fit on and the one to encode. `advice` says what to do.
    """

    def __init__(self, contract: str, reason: str, field: str | None = None, advice: str = "") -> None:
        super().__init__(contract, reason, field, advice)
        self.contract, self.reason, self.field, self.advice = contract, reason, field, advice
        self.fit: pa.Table | None = None
        self.rows: pa.Table | None = None

    def with_tables(self, fit: pa.Table, rows: pa.Table) -> ContractError:
        """The same error, which shows these tables if it does not show any yet."""
        if self.rows is None:
            self.fit, self.rows = fit, rows
        return self

    @property
    def tables(self) -> dict[str, str]:
        """The tables as text, by their use."""
        if self.fit is None or self.rows is None:
            return {}
        return {"fitted on": _show(self.fit, self.field), "encoded": _show(self.rows, self.field)}

    @property
    def details(self) -> list[str]:
        """The advice and the tables, line by line."""
        lines = [f"do: {self.advice}"] if self.advice else []
        return [*lines, *(f"{use} {table}" for use, table in self.tables.items())]

    def __str__(self) -> str:
        return "\n".join([f"contract {self.contract!r}: {self.reason}", *(f"  {line}" for line in self.details)])


def _show(table: pa.Table, field: str | None) -> str:
    """A table as a dictionary to copy; of a large one, its size."""
    if len(table) > SHOWN_ROWS:
        return f"{len(table):,} rows; no smaller table shows it"
    values: dict[str, list[Any]] = {name: table[name].to_pylist() for name in table.column_names}
    if field is not None and field in values:
        values = {field: values.pop(field)} | values
    return str(values)
