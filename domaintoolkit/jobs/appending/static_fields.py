"""Static fields of new rows against those of their encoded histories, of which shards keep hashes."""

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
from domaintoolkit.util.arrow import to_plain

__all__ = ["Statics", "static_rows", "with_statics"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Statics:
    """The static fields of some rows, compared with those of their histories."""

    fields: dict[str, Flags]
    """For each field: True for each row whose value differs from that of its history."""
    other: Flags
    """True for each row that differs in any field."""

    def refusals(self, row: int, rows: pa.Table) -> Iterator[Refusal]:
        """The reason why one of the rows is refused."""
        for name, flags in self.fields.items():
            if flags[row]:
                value = rows[name][row].as_py()
                yield Refusal(row, name, f"static field is {value!r} here and another in the encoded history")


def static_rows(schema: Schema, histories: Histories, rows: PreparedRows, history: NDArray[np.int64]) -> Statics:
    """Compare rows with their histories (-1: a row has none) by value."""
    other, fields = np.zeros(len(history), bool), {}
    if schema.static and len(histories):
        hashes, known = statics_of(schema, rows), to_plain(histories.table["statics"])
        for spec in schema.static:
            same = np.asarray(hashes[spec.name]) == np.asarray(known.field(spec.name))[history]
            fields[spec.name] = (history >= 0) & ~same
            other |= fields[spec.name]
    return Statics(fields, other)


def with_statics(schema: Schema, rows: pa.Table, known: pa.Table) -> pa.Table:
    """`rows` with the static fields that the same rows of `known` have."""
    for spec in schema.static:
        place = rows.schema.get_field_index(spec.name)
        rows = rows.set_column(place, rows.schema.field(place), known[spec.name])
    return rows
