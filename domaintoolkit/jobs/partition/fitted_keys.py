"""Entity keys in the types that a tokenizer was fitted in, on which shards and splits hang."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from domaintoolkit.tokenizer.rows.column_types import as_fitted
from domaintoolkit.values.columns import plain

__all__ = ["fitted_keys"]


def fitted_keys(keys: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    """The same columns in their fitted `types`; a value that its type cannot hold is null, and refused in encoding."""
    for place, name in enumerate(keys.column_names):
        if name in types:
            keys = keys.set_column(place, name, as_fitted(plain(keys[name]), types[name]).values)
    return keys
