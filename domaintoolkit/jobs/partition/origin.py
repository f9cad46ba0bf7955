"""The origin of each row: its source and its number there, packed into one column that the rows carry along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["ORIGIN", "Origins", "add_origins", "drop_origins", "origins_of", "pack_origins", "unpack_origins"]

ORIGIN = ""
"""The column of packed origins. Every column of a schema has a name, so this one clashes with none of them."""
ROW_BITS = 40
"""The low bits of a packed origin number the row: a trillion rows a source. The others number the source."""

Ints = NDArray[np.int64]


class Origins(NamedTuple):
    """For each row the number of its source, and its number in that source."""

    sources: Ints
    rows: Ints

    def with_names(self, sources: Sequence[str]) -> list[tuple[str | None, int]]:
        """(name of the source, row) of each row; a table in memory has no name."""
        pairs = zip(self.sources.tolist(), self.rows.tolist(), strict=True)
        return [(sources[source] or None, row) for source, row in pairs]


def pack_origins(source: int | Ints, rows: NDArray[np.integer[Any]]) -> Ints:
    """One number for each row, which rises with the source and then with the row."""
    return np.asarray((np.asarray(source, np.int64) << ROW_BITS) + rows, np.int64)


def unpack_origins(packed: Ints) -> Origins:
    """The sources and rows that `pack_origins` packed."""
    return Origins(packed >> ROW_BITS, packed & ((1 << ROW_BITS) - 1))


def add_origins(table: pa.Table, packed: Ints) -> pa.Table:
    """The rows with a column of their packed origins."""
    return table.append_column(ORIGIN, pa.array(packed, pa.int64()))


def drop_origins(table: pa.Table) -> pa.Table:
    """The rows as they came, without the column of origins."""
    return table.drop_columns(ORIGIN)


def origins_of(table: pa.Table) -> Origins:
    """The origin of each row of a table that carries them."""
    return unpack_origins(table[ORIGIN].to_numpy())
