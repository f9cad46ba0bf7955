"""Embeddings as of dates, at every event and of whole histories agree, see no future, and continue."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
import train_folders

import domaintoolkit as dt
from domaintoolkit.embeddings import EmbeddingSettings, embed_folder, embed_labels
from domaintoolkit.embeddings import folder_embedding as module
from domaintoolkit.errors import LookupFailedError
from domaintoolkit.jobs import encode
from domaintoolkit.labels import LabelSettings, read_labels
from domaintoolkit.model import EventModel, TokenModel, event_preset, preset
from domaintoolkit.storage import open_encoded

TABLE = train_folders.rows(8, 8)
TOKENIZER = train_folders.tokenizer(TABLE)
BOUND = (TOKENIZER.grammar, TOKENIZER.vocabulary.hash)
SIZE = len(TOKENIZER.vocabulary)
torch.manual_seed(0)
MODELS: list[Any] = [
    TokenModel(preset("54k", SIZE, position="rope"), *BOUND),
    EventModel(event_preset("54k", SIZE), *BOUND),
]
Pooling = Literal["last", "mean", "trained"]
torch.nn.init.normal_(MODELS[1].later.pooling.scores.weight)
POOLED = [(model, pooling) for model in MODELS for pooling in ("last", "mean")] + [(MODELS[1], "trained")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_folders.write(tmp_path_factory.mktemp("streams"), TABLE, TOKENIZER)


def dated(users: list[int], dates: list[int]) -> pa.Table:
    return pa.table({"user": users, "date": pa.array(dates, pa.timestamp("us", "UTC"))})


def vectors(path: Path) -> np.ndarray[Any, Any]:
    table = pq.read_table(path)
    return np.asarray(table["embedding"].combine_chunks().flatten()).reshape(table.num_rows, -1)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "pooling"), POOLED)
@pytest.mark.parametrize("window", [None, 30])
def test_dates_events_and_ends_agree(
    model: Any, pooling: Pooling, window: int | None, folder: Path, tmp_path: Path
) -> None:
    window = window and (5 if isinstance(model, EventModel) else window)
    encoded, settings = open_encoded(folder), EmbeddingSettings(pooling, window)
    assert embed_folder(model, encoded, tmp_path / "all.parquet", settings) == 8
    events = embed_folder(model, encoded, tmp_path / "events.parquet", settings, every_event=True)
    assert events == TABLE.num_rows
    every = pq.read_table(tmp_path / "events.parquet").to_pydict()
    # after an event is as of its time, up to and with it; tied times do not occur here
    asked = dated(every["user"], [int(time.timestamp() * 1e6) for time in every["time"]])
    labels = read_labels(asked, encoded, LabelSettings(including=True))
    found = embed_labels(model, encoded, labels, None, settings)
    np.testing.assert_allclose(found, vectors(tmp_path / "events.parquet"), rtol=1e-3, atol=1e-4)
    whole = pq.read_table(tmp_path / "all.parquet")
    ends = embed_labels(model, encoded, read_labels(whole.select(["user"]), encoded), None, settings)
    np.testing.assert_allclose(ends, vectors(tmp_path / "all.parquet"), rtol=1e-3, atol=1e-4)
    last = [i for i, user in enumerate(every["user"]) if i + 1 == len(every["user"]) or every["user"][i + 1] != user]
    np.testing.assert_allclose(ends, vectors(tmp_path / "events.parquet")[last], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "pooling"), POOLED)
def test_changing_the_future_changes_no_byte(model: Any, pooling: Pooling, folder: Path, tmp_path: Path) -> None:
    users, times = TABLE["user"].to_pylist(), np.asarray(TABLE["at"].cast(pa.int64()))
    first = {user: times[[other == user for other in users]] for user in set(users)}
    # as of the middle of each history, and before its first event
    dates = [int(first[user][len(first[user]) // 2]) for user in first]
    dates += [int(first[user][0]) for user in first]
    asked = dated([*first, *first], dates)
    limit = pa.array([dates[list(first).index(user)] for user in users])
    is_late = np.asarray(pc.greater_equal(TABLE["at"].cast(pa.int64()), limit))
    late = TABLE.filter(pa.array(is_late))
    # other pages, other times, and twice as many of them
    day = 86_400_000_000
    changed = late.set_column(2, "page", pa.array(["page 9"] * late.num_rows))
    moved = pc.add(late["at"].cast(pa.int64()), day).cast(late.schema.field("at").type)
    others = pa.concat_tables([TABLE.filter(pa.array(~is_late)), changed, late.set_column(1, "at", moved)])
    other = train_folders.write(tmp_path / "other", others, TOKENIZER)
    settings = EmbeddingSettings(pooling, 6 if isinstance(model, EventModel) else 40)
    one, two = (
        embed_labels(model, open_encoded(path), read_labels(asked, open_encoded(path)), None, settings)
        for path in (folder, other)
    )
    assert one.tobytes() == two.tobytes()


def test_an_unknown_entity_has_an_empty_history_of_its_date(folder: Path, tmp_path: Path) -> None:
    encoded, model = open_encoded(folder), MODELS[1]
    asked = pa.table({"user": [99, 98, 99, 0], "date": ["2020-01-01", "2020-01-01", "2021-01-01", "1990-01-01"]})
    embed_labels(model, encoded, read_labels(asked, encoded), tmp_path / "at.parquet")
    table, found = pq.read_table(tmp_path / "at.parquet"), vectors(tmp_path / "at.parquet")
    assert table.column_names == ["user", "date", "events", "embedding"]
    assert table["events"].to_pylist() == [0] * 4
    assert table["date"].to_pylist()[0] == "2020-01-01"
    assert np.array_equal(found[0], found[1])
    assert not np.allclose(found[0], found[2])
    undated = embed_labels(model, encoded, read_labels({"user": [99]}, encoded))
    assert np.isfinite(undated).all()


def test_streams_without_times_know_unknown_entities_too(tmp_path: Path) -> None:
    schema = dt.Schema(entity="user", static=[dt.Categorical("country")], fields=[dt.Categorical("page")])
    table = TABLE.select(["user", "country", "page"])
    tokenizer = dt.DomainTokenizer(schema, threads=1).fit(table)
    encode(tokenizer, table, tmp_path / "out")
    model = EventModel(event_preset("54k", len(tokenizer.vocabulary)), tokenizer.grammar, tokenizer.vocabulary.hash)
    encoded = open_encoded(tmp_path / "out")
    found = embed_labels(model, encoded, read_labels({"user": [99, 1]}, encoded))
    assert np.isfinite(found).all()


def test_an_interrupted_run_continues(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded, model, out = open_encoded(folder), MODELS[1], tmp_path / "out.parquet"
    monkeypatch.setattr(module, "TOKENS", 60)
    embed_folder(model, encoded, tmp_path / "whole.parquet")
    embed, calls = module.embed_prefixes, []

    def stop(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return embed(*arguments)

    monkeypatch.setattr(module, "embed_prefixes", stop)
    with pytest.raises(KeyboardInterrupt):
        embed_folder(model, encoded, out)
    assert not out.exists()
    before = len(calls)
    embed_folder(model, encoded, out)
    whole = len(calls)
    assert (tmp_path / "whole.parquet").read_bytes() == out.read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["out.parquet", "whole.parquet"]
    # another pooling is other work
    embed_folder(model, encoded, out, EmbeddingSettings("mean"))
    assert len(calls) - whole == whole - before + 2


def test_an_unknown_split_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LookupFailedError, match="unknown split 'dev'"):
        embed_folder(MODELS[1], open_encoded(folder), tmp_path / "x.parquet", split="dev")
