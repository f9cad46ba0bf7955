"""Static fields of new rows against those of their encoded histories, of which shards keep hashes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.engines._histories import Histories
from domaintoolkit.errors import Refusal
from domaintoolkit.schema import Schema
from domaintoolkit.streams._shards import plain
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer._encode import statics_of

__all__ = ["Statics", "static_rows", "with_statics"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Statics:
    """What the static fields of some rows are beside those of their histories."""

    fields: dict[str, Flags]
    """Whether each row has another value in a field than its history."""
    bad: Flags
    """Whether each row cannot be encoded, where there are static fields; of it, nothing else is told."""

    @property
    def other(self) -> Flags:
        """Whether each row has another value in any field."""
        found = np.zeros(len(self.bad), bool)
        for flags in self.fields.values():
            found |= flags
        return found

    def refusals(self, row: int, rows: pa.Table) -> Iterator[Refusal]:
        """What is wrong with one of the rows."""
        for name, flags in self.fields.items():
            if flags[row]:
                value = rows[name][row].as_py()
                yield Refusal(row, name, f"static field is {value!r} here and another in the encoded history")


def static_rows(
    tokenizer: DomainTokenizer, histories: Histories, rows: pa.Table, history: NDArray[np.int64]
) -> Statics:  # fmt: skip
    """Compare rows with their histories (-1: a row has none) by value."""
    schema, count = tokenizer.schema, len(rows)
    if not schema.static or not (history >= 0).any():
        return Statics({}, np.zeros(count, bool))
    prepared = tokenizer.prepared(rows, "quarantine", tokenizer.types)
    numbers = np.arange(count) if prepared.numbers is None else prepared.numbers
    bad = np.ones(count, bool)
    bad[numbers] = False
    numbers, hashes = numbers[history[numbers] >= 0], statics_of(schema, prepared)
    known, own = plain(histories.table["statics"]), np.zeros(count, np.int64)
    fields = {}
    for spec in schema.static:
        own[~bad] = np.asarray(hashes[spec.name])
        fields[spec.name] = np.zeros(count, bool)
        fields[spec.name][numbers] = own[numbers] != np.asarray(known.field(spec.name))[history[numbers]]
    return Statics(fields, bad)


def with_statics(schema: Schema, rows: pa.Table, known: pa.Table) -> pa.Table:
    """`rows` with the static fields that the same rows of `known` have."""
    for spec in schema.static:
        place = rows.schema.get_field_index(spec.name)
        rows = rows.set_column(place, rows.schema.field(place), known[spec.name])
    return rows
