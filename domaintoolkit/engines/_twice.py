"""Whether rows are those that a folder was encoded from, told by their keys and times.

Of what `encode` took, the shards tell exactly that: so nothing has to be counted before rows are first appended.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from domaintoolkit.engines._histories import times_of
from domaintoolkit.engines._keys import fitted_keys
from domaintoolkit.engines._ragged import lists_of
from domaintoolkit.streams._encoded import EncodedFolder
from domaintoolkit.streams._keys import hash_keys
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Instants", "encoded_instants"]

TIME = "domaintoolkit time"


class Instants:
    """How many events there are, and the sum of hashes of their keys and times: the same in any order."""

    def __init__(self, tokenizer: DomainTokenizer) -> None:
        self._tokenizer, self._timed = tokenizer, tokenizer.schema.time is not None
        self._events = self._total = 0

    def add(self, rows: pa.Table) -> None:
        """Count rows in the schema's columns."""
        if self._timed:
            schema = self._tokenizer.schema
            keys = fitted_keys(rows.select(list(schema.entity)), self._tokenizer.types)
            self._count(keys, times_of(schema, rows))

    def add_shard(self, shard: pa.Table) -> None:
        """Count the events of encoded histories."""
        times = lists_of(shard["times"])
        owners = np.repeat(np.arange(len(shard)), times.lengths)
        keys = fitted_keys(shard.select(list(self._tokenizer.schema.entity)), self._tokenizer.types)
        self._count(keys.take(pa.array(owners)), np.asarray(times.values)[times.offsets[0] : times.offsets[-1]])

    def _count(self, keys: pa.Table, times: np.ndarray) -> None:
        self._events += len(times)
        self._total += int(hash_keys(keys.append_column(TIME, pa.array(times))).sum())

    def __str__(self) -> str:
        """Equal texts mean the same events; empty without a time column."""
        return f"{self._events}:{self._total % (1 << 64):016x}" if self._timed else ""


def encoded_instants(folder: EncodedFolder, tokenizer: DomainTokenizer) -> str:
    """What `encode` took of a folder that nothing was appended to yet; empty without a time column."""
    found = Instants(tokenizer)
    if tokenizer.schema.time is not None:
        for number in range(len(folder.manifest.shards)):
            for table in (folder.table(number), folder.left_out(number)):
                if table is not None:
                    found.add_shard(table)
    return str(found)
