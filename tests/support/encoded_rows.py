"""Made-up streams for the tests of shards: no tokenizer needed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from domaintoolkit.storage.manifest import Manifest
from domaintoolkit.storage.shards import shard_table, write_shard
from domaintoolkit.streams.streams import Streams
from domaintoolkit.vocabulary import Vocabulary

Histories = dict[str, list[list[int]]]
"""Each entity's events, each a list of ids."""

histories = st.dictionaries(
    st.text(max_size=5),
    st.lists(st.lists(st.integers(0, 60_000), min_size=1, max_size=4), min_size=1, max_size=5),
    max_size=12,
)


def rows_of(made: Histories, header: int = 1) -> Streams:
    """Streams of a header of zeros and the events; times count up, labels say whether the first id is odd."""
    ids, offsets, starts, event_offsets = [], [0], [], [0]
    flags: list[bool | None] = []
    for key in sorted(made):
        ids += [0] * header
        for event in made[key]:
            starts.append(len(ids))
            ids += event
            flags.append(None if event[0] % 3 == 0 else event[0] % 2 == 1)
        offsets.append(len(ids))
        event_offsets.append(len(starts))
    return Streams(
        entities=pa.table({"user": pa.array(sorted(made), pa.string())}),
        ids=np.array(ids, np.uint16),
        offsets=np.array(offsets, np.int64),
        event_starts=np.array(starts, np.int64),
        event_offsets=np.array(event_offsets, np.int64),
        times=np.arange(len(starts), dtype=np.int64),
        labels=pa.table({"odd": pa.array(flags, pa.bool_())}),
        last_session=pa.array([None if len(key) % 2 else key for key in sorted(made)], pa.string()),
        source=SimpleNamespace(vocabulary=Vocabulary.from_tokens(["[PAD]"])),
    )


def folder_of(folder: Path, *parts: Histories) -> Path:
    """An encoded folder with a shard for each of `parts`."""
    tables = [shard_table(rows_of(part)) for part in parts]
    entries = [write_shard(folder, number, table) for number, table in enumerate(tables)]
    columns = {field.name: str(field.type) for field in tables[0].schema}
    Manifest({"entity": ["user"]}, {"size": 70_000, "hash": "00"}, columns, tuple(entries), {"rows_in": 1}).save(folder)
    return folder
