"""Small encoded folders for the tests: histories of a shop in which the next page follows from the last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

import domaintoolkit as dt
from domaintoolkit.schema import to_dict
from domaintoolkit.storage.manifest import Manifest
from domaintoolkit.storage.shards import shard_table, write_shard

HOUR = 3_600_000_000


def rows(users: int, events: int, seed: int = 0, order: float = 0.9) -> pa.Table:
    """Visits to pages a, b, c, ...; with probability `order` the page after the last one, else any."""
    generator = np.random.default_rng(seed)
    table: dict[str, list[object]] = {"user": [], "at": [], "page": [], "note": [], "country": [], "visit": []}
    for user in range(users):
        page, at, visit = 0, 1_570_000_000_000_000 + int(generator.integers(0, 10**14)), 0
        for _ in range(int(generator.integers(1, 2 * events))):
            page = (page + 1) % 8 if generator.random() < order else int(generator.integers(8))
            at += int(generator.integers(1, 60)) * HOUR
            visit += int(generator.random() < 0.2)
            word = "abc"[int(generator.integers(3))]
            record = {"user": user, "at": at, "page": f"page {page}", "note": word, "country": f"c{user % 3}"}
            for name, value in {**record, "visit": f"{user}/{visit}"}.items():
                table[name].append(value)
    return pa.table({**table, "at": pa.array(table["at"], pa.timestamp("us", "UTC"))})


def tokenizer(table: pa.Table, pages: int = 6) -> dt.DomainTokenizer:
    """Fitted on the table; pages beyond the first `pages` are spelled."""
    schema = dt.Schema(
        entity="user",
        time="at",
        session="visit",
        static=(dt.Categorical("country"),),
        fields=(dt.Categorical("page", max_size=pages), dt.Categorical("note"), dt.Timestamp("at", delta_bins=8)),
    )
    return dt.DomainTokenizer(schema, threads=1).fit(table)


def write(folder: Path, table: pa.Table, made: dt.DomainTokenizer, shards: int = 2) -> Path:
    """An encoded folder of a table, its users dealt to the shards in turn."""
    made.save(folder / "tokenizer")
    entries = []
    for number in range(shards):
        streams = made.encode(
            table.filter(pa.compute.equal(pa.compute.bit_wise_and(table["user"], shards - 1), number))
        )
        written = shard_table(streams)
        entries.append(write_shard(folder, number, written))
    columns = {field.name: str(field.type) for field in written.schema}
    vocabulary = {"size": len(made.vocabulary), "hash": made.vocabulary.hash}
    Manifest(to_dict(made.schema), vocabulary, columns, tuple(entries), {}).save(folder)
    return folder
