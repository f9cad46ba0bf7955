"""Spark reads what the local engine reads, row for row and refusal for refusal, and Parquet tables besides."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from event_rows import READER, SCHEMA, contents, events, saved

from domaintoolkit.errors import DataError, SourceError
from domaintoolkit.jobs import encode, encode_spark, fit, fit_spark, open_spark, spark_refused, spark_streams
from domaintoolkit.reading import open_source

TABLE = events(900)
pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of files of every kind, with rows that cannot be read and one that cannot be encoded."""
    made = tmp_path_factory.mktemp("files")
    sink = pa.BufferOutputStream()
    with pa.csv.CSVWriter(sink, TABLE.schema) as writer:
        writer.write_table(TABLE.slice(0, 400))
    lines = sink.getvalue().to_pybytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b"2019", b"nope", 1)
    lines.insert(9, b"1,2\n")
    (made / "a.csv.gz").write_bytes(gzip.compress(b"".join(lines)))
    user = TABLE["user"].to_pylist()
    user[403] = None
    pa.parquet.write_table(TABLE.set_column(0, "user", pa.array(user, pa.int64())).slice(400, 300), made / "b.parquet")
    with pa.OSFile(str(made / "c.arrow"), "wb") as file, pa.ipc.new_file(file, TABLE.schema) as ipc:
        ipc.write_table(TABLE.slice(700, 100))
    rows = [json.dumps(row, default=str) + "\n" for row in TABLE.slice(800).to_pylist()]
    (made / "d.jsonl").write_text("".join([*rows[:40], '{"user": 1, "user": 2}\n']))
    (made / "source=e").mkdir()
    (made / "source=e" / "e.jsonl.gz").write_bytes(gzip.compress("".join(rows[40:]).encode()))
    (made / "source=e" / "empty.csv").write_bytes(b"")
    return str(made)


def test_files_are_read_and_refused_as_the_local_engine_does(session: Any, folder: str, tmp_path: Path) -> None:
    here, there = open_source(folder, READER), open_spark(session, folder, READER)
    local = fit(SCHEMA, here, on_bad_rows="quarantine")
    spark = fit_spark(SCHEMA, there, on_bad_rows="quarantine")
    assert saved(spark.tokenizer) == saved(local.tokenizer)
    assert (spark.rows_in, spark.rows_refused, spark.rows_fitted) == (902, local.rows_refused, local.rows_fitted)
    messages = []
    for run in (
        lambda: encode(local.tokenizer, here, tmp_path / "no", shards=3),
        lambda: fit_spark(SCHEMA, there),
        lambda: encode_spark(local.tokenizer, there, tmp_path / "nothing", shards=3),
    ):
        with pytest.raises(DataError) as caught:
            run()
        messages.append(str(caught.value))
    assert messages[0].startswith("4 problems in the data")
    assert messages == messages[:1] * 3
    assert not (tmp_path / "nothing").exists()
    encode(local.tokenizer, here, tmp_path / "local", shards=3, on_bad_rows="quarantine")
    encode_spark(local.tokenizer, there, tmp_path / "spark", shards=3, on_bad_rows="quarantine")
    assert contents(tmp_path / "spark") == contents(tmp_path / "local")
    refused = spark_refused(local.tokenizer, there, shards=3).toArrow()
    listed = pa.csv.read_csv(tmp_path / "spark" / "quarantine.csv")
    assert sorted(refused["reason"].to_pylist()) == sorted(listed["reason"].to_pylist())
    kept = spark_streams(local.tokenizer, there, shards=3, on_bad_rows="quarantine").count()
    assert kept == len(set(TABLE["user"].to_pylist()))


def test_partitioned_folders_and_tables_are_spark_s(session: Any, tmp_path: Path) -> None:
    with_kind = TABLE.append_column("kind", TABLE["what"])
    pa.parquet.write_to_dataset(with_kind, str(tmp_path / "parted"), ["kind"])
    pa.parquet.write_table(TABLE, tmp_path / "whole.parquet")
    session.sql(f"CREATE TABLE events_of_a_test USING parquet LOCATION '{tmp_path / 'whole.parquet'}'")
    tokenizer = fit(SCHEMA, TABLE).tokenizer
    encode(tokenizer, TABLE, tmp_path / "local", shards=2)
    wanted = contents(tmp_path / "local")
    try:
        for name in (str(tmp_path / "parted"), "events_of_a_test"):
            out = tmp_path / name.rpartition("/")[2] / "out"
            encode_spark(tokenizer, open_spark(session, name, READER), out, shards=2)
            assert all(contents(out)[path] == wanted[path] for path in wanted if path != "manifest.json")
    finally:
        session.sql("DROP TABLE events_of_a_test")


def test_what_is_not_there_is_named(session: Any, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.csv: does not exist"):
        open_spark(session, str(tmp_path / "gone.csv"), READER)
    with pytest.raises(SourceError, match="gone"):
        open_spark(session, f"file://{tmp_path}/gone", READER)
