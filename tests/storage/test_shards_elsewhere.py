"""Shards as they lie, opened by the libraries that people have."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pytest

from domaintoolkit.jobs import encode, export_streams
from domaintoolkit.schema import Categorical, Schema, Timestamp
from domaintoolkit.storage import open_encoded
from domaintoolkit.tokenizer import DomainTokenizer

SCHEMA = Schema(
    entity=["land", "user"],
    time="at",
    static=[Categorical("town")],
    fields=[Categorical("what"), Timestamp("at")],
    session="visit",
    order_by=["page"],
    labels=["bought", "note"],
    min_events=2,
)
ROWS = [
    {
        "land": "fr" if user % 3 else "de",
        "user": user,
        "town": f"t{user}",
        "at": f"2024-01-{1 + event:02d}",
        "what": f"w{event}",
        "visit": event // 2,
        "page": event,
        "bought": event % 2 == 0 if user % 2 else None,
        "note": "é" * event,
    }
    for user in range(40)
    for event in range(1 + user % 4)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("encoded") / "streams"
    encode(DomainTokenizer(SCHEMA).fit(ROWS), pa.Table.from_pylist(ROWS), out, shards=3)
    return out


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


@pytest.fixture(scope="module")
def wanted(folder: Path) -> list[list[dict[str, Any]]]:
    encoded = open_encoded(folder)
    return [rows_of(encoded.table(number)) for number in range(3)]


def test_pyarrow_opens_a_shard_and_all_of_them(folder: Path, wanted: list[list[dict[str, Any]]]) -> None:
    for path, rows in zip(open_encoded(folder).shards, wanted, strict=True):
        assert rows_of(pyarrow.dataset.dataset(path, format="ipc").to_table()) == rows
    whole = pyarrow.dataset.dataset(folder / "shards", format="ipc").to_table()
    assert rows_of(whole) == list(chain.from_iterable(wanted))


def test_polars_opens_a_shard(folder: Path, wanted: list[list[dict[str, Any]]]) -> None:
    polars: Any = pytest.importorskip("polars")
    for path, rows in zip(open_encoded(folder).shards, wanted, strict=True):
        assert polars.read_ipc(path).to_dicts() == rows
    assert polars.scan_ipc(folder / "shards" / "*.arrow").collect().to_dicts() == list(chain.from_iterable(wanted))


def test_pandas_opens_a_shard(folder: Path, wanted: list[list[dict[str, Any]]]) -> None:
    pandas: Any = pytest.importorskip("pandas")
    for path, rows in zip(open_encoded(folder).shards, wanted, strict=True):
        frame = pandas.read_feather(path)
        assert [ids.tolist() for ids in frame["ids"]] == [row["ids"] for row in rows]
        assert frame["user"].tolist() == [row["user"] for row in rows]
        assert frame["labels"].map(lambda each: each["note"].tolist()).tolist() == [
            row["labels"]["note"] for row in rows
        ]


@pytest.mark.slow
def test_datasets_opens_the_folder(
    folder: Path, wanted: list[list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets: Any = pytest.importorskip("datasets")
    torch: Any = pytest.importorskip("torch")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    opened = datasets.load_dataset(str(folder), cache_dir=str(tmp_path))
    assert list(opened) == ["train"]
    assert opened["train"].to_list() == list(chain.from_iterable(wanted))
    files = [str(path) for path in open_encoded(folder).shards]
    again = datasets.load_dataset("arrow", data_files=files, split="train", cache_dir=str(tmp_path))
    assert again.to_list() == list(chain.from_iterable(wanted))
    embedding = torch.nn.Embedding(500, 2)
    for row in again.with_format("torch"):
        assert embedding(row["ids"]).shape == (len(row["ids"]), 2)


@pytest.mark.parametrize("name", ["streams.arrow", "streams.parquet"])
def test_exported_streams_open_too(name: str, folder: Path, wanted: list[list[dict[str, Any]]], tmp_path: Path) -> None:
    polars: Any = pytest.importorskip("polars")
    export_streams(folder, tmp_path / name)
    read = polars.read_ipc if name.endswith(".arrow") else polars.read_parquet
    assert read(tmp_path / name).to_dicts() == list(chain.from_iterable(wanted))
    if name.endswith(".arrow"):
        assert rows_of(pyarrow.dataset.dataset(tmp_path / name, format="ipc").to_table()) == list(
            chain.from_iterable(wanted)
        )
