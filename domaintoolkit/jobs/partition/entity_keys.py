"""Entity keys in the types that a tokenizer was fitted in; shards and splits depend on a hash of them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.schema import Schema
from domaintoolkit.streams.keys import hash_keys, shard_of, split_of
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.rows.column_types import cast_keys
from domaintoolkit.tokenizer.rows.row_splits import split_codes
from domaintoolkit.values import to_microseconds
from domaintoolkit.values.columns import plain

__all__ = ["EntityKeys"]


@dataclass(frozen=True)
class EntityKeys:
    """The key columns of entities, and the types of those that were fitted."""

    columns: Sequence[str]
    types: Mapping[str, pa.DataType] = field(default_factory=dict)

    @classmethod
    def of(cls, tokenizer: DomainTokenizer) -> EntityKeys:
        """The keys as a fitted tokenizer takes them."""
        return cls(tokenizer.schema.entity, tokenizer.types)

    def select(self, table: pa.Table) -> pa.Table:
        """The key columns of a table in their fitted types; a value that its type cannot hold is null."""
        keys = table.select(list(self.columns))
        for place, name in enumerate(keys.column_names):
            if name in self.types:
                keys = keys.set_column(place, name, cast_keys(plain(keys[name]), self.types[name]).values)
        return keys

    def hash(self, table: pa.Table) -> NDArray[np.uint64]:
        """The hash of each row's key."""
        return hash_keys(self.select(table))

    def number(self, table: pa.Table, buckets: int) -> NDArray[np.int64]:
        """The bucket of each row, a range of the hash of its key."""
        return shard_of(self.hash(table), buckets)

    def is_training(self, table: pa.Table, schema: Schema) -> NDArray[np.bool_]:
        """(rows,) True if a tokenizer may be fitted on the row.

        If a hash of the key decides, those are the rows of training entities; else the rows before the first cut, or
        with a training value in the split column. A row without a valid time counts too: it will be refused.
        """
        training: NDArray[np.bool_]
        cuts = None if schema.split is None else schema.split.cuts(schema.zone)
        if cuts is not None and schema.time is not None:
            times = to_microseconds(plain(table[schema.time]), schema.zone, schema.time_form(schema.time)).values
            training = np.asarray(pc.fill_null(times.cast(pa.int64()), np.iinfo(np.int64).min)) < cuts[0]
        elif schema.split is not None and schema.split_column is not None:
            training = split_codes(table[schema.split_column], schema.split) == 0
        else:
            training = split_of(self.hash(table)) == 0
        return training
