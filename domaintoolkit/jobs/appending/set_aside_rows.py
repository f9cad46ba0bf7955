"""Rows that appending sets aside. The folder remembers each by a hash of its values.

So `verify`, which compares the folder with all its files, knows which of their rows are not in it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import ArtifactError
from domaintoolkit.jobs.histories.histories import read_times
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.storage.manifest import SetAside
from domaintoolkit.streams.keys import hash_keys
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.partials import write_atomic

__all__ = ["NO_HASHES", "SET_ASIDE", "Hashes", "add_hashes", "drop_rows", "find_hashes", "hash_rows", "read_hashes"]

SET_ASIDE = "set_aside"
"""The name of the folder with the file of hashes."""

Hashes = NDArray[np.uint64]
NO_HASHES = np.zeros(0, np.uint64)


def hash_rows(tokenizer: DomainTokenizer, rows: pa.Table) -> Hashes:
    """A hash of the values of each row in the schema's columns; other columns do not count."""
    schema = tokenizer.schema
    keys = EntityKeys.of(tokenizer).select(rows)
    for name in schema.columns:
        # shards keep one split for all events of an entity, so it is no value of a row
        if name in (*schema.entity, schema.split_column) or name not in rows.column_names:
            continue
        values = to_plain(rows[name])
        if name == schema.time:
            values = pa.array(read_times(schema, pa.table({name: values})))
        elif pa.types.is_nested(values.type):
            values = pa.array([repr(value) for value in values.to_pylist()], pa.string())
        keys = keys.append_column(name, values)
    return hash_keys(keys)


def drop_rows(tokenizer: DomainTokenizer, rows: pa.Table, set_aside: Hashes) -> pa.Table:
    """`rows` without those that were set aside; of equal rows, as many are dropped as were. `set_aside` is sorted.

    The last of equal rows are dropped: they may differ in the split, and the rows that came later were set aside.
    """
    if not len(set_aside):
        return rows
    return rows.filter(pa.array(~find_hashes(hash_rows(tokenizer, rows)[::-1], set_aside)[::-1]))


def find_hashes(hashes: Hashes, known: Hashes) -> NDArray[np.bool_]:
    """True for each of `hashes` that is among `known`, which is sorted.

    If a hash occurs n times in `known`, only the first n of its occurrences in `hashes` are found.
    """
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    nth = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)  # 0, 1, ... among equal hashes
    times = np.searchsorted(known, ordered, side="right") - np.searchsorted(known, ordered)  # how often each is known
    found = np.zeros(len(hashes), bool)
    found[order[nth < times]] = True
    return found


def add_hashes(folder: Path, before: SetAside | None, hashes: Hashes) -> SetAside | None:
    """Write the hashes of `before` and these to a new file, and return its entry for the manifest; None for no hash."""
    if not len(hashes):
        return before
    whole = np.sort(np.concatenate([read_hashes(folder, before), hashes]))
    number = 1 if before is None else int(Path(before.file).stem) + 1
    sink = pa.BufferOutputStream()
    table = pa.table({"row": whole})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue().to_pybytes()
    entry = SetAside(f"{SET_ASIDE}/{number}.arrow", len(whole), len(data), hashlib.sha256(data).hexdigest())
    write_atomic(folder / entry.file, data)
    return entry


def read_hashes(folder: Path, entry: SetAside | None) -> Hashes:
    """The sorted hashes of a file. Raises `ArtifactError` if the file is missing or altered."""
    if entry is None:
        return NO_HASHES
    path = folder / entry.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(str(path), error.strerror or str(error)) from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ArtifactError(str(path), "was altered: its checksum is not that of the manifest")
    return np.asarray(pa.ipc.open_file(data).read_all()["row"])
