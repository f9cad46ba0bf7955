"""`decode`: a file of rows again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import Result

from domaintoolkit import DomainTokenizer

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]


@pytest.mark.slow
def test_decoded_rows_encode_to_the_same_streams(as_data: Data, tmp_path: Path, encoded: Path) -> None:
    assert as_data("decode", encoded, "-o", tmp_path / "again.parquet")["rows"] == 1_500
    again = pyarrow.parquet.read_table(tmp_path / "again.parquet")
    tokenizer = DomainTokenizer.load(encoded / "tokenizer")
    streams = tokenizer.encode(again)
    shard = pyarrow.ipc.open_file((encoded / "shards" / "00000.arrow").read_bytes()).read_all()
    stored = dict(zip(shard["user_id"].to_pylist(), shard["ids"].to_pylist(), strict=True))
    made = {key: streams[k].tolist() for k, key in enumerate(streams.entities["user_id"].to_pylist())}
    assert made == stored


def test_csv_tells_empty_from_null(as_data: Data, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('entity = "who"\n[[fields]]\ntype = "categorical"\nname = "what"\n')
    (tmp_path / "rows.csv").write_text('who,what\n1,""\n1,\n1,x\n')
    as_data("encode", "--schema", tmp_path / "s.toml", tmp_path / "rows.csv", "-o", tmp_path / "out")
    as_data("decode", tmp_path / "out", "-o", tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == '"who","what"\n"1",""\n"1",\n"1","x"\n'


def test_what_is_refused(run: Run, tmp_path: Path, encoded: Path) -> None:
    assert run("decode", encoded, "-o", tmp_path / "rows.txt").exit_code == 2
    (tmp_path / "rows.csv").write_text("mine")
    kept = run("decode", encoded, "-o", tmp_path / "rows.csv")
    assert (kept.exit_code, (tmp_path / "rows.csv").read_text()) == (1, "mine")
    assert run("decode", encoded, "-o", tmp_path / "rows.csv", "--overwrite").exit_code == 0
    assert run("decode", tmp_path, "-o", tmp_path / "other.csv").exit_code == 1
