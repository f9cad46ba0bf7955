"""Sessions of histories that are encoded anew: of most, only a hash of the name is left."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.engines._ragged import Lists, list_column, lists_of
from domaintoolkit.streams._keys import hash_values
from domaintoolkit.tokenizer._order import ranks_of

__all__ = ["SessionCodes"]

Hashes = NDArray[np.int64]


class SessionCodes:
    """Numbers in the place of sessions, so that those that are known by name and by hash can be compared.

    `new` are the names of new rows, `last` those of the last encoded events, and `encoded` the hashes of all encoded
    events. Numbers of known names are in the order of the names, which ties are ordered by; others come after them.
    """

    def __init__(self, new: pa.Array, last: pa.Array, encoded: Hashes) -> None:
        names = pa.concat_arrays([new, last.cast(new.type)])
        ranks, hashes = ranks_of(names), hash_values(names)
        _, places = np.unique(ranks, return_index=True)
        self._names = names.take(pa.array(places))
        known = hashes[places]
        self._hashes = np.concatenate([known, np.setdiff1d(encoded, known)])
        """The hash of each number."""
        order = np.argsort(self._hashes)
        found = order[np.searchsorted(self._hashes[order], encoded)]
        self.rows = (found.astype(np.int64), np.searchsorted(ranks[places], ranks[: len(new)]).astype(np.int64))
        """The number of each encoded event, and of each new row."""

    def named(self, table: pa.Table) -> pa.Table:
        """Rows of a shard that were encoded with these numbers, with names and hashes in their place."""
        codes = np.arange(len(self._hashes))
        coded = hash_values(pa.array(codes))
        order = np.argsort(coded)
        lists = lists_of(table["sessions"])
        numbers = codes[order[np.searchsorted(coded[order], np.asarray(lists.values))]]
        table = _replaced(table, "sessions", list_column(Lists(pa.array(self._hashes[numbers]), lists.offsets)))
        # the last event of a history is a new row, or its last encoded one
        return _replaced(table, "last_session", self._names.take(table["last_session"].combine_chunks()))


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)
