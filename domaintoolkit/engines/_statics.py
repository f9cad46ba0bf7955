"""Static fields of new rows against those of their encoded histories, which only tokens tell."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.schema import Schema
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer._ties import cell_ranks

__all__ = ["same_statics", "with_statics"]


def same_statics(tokenizer: DomainTokenizer, known: pa.Table, rows: pa.Table) -> NDArray[np.bool_]:
    """Whether each of `rows` has the static tokens of the same row of `known`; true of rows that cannot be encoded."""
    count, names = len(rows), [spec.name for spec in tokenizer.schema.static]
    table = pa.concat_tables([with_statics(tokenizer.schema, rows, known), rows])
    prepared = tokenizer.prepared(table, "quarantine")
    place = np.full(2 * count, -1)
    place[np.arange(len(prepared)) if prepared.numbers is None else prepared.numbers] = np.arange(len(prepared))
    there = np.flatnonzero((place[:count] >= 0) & (place[count:] >= 0))
    same = np.ones(count, bool)
    for bound in tokenizer.layout.header:
        if bound.name not in names:
            continue
        for part in bound.field.encode(prepared.values[bound.name]).parts:
            ranks = cell_ranks(part)
            same[there] &= ranks[place[there]] == ranks[place[there + count]]
    return same


def with_statics(schema: Schema, rows: pa.Table, known: pa.Table) -> pa.Table:
    """`rows` with the static fields that the same rows of `known` have."""
    for spec in schema.static:
        place = rows.schema.get_field_index(spec.name)
        rows = rows.set_column(place, rows.schema.field(place), known[spec.name])
    return rows
