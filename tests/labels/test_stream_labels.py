"""Label columns that were stored with the streams."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import domaintoolkit as dt
from domaintoolkit.errors import DataError, LookupFailedError
from domaintoolkit.jobs import encode
from domaintoolkit.labels import LabelSettings, place_labels, read_stream_labels
from domaintoolkit.storage import open_encoded

TABLE = {
    "user": ["a", "a", "b", "b", "c"],
    "at": ["2020-01-01", "2020-01-02", "2020-01-01", "2020-01-03", "2020-01-05"],
    "page": ["x", "y", "x", "x", "y"],
    "age": [30, 30, None, 41, None],
    "bought": [0, 1, 0, None, 1],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    schema = dt.Schema(
        entity="user", time="at", fields=[dt.Categorical("page"), dt.Timestamp("at")], labels=("age", "bought")
    )
    out = tmp_path_factory.mktemp("folder") / "streams"
    encode(dt.DomainTokenizer(schema).fit(pa.table(TABLE)), pa.table(TABLE), out)
    return out


def test_a_label_of_the_entity_knows_the_whole_history(folder: Path) -> None:
    encoded = open_encoded(folder)
    labels = read_stream_labels(encoded, "age")
    found = dict(zip(labels.keys["user"].to_pylist(), labels.task().values, strict=True))
    assert found == {"a": 0.0, "b": 1.0}
    assert place_labels(encoded, labels).events.tolist() == [2, 2]


def test_a_label_of_the_event_knows_the_events_before_it(folder: Path) -> None:
    encoded = open_encoded(folder)
    for including in (False, True):
        labels = read_stream_labels(encoded, "bought", LabelSettings(including=including))
        events = place_labels(encoded, labels).events.tolist()
        rows = sorted(zip(labels.keys["user"].to_pylist(), events, labels.task().values.tolist(), strict=True))
        shift = int(including)
        assert rows == [("a", shift, 0), ("a", 1 + shift, 1), ("b", shift, 0), ("c", shift, 1)]


def test_labels_without_dates_must_be_those_of_entities(tmp_path: Path) -> None:
    schema = dt.Schema(entity="user", fields=[dt.Categorical("page")], labels=("bought",))
    encode(dt.DomainTokenizer(schema).fit(pa.table(TABLE)), pa.table(TABLE), tmp_path / "out")
    encoded = open_encoded(tmp_path / "out")
    with pytest.raises(DataError, match="differs between events of one entity"):
        read_stream_labels(encoded, "bought")
    with pytest.raises(LookupFailedError, match="unknown label column 'page'"):
        read_stream_labels(encoded, "page")
