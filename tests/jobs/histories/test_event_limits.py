"""Bounds on the events of an entity: appending in parts gives what encoding everything at once gives."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from event_rows import SCHEMA, contents, events, in_parts, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.errors import ArtifactError
from domaintoolkit.jobs import append, encode, verify
from domaintoolkit.jobs.histories.event_limits import drop_oldest_events
from domaintoolkit.schema import Categorical, Numeric, Schema, Text
from domaintoolkit.storage.encoded_folder import open_encoded
from domaintoolkit.storage.shards import shard_table
from domaintoolkit.tokenizer import DomainTokenizer

TABLE = events(500, users=60)
LANDS = pc.binary_join_element_wise("land", pc.cast(pc.bit_wise_and(TABLE["user"], 3), pa.string()), " ")
STATIC = replace(SCHEMA, static=(Categorical("land"), Text("home")), fields=(*SCHEMA.fields, Text("brand2")))
WIDE = TABLE.append_column("land", LANDS).append_column("home", LANDS).append_column("brand2", TABLE["brand"])
UNTIMED = Schema(entity="user", fields=(Categorical("what"), Numeric("price")))
bounds = st.tuples(st.integers(1, 12), st.none() | st.integers(1, 12))
schemas = st.sampled_from([SCHEMA, STATIC, UNTIMED])


@pytest.mark.slow
@given(st.none() | st.integers(1, 12), schemas)
def test_shortened_streams_are_those_of_shorter_histories(limit: int | None, schema: Schema) -> None:
    tokenizer = DomainTokenizer(schema, threads=1).fit(WIDE.slice(0, 400))
    whole = tokenizer.encode(WIDE)
    bounded = DomainTokenizer(replace(schema, max_events=limit), threads=1).fit(WIDE.slice(0, 400))
    wanted = shard_table(bounded.encode(WIDE))
    assert drop_oldest_events(tokenizer, shard_table(whole), limit).to_pylist() == wanted.to_pylist()


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 2)
@given(bounds, schemas, st.lists(st.integers(0, 500), min_size=1, max_size=3).map(sorted), st.sampled_from([1, 6]))
def test_parts_give_what_all_at_once_gives(
    limits: tuple[int, int | None], schema: Schema, cuts: list[int], hours: int
) -> None:
    schema = replace(schema, min_events=limits[0], max_events=limits[1])
    table = WIDE if schema.time is None else WIDE.sort_by([("at", "ascending"), ("user", "ascending")])
    tokenizer = DomainTokenizer(schema, threads=1).fit(table.slice(0, 300))
    parts = [table.slice(low, high - low) for low, high in pairwise(sorted({0, *cuts, 500}))]
    with tempfile.TemporaryDirectory() as name:
        in_parts(tokenizer, parts, Path(name) / "parts")
        encode(tokenizer, table, Path(name) / "whole", shards=3)
        assert rows_of(Path(name) / "parts") == rows_of(Path(name) / "whole")
        here, there = (open_encoded(Path(name) / folder) for folder in ("parts", "whole"))
        assert here.manifest.counts == there.manifest.counts
        assert here.manifest.totals == there.manifest.totals
        assert verify(Path(name) / "parts", table, threads=1).problems == ()


@pytest.mark.slow
def test_older_events_go_where_they_belong(tmp_path: Path) -> None:
    schema = replace(SCHEMA, session=None, min_events=3, max_events=6)
    table = TABLE.sort_by("at")
    tokenizer = DomainTokenizer(schema, threads=1).fit(table)
    encode(tokenizer, table.slice(200), tmp_path / "parts", shards=3)
    append(tmp_path / "parts", table.slice(0, 200), rewrite=True)
    encode(tokenizer, table, tmp_path / "whole", shards=3)
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")
    counts = [open_encoded(tmp_path / name).manifest.counts for name in ("parts", "whole")]
    assert counts[0]["rows_left_out"] == counts[1]["rows_left_out"]
    assert counts[0]["entities_left_out"] == counts[1]["entities_left_out"]


@pytest.mark.slow
def test_what_is_left_out_is_checked_and_the_same_however_it_is_cut(tmp_path: Path) -> None:
    tokenizer = DomainTokenizer(replace(SCHEMA, min_events=9), threads=1).fit(TABLE)
    encode(tokenizer, TABLE, tmp_path / "small", shards=2, memory="20kB")
    result = encode(tokenizer, TABLE.take(np.random.default_rng(0).permutation(500)), tmp_path / "out", shards=2)
    assert contents(tmp_path / "small") == contents(tmp_path / "out")
    left_out = result.manifest.left_out
    assert sum(entry.entities for entry in left_out) == result.counts.entities_left_out > 0
    assert sum(entry.events for entry in left_out) == result.counts.rows_left_out
    path = tmp_path / "out" / left_out[1].file
    path.write_bytes(path.read_bytes()[:-9] + b"123456789")
    with pytest.raises(ArtifactError, match=r"left_out/00001\.arrow: was altered"):
        append(tmp_path / "out", TABLE)
    with pytest.raises(ArtifactError, match=r"left_out/00001\.arrow: was altered"):
        verify(tmp_path / "out", TABLE)
