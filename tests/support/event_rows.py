"""Small tables of events for the tests of engines, and ways to compare folders."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit.jobs import append, encode
from domaintoolkit.schema import Categorical, Column, Numeric, Reader, Schema, Timestamp
from domaintoolkit.storage import open_encoded
from domaintoolkit.tokenizer import DomainTokenizer

SCHEMA = Schema(
    entity="user",
    time="at",
    session="visit",
    labels="bought",
    fields=(Categorical("what"), Categorical("brand"), Numeric("price", bins=8), Timestamp("at")),
)
READER = Reader(
    columns=(
        Column("user", "int64"),
        Column("at", "timestamp"),
        Column("visit"),
        Column("bought", "bool"),
        Column("what"),
        Column("brand"),
        Column("price", "float64"),
    )
)


def events(rows: int, users: int = 40, seed: int = 0) -> pa.Table:
    """Random events, unsorted, with nulls and ties."""
    draw = np.random.default_rng(seed)
    user = draw.integers(0, users, rows)
    brands = np.array(["acme", "brio", "corex", "d'or"])[draw.integers(0, 4, rows)]
    seconds = draw.integers(1_570_000_000, 1_570_090_000, rows)
    return pa.table(
        {
            "user": user,
            "at": pa.array(seconds * 1_000_000).cast(pa.timestamp("us", "UTC")),
            "visit": pa.array((user * 10 + seconds // 40_000).astype(str)),
            "bought": draw.random(rows) < 0.1,
            "what": np.array(["view", "cart", "purchase"])[draw.integers(0, 3, rows)],
            "brand": pa.array(brands, mask=draw.random(rows) < 0.2),
            "price": np.round(draw.lognormal(3, 1, rows), 2),
        }
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows_of(folder: Path) -> dict[Any, dict[str, Any]]:
    """Every row of an encoded folder by its key."""
    encoded = open_encoded(folder)
    rows = [row for shard in range(len(encoded.shards)) for row in encoded.table(shard).to_pylist()]
    return {row["user"]: row for row in rows}


def in_parts(tokenizer: DomainTokenizer, parts: list[pa.Table], out: Path) -> None:
    encode(tokenizer, parts[0], out, shards=3)
    for part in parts[1:]:
        append(out, part)


def saved(tokenizer: DomainTokenizer) -> dict[str, bytes]:
    """The files of a saved tokenizer."""
    with tempfile.TemporaryDirectory() as name:
        tokenizer.save(Path(name) / "tokenizer")
        return contents(Path(name))


def bad_table(table: pa.Table) -> pa.Table:
    """`table`, in which row 5 has no user, and row 9 no time."""
    user = table["user"].to_pylist()
    at = table["at"].to_pylist()
    user[5] = at[9] = None
    table = table.set_column(0, "user", pa.array(user, pa.int64()))
    return table.set_column(1, "at", pa.array(at, table.schema.field("at").type))
