"""`verify` and `decode` hold for any schema, and `verify` sees what is wrong."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from event_rows import SCHEMA, events
from hypothesis import assume, given, settings

from domaintoolkit import ArtifactError, Categorical, DataError, DomainTokenizer, Numeric, Schema
from domaintoolkit.jobs import decode, encode, export_streams, fit, verify
from domaintoolkit.testing import cases

TABLE = events(600)


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 4)
@given(cases())
def test_any_schema(case: tuple[Schema, pa.Table, pa.Table]) -> None:
    schema, fitted, rows = case
    try:
        tokenizer = fit(schema, fitted, threads=1).tokenizer
    except DataError:
        assume(False)
    assume(rows.num_rows)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "out"
        result = encode(tokenizer, rows, folder, threads=1, shards=2, on_bad_rows="quarantine")
        found = verify(folder, rows, threads=1)
        assert found.holds, found.problems
        assert found.report.events == result.manifest.totals["events"]
        assert found.rows_in == rows.num_rows
        assert decode(folder, Path(made) / "again.parquet") == found.report.events
        if result.manifest.totals["events"]:
            again = pyarrow.parquet.read_table(Path(made) / "again.parquet")
            streams = DomainTokenizer.load(folder / "tokenizer").encode(again)
            assert len(streams.ids) == result.manifest.totals["tokens"]


def test_changed_rows_are_seen(tmp_path: Path) -> None:
    schema = Schema(entity="who", fields=(Categorical("what"), Numeric("much", bins=4)), labels="paid")
    draw = np.random.default_rng(0)
    columns = {
        "who": draw.integers(0, 9, 200), "what": draw.choice(["a", "b"], 200), "much": draw.random(200),
        "paid": draw.integers(0, 2, 200),
    }  # fmt: skip
    table = pa.table(columns)
    folder = tmp_path / "out"
    encode(DomainTokenizer(schema).fit(table), table, folder, threads=1)
    assert verify(folder, table, threads=1).holds
    for name, other in (("what", "b"), ("much", 0.5), ("paid", 7)):
        changed = columns[name].copy()
        changed[changed.argmax() if name != "what" else 0] = other if columns[name][0] != other else "a"
        problems = verify(folder, pa.table({**columns, name: changed}), threads=1).problems
        assert problems
        assert (name == "paid") == any(problem.startswith("paid") for problem in problems)
    fewer = verify(folder, table.filter(pa.compute.not_equal(table["who"], 3)), threads=1)
    assert any("to no entity of the files" in problem for problem in fewer.problems)
    more = verify(folder, pa.concat_tables([table, pa.table({"who": [99], "what": ["a"], "much": [0.1], "paid": [0]})]))
    assert any("have no stream" in problem for problem in more.problems)


def test_a_row_with_two_faults_counts_once(tmp_path: Path) -> None:
    bad = {"user": [1, None, 2], "at": ["2024-01-01", None, "2024-01-02"], "what": ["a", "b", "c"]}
    schema = Schema(entity="user", time="at", fields=(Categorical("what"),))
    tokenizer = DomainTokenizer(schema).fit(bad, on_bad_rows="quarantine")
    encode(tokenizer, pa.table(bad), tmp_path / "out", on_bad_rows="quarantine")
    found = verify(tmp_path / "out", pa.table(bad), threads=1)
    assert (found.problems, found.rows_refused) == ((), 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "streams.parquet", "streams.arrow"])
def test_a_shard_that_is_found_damaged_leaves_no_file(tmp_path: Path, name: str) -> None:
    encode(DomainTokenizer(SCHEMA, threads=1).fit(TABLE), TABLE, tmp_path / "folder", shards=3)
    path = tmp_path / "folder" / "shards" / "00002.arrow"
    path.write_bytes(path.read_bytes()[::-1])
    write = decode if name.startswith("out") else export_streams
    with pytest.raises(ArtifactError, match=r"00002\.arrow: was altered"):
        write(tmp_path / "folder", tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder"]
