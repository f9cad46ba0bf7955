"""`Prepared`: a column in the type that is wanted, and the rows that cannot be converted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["Ints", "Prepared", "refuse_all"]

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


def refuse_all(values: pa.Array, kind: pa.DataType, reason: str) -> Prepared:
    """Nulls of type `kind`, with every row refused that is not null."""
    rows = np.flatnonzero(np.asarray(values.is_valid()))
    return Prepared(pa.nulls(len(values), kind), [(row, reason) for row in rows.tolist()])
