"""Spark gives the tokenizer, the shards and the refusals of the local engine, whatever its partitions."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
from event_rows import SCHEMA, bad_table, contents, events, saved

from domaintoolkit.errors import ArtifactError, DataError, Interrupted, MissingExtraError, OutputError, SourceError
from domaintoolkit.jobs import encode, encode_spark, fit, fit_spark, spark_streams
from domaintoolkit.jobs.spark import job as _spark
from domaintoolkit.schema import Categorical, Composite, Numeric, Schema, Split, Timestamp
from domaintoolkit.storage.encoded_folder import open_encoded

TABLE = events(1500)
pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")


@pytest.fixture
def frame(session: Any, tmp_path: Path) -> Any:
    """The rows as a DataFrame over a Parquet file."""
    pa.parquet.write_table(TABLE, tmp_path / "events.parquet")
    return session.read.parquet(str(tmp_path / "events.parquet"))


@pytest.mark.spark
@pytest.mark.parametrize("partitions", [1, 3, 7])
def test_tokenizer_and_folder_are_those_of_the_local_engine(tmp_path: Path, frame: Any, partitions: int) -> None:
    here = fit(SCHEMA, TABLE)
    there = fit_spark(SCHEMA, frame.repartition(partitions))
    assert saved(there.tokenizer) == saved(here.tokenizer)
    assert (there.rows_in, there.rows_fitted, there.fitted_on) == (here.rows_in, here.rows_fitted, "train")
    local = encode(here.tokenizer, TABLE, tmp_path / "local", shards=5)
    spark = encode_spark(there.tokenizer, frame.repartition(partitions), tmp_path / "spark", shards=5)
    assert contents(tmp_path / "spark") == contents(tmp_path / "local")
    assert spark.counts == local.counts


@pytest.mark.spark
def test_what_appending_goes_by_is_kept_alike(tmp_path: Path, session: Any) -> None:
    schema = replace(SCHEMA, order_by=("line", "note"), static=(Numeric("age", bins=3), Categorical("land")))
    users = TABLE["user"].to_numpy()
    table = TABLE.set_column(1, "at", pc.floor_temporal(TABLE["at"], 6, "hour"))
    table = table.append_column("line", pa.array(users * 7 % 5, pa.int16()))
    table = table.append_column("note", pa.array([None if number % 3 else "é" for number in range(len(users))]))
    table = table.append_column("age", pa.array(users / 3)).append_column("land", pa.array((users % 4).astype(str)))
    pa.parquet.write_table(table, tmp_path / "events.parquet")
    tokenizer = fit(schema, table).tokenizer
    encode(tokenizer, table, tmp_path / "local", shards=5)
    frame = session.read.parquet(str(tmp_path / "events.parquet")).repartition(3)
    encode_spark(tokenizer, frame, tmp_path / "spark", shards=5)
    assert contents(tmp_path / "spark") == contents(tmp_path / "local")


@pytest.mark.spark
@pytest.mark.parametrize(
    "changes",
    [
        {"session": None, "session_gap": "2h", "untimed": "static", "split": Split(test_from="2019-10-03T07:30")},
        {"time": None, "order_by": "line", "split": Split(column="set")},
    ],
)
def test_gaps_facts_orders_and_splits_are_alike(tmp_path: Path, session: Any, changes: dict[str, Any]) -> None:
    schema = replace(SCHEMA, **changes)
    numbers = np.arange(len(TABLE))
    table = TABLE.set_column(1, "at", pc.if_else(pa.array(numbers % 7 == 0), None, TABLE["at"]))
    table = table.append_column("line", pa.array(numbers * 37 % 101))
    table = table.append_column("set", pa.array(np.array(["train", "validation", "test"])[numbers % 3]))
    pa.parquet.write_table(table, tmp_path / "events.parquet")
    frame = session.read.parquet(str(tmp_path / "events.parquet")).repartition(3)
    here, there = fit(schema, table), fit_spark(schema, frame)
    assert saved(there.tokenizer) == saved(here.tokenizer)
    encode(here.tokenizer, table, tmp_path / "local", shards=5)
    encode_spark(there.tokenizer, frame, tmp_path / "spark", shards=5)
    assert contents(tmp_path / "spark") == contents(tmp_path / "local")
    splits = open_encoded(tmp_path / "local").manifest.splits
    assert all(splits[name]["entities"] for name in ("train", "test"))


@pytest.mark.spark
def test_a_time_is_joined_from_columns_alike(tmp_path: Path, session: Any) -> None:
    schema = Schema(
        entity="user",
        time="time",
        time_join=("year", "month", "time"),
        time_format="%Y %-m %d. %H:%M",
        fields=[Timestamp("time")],
    )
    rows = {"user": [1, 1, 2], "year": [2019.0, 2020.0, 2019.0], "month": [1, 12, 3]}
    table = pa.table({**rows, "time": ["01. 10:00", "31. 23:59", "05. 00:01"]})
    frame = session.createDataFrame(table.to_pandas())
    local = fit(schema, table, training_only=False).tokenizer
    assert saved(fit_spark(schema, frame, training_only=False).tokenizer) == saved(local)
    encode(local, table, tmp_path / "local", shards=1)
    encode_spark(local, frame, tmp_path / "spark", shards=1)
    assert contents(tmp_path / "spark") == contents(tmp_path / "local")


@pytest.mark.spark
def test_keys_are_taken_as_they_were_fitted(tmp_path: Path, session: Any) -> None:
    schema = replace(SCHEMA, min_events=30)
    tokenizer = fit(schema, TABLE).tokenizer
    as_text = TABLE.set_column(0, "user", TABLE["user"].cast(pa.string()))
    pa.parquet.write_table(as_text, tmp_path / "events.parquet")
    local = encode(tokenizer, TABLE, tmp_path / "local", shards=5)
    spark = encode_spark(
        tokenizer, session.read.parquet(str(tmp_path / "events.parquet")), tmp_path / "spark", shards=5
    )
    assert local.counts.entities_left_out > 0
    assert contents(tmp_path / "spark") == contents(tmp_path / "local")
    assert spark.counts == local.counts


class Crash(BaseException):
    """Ends a run without its doing anything more."""


@pytest.mark.spark
def test_a_run_that_failed_goes_on(tmp_path: Path, frame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = fit(SCHEMA, TABLE).tokenizer
    out = tmp_path / "out"
    encode(tokenizer, TABLE, tmp_path / "local", shards=5)

    def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(_spark, "build_manifest", crash)
        with pytest.raises(Crash):
            encode_spark(tokenizer, frame, out, shards=5)
    for name in ("finished/00001.json", "shards/00001.arrow", "finished/00003.json"):
        (out / name).unlink()
    before = contents(out)
    with pytest.raises(SourceError, match=r"the rows given to Spark: has changed since .* \(size\)"):
        encode_spark(tokenizer, frame.limit(700), out, shards=5)
    with pytest.raises(OutputError, match="the options have changed: on_bad_rows was 'error'"):
        encode_spark(tokenizer, frame, out, shards=5, on_bad_rows="quarantine")
    shard = out / "shards" / "00002.arrow"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-20] + b"x" * 20)
    with pytest.raises(ArtifactError, match=r"00002\.arrow: was altered"):
        encode_spark(tokenizer, frame, out, shards=5)
    shard.write_bytes(whole)
    assert contents(out) == before
    times = {path: path.stat().st_mtime_ns for path in (out / "shards").iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(_spark, "write_shards", lambda *_: signal.raise_signal(signal.SIGINT))
        with pytest.raises(Interrupted, match="3 of 5 shards are finished; run the same"):
            encode_spark(tokenizer, frame, out, shards=5)
    assert encode_spark(tokenizer, frame.repartition(3), out, shards=5).resumed == 3
    assert contents(out) == contents(tmp_path / "local")
    kept = [path for path, time in times.items() if path.stat().st_mtime_ns == time]
    assert {path.name for path in kept} == {"00000.arrow", "00002.arrow", "00004.arrow"}


@pytest.mark.spark
def test_composites_are_learned_on_the_same_entities(frame: Any) -> None:
    schema = replace(SCHEMA, composite=Composite(vocabulary_size=30, max_entities=20))
    here, there = fit(schema, TABLE), fit_spark(schema, frame.repartition(3))
    assert there.composite_entities == here.composite_entities == 20
    assert saved(there.tokenizer) == saved(here.tokenizer)
    assert len(there.tokenizer.composites or ()) == 30


@pytest.mark.spark
def test_a_frame_in_is_a_frame_of_streams_out(tmp_path: Path, frame: Any) -> None:
    tokenizer = fit(SCHEMA, TABLE).tokenizer
    encode(tokenizer, TABLE, tmp_path / "out", shards=3)
    encoded = open_encoded(tmp_path / "out")
    rows = spark_streams(tokenizer, frame, shards=3).collect()
    found = {row["user"]: (row["shard"], row["split"], list(row["ids"])) for row in rows}
    wanted = {
        row["user"]: (shard, row["split"], row["ids"]) for shard in range(3) for row in encoded.table(shard).to_pylist()
    }
    assert found == wanted


@pytest.mark.spark
def test_bad_rows_are_named_or_quarantined(tmp_path: Path, session: Any) -> None:
    tokenizer = fit(SCHEMA, TABLE).tokenizer
    pa.parquet.write_table(bad_table(TABLE), tmp_path / "bad.parquet")
    frame = session.read.parquet(str(tmp_path / "bad.parquet"))
    with pytest.raises(DataError) as caught:
        encode_spark(tokenizer, frame, tmp_path / "out", shards=4)
    assert [(refusal.row, refusal.column) for refusal in caught.value.refusals] == [(5, "user"), (9, "at")]
    there = encode_spark(tokenizer, frame, tmp_path / "out", shards=4, on_bad_rows="quarantine")
    here = encode(tokenizer, bad_table(TABLE), tmp_path / "local", shards=4, on_bad_rows="quarantine")
    assert there.counts == here.counts
    files = contents(tmp_path / "out")
    assert {path: data for path, data in contents(tmp_path / "local").items() if files[path] != data}.keys() <= {
        "quarantine.csv"
    }


def test_without_spark_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'domaintoolkit\[spark\]'"):
        fit_spark(SCHEMA, None)
