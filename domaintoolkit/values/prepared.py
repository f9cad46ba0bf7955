"""`Prepared`: a column in the type that is wanted, and the rows that cannot be converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["Ints", "Prepared", "concat", "refuse_all", "refuse_rows"]

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A column in the type that its encoder works on, and the rows that cannot be converted."""

    values: pa.Array
    """As long as the column that came in; a refused row holds null."""
    refused: list[tuple[int, str]] = field(default_factory=list)
    """(row, reason) of each row that cannot be encoded, in the order of the rows."""

    def spread(self, codes: Ints) -> Prepared:
        """The prepared values of rows, where `codes[row]` is the number of its value in this column."""
        values = self.values.take(pa.array(codes))
        if not self.refused:
            return Prepared(values)
        reasons = dict(self.refused)
        rows = np.flatnonzero(np.isin(codes, list(reasons)))
        return Prepared(values, [(int(row), reasons[int(codes[row])]) for row in rows])


def concat(parts: Sequence[Prepared]) -> Prepared:
    """The rows of the parts of a column, one part after another."""
    if len(parts) == 1:
        return parts[0]
    starts = accumulate((len(part.values) for part in parts), initial=0)
    refused = [
        (start + row, reason) for start, part in zip(starts, parts, strict=False) for row, reason in part.refused
    ]
    return Prepared(pa.concat_arrays([part.values for part in parts]), refused)


def refuse_all(values: pa.Array, kind: pa.DataType, reason: str) -> Prepared:
    """Nulls of type `kind`, with every row refused that is not null."""
    rows = np.flatnonzero(np.asarray(values.is_valid()))
    return Prepared(pa.nulls(len(values), kind), [(row, reason) for row in rows.tolist()])


def refuse_rows(values: pa.Array, rows: Sequence[int]) -> pa.Array:
    """The values with null in `rows`, which are refused."""
    if not rows:
        return values
    wrong = np.zeros(len(values), np.bool_)
    wrong[rows] = True
    if pa.types.is_dictionary(values.type):
        return pa.DictionaryArray.from_arrays(_empty(values.indices, wrong), values.dictionary)
    return _empty(values, wrong)


def _empty(values: pa.Array, wrong: NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(wrong), pa.scalar(None, values.type), values)
