"""Entity keys in the types that a tokenizer was fitted in; shards and splits depend on a hash of them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.streams.keys import hash_keys, split_of
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.rows.column_types import cast_keys
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

    def is_training(self, table: pa.Table) -> NDArray[np.bool_]:
        """(rows,) True if the entity of the row belongs to the training split."""
        training: NDArray[np.bool_] = split_of(self.hash(table)) == 0
        return training
