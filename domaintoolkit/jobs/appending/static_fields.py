"""Compare the static fields of new rows with those of their encoded histories, of which shards keep hashes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import Refusal
from domaintoolkit.jobs.histories.histories import Histories
from domaintoolkit.schema import Schema
from domaintoolkit.tokenizer.encoding import statics_of
from domaintoolkit.tokenizer.rows.preparation import PreparedRows
from domaintoolkit.util.arrow import show_value, to_plain

__all__ = ["StaticConflicts", "copy_statics", "find_conflicts"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class StaticConflicts:
    """The rows whose static fields differ from those of their histories."""

    fields: dict[str, Flags]
    """For each field: True for each row whose value differs from that of its history."""
    any: Flags
    """True for each row that differs in at least one field."""

    def refusals(self, row: int, rows: pa.Table) -> Iterator[Refusal]:
        """The problems of one of the rows."""
        for name, flags in self.fields.items():
            if flags[row]:
                value = show_value(rows[name][row])
                yield Refusal(row, name, f"static field is {value} here, and another value in the encoded history")


def find_conflicts(
    schema: Schema, histories: Histories, rows: PreparedRows, history: NDArray[np.int64]
) -> StaticConflicts:
    """Compare rows with their histories (-1: the row has none) by value."""
    any_field, fields = np.zeros(len(history), bool), {}
    if schema.static and len(histories):
        hashes, known = statics_of(schema, rows), to_plain(histories.table["statics"])
        for spec in schema.static:
            same = np.asarray(hashes[spec.name]) == np.asarray(known.field(spec.name))[history]
            fields[spec.name] = (history >= 0) & ~same
            any_field |= fields[spec.name]
    return StaticConflicts(fields, any_field)


def copy_statics(schema: Schema, rows: pa.Table, known: pa.Table) -> pa.Table:
    """`rows` with the static fields of `known`, row by row."""
    for spec in schema.static:
        place = rows.schema.get_field_index(spec.name)
        rows = rows.set_column(place, rows.schema.field(place), known[spec.name])
    return rows
