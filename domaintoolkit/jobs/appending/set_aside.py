"""Rows that appending has set aside as older than their histories: the folder remembers each by a hash of its values.

So whoever compares the folder with all its files later knows which of their rows are not in it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import ArtifactError
from domaintoolkit.jobs.histories.histories import times_of
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.storage.manifest import SetAside
from domaintoolkit.streams.keys import hash_keys
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.artifacts import write_atomic

__all__ = ["SET_ASIDE", "Hashes", "hash_rows", "read_aside", "within", "without_aside", "write_aside"]

SET_ASIDE = "set_aside"
"""The folder of the file of hashes."""

Hashes = NDArray[np.uint64]


def hash_rows(tokenizer: DomainTokenizer, rows: pa.Table) -> Hashes:
    """A hash of each row's values in the schema's columns, whatever else the table holds."""
    schema = tokenizer.schema
    keys = EntityKeys.of(tokenizer).select(rows)
    for name in schema.columns:
        if name in schema.entity or name not in rows.column_names:
            continue
        values = to_plain(rows[name])
        if name == schema.time:
            values = pa.array(times_of(schema, pa.table({name: values})))
        elif pa.types.is_nested(values.type):
            values = pa.array([repr(value) for value in values.to_pylist()], pa.string())
        keys = keys.append_column(name, values)
    return hash_keys(keys)


def without_aside(tokenizer: DomainTokenizer, rows: pa.Table, aside: Hashes) -> pa.Table:
    """All rows of some entities but those that were set aside; of equal rows, as many as were. `aside` is sorted."""
    if not len(aside):
        return rows
    return rows.filter(pa.array(~within(hash_rows(tokenizer, rows), aside)))


def within(hashes: Hashes, known: Hashes) -> NDArray[np.bool_]:
    """True for each of `hashes` that is among the sorted `known`; of equal ones, as many as `known` has."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    nth = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    times = np.searchsorted(known, ordered, side="right") - np.searchsorted(known, ordered)
    found = np.zeros(len(hashes), bool)
    found[order[nth < times]] = True
    return found


def write_aside(folder: Path, before: SetAside | None, hashes: Hashes) -> SetAside | None:
    """Write the earlier hashes and these to a new file. Return its entry for the manifest, if any."""
    if not len(hashes):
        return before
    whole = np.sort(np.concatenate([read_aside(folder, before), hashes]))
    number = 1 if before is None else int(Path(before.file).stem) + 1
    sink = pa.BufferOutputStream()
    table = pa.table({"row": whole})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue().to_pybytes()
    entry = SetAside(f"{SET_ASIDE}/{number}.arrow", len(whole), len(data), hashlib.sha256(data).hexdigest())
    write_atomic(folder / entry.file, data)
    return entry


def read_aside(folder: Path, entry: SetAside | None) -> Hashes:
    """The hashes in their order. Raises `ArtifactError` where the file is missing or was altered."""
    if entry is None:
        return np.zeros(0, np.uint64)
    path = folder / entry.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(str(path), error.strerror or str(error)) from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ArtifactError(str(path), "was altered: its checksum is not that of the manifest")
    return np.asarray(pa.ipc.open_stream(data).read_all()["row"])
