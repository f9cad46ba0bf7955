"""Aggregates are what a reader would count by hand, and see no future."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import domaintoolkit as dt
from domaintoolkit.aggregates import Aggregates, AggregateSettings, aggregate
from domaintoolkit.jobs import encode
from domaintoolkit.labels import read_labels
from domaintoolkit.storage import EncodedFolder, open_encoded

SCHEMA = dt.Schema(
    entity="user",
    time="at",
    session_gap="2d",
    static=[dt.Categorical("country"), dt.Numeric("age"), dt.Timestamp("joined", parts=["day"])],
    fields=[
        dt.Categorical("page"),
        dt.Categorical("path", separator="."),
        dt.Numeric("price", by="page", by_min_count=1, bins=1000),
        dt.Text("note"),
        dt.Timestamp("at"),
        dt.Timestamp("due", parts=["year", "month", "day", "hour", "minute"]),
    ],
)
HOUR = 3_600_000_000


def table(count: int = 300, seed: int = 0) -> pa.Table:
    """Events of the users 0 to 9; every tenth price is null."""
    random = np.random.default_rng(seed)
    user = random.integers(0, 10, count)
    at = 1_577_836_800_000_000 + random.permutation(count) * 7 * HOUR
    price = random.integers(1, 50, count).astype(float)
    return pa.table(
        {
            "user": user,
            "at": pa.array(at, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "country": [f"c{one % 3}" for one in user],
            "age": user + 20,
            "joined": pa.array([1_500_000_000_000_000] * count, pa.timestamp("us", "UTC")),
            "page": [f"p{one}" for one in random.integers(0, 4, count)],
            "path": [f"a{one}.b" for one in random.integers(0, 2, count)],
            "price": pa.array(price, mask=random.random(count) < 0.1),
            "note": ["x" * int(one) for one in random.integers(0, 5, count)],
            "due": pa.array(at + 24 * HOUR, pa.int64()).cast(pa.timestamp("us", "UTC")),
        }
    )


TABLE = table()
TOKENIZER = dt.DomainTokenizer(SCHEMA, threads=1).fit(TABLE)


def folder_of(rows: pa.Table, path: Path) -> EncodedFolder:
    encode(TOKENIZER, rows, path, shards=2)
    return open_encoded(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> EncodedFolder:
    return folder_of(TABLE, tmp_path_factory.mktemp("streams") / "out")


def asked(users: list[int], times: list[int]) -> dict[str, Any]:
    return {"user": users, "date": pa.array(times, pa.timestamp("us", "UTC")), "split": ["train"] * len(users)}


def column(made: Aggregates, name: str) -> np.ndarray[Any, Any]:
    return made.values[:, made.names.index(name)]


@pytest.mark.slow
def test_the_features_are_what_one_would_count_by_hand(folder: EncodedFolder) -> None:
    frame = TABLE.to_pandas()
    dates = [1_577_836_800_000_000 + hours * HOUR for hours in (200, 900, 1700, 5000)]
    rows = [(user, date) for user in range(10) for date in dates]
    made = aggregate(folder, read_labels(asked(*map(list, zip(*rows, strict=True))), folder))
    assert len(set(made.names)) == len(made.names) == made.values.shape[1]
    found = {name: column(made, name) for name in made.names}
    assert "events in the last 90 days" in found
    for i, (user, date) in enumerate(rows):
        own = frame[frame["user"] == user].sort_values("at")
        own = own[own["at"].astype("int64") // (1000 if own["at"].dtype == "datetime64[ns, UTC]" else 1) < date]
        price, seconds = own["price"].dropna(), own["at"].astype("datetime64[us, UTC]").astype("int64") / 1e6
        assert found["events"][i] == len(own)
        assert found["page=p1: count"][i] == (own["page"] == "p1").sum()
        assert found["page: distinct"][i] == own["page"].nunique()
        assert found["path=a0: count"][i] == own["path"].str.startswith("a0").sum()
        assert found["age"][i] == user + 20
        assert found[f"country=c{user % 3}"][i] == 1
        assert found["price: count"][i] == len(price)
        if not len(own):
            assert np.isnan(found["hours since the last event"][i])
            continue
        assert found["hours since the last event"][i] == pytest.approx((date / 1e6 - seconds.iloc[-1]) / 3600)
        month = own[seconds >= date / 1e6 - 30 * 86_400]
        assert found["events in the last 30 days"][i] == len(month)
        days = own["at"].dt.floor("D")
        assert found["days with events"][i] == days.nunique()
        assert found["days with events in the last 30 days"][i] == days[seconds >= date / 1e6 - 30 * 86_400].nunique()
        pages = own["page"].to_numpy()
        assert found["page: share of the last"][i] == pytest.approx((pages == pages[-1]).mean())
        others = np.flatnonzero(pages != pages[-1])
        assert found["page: events with the last without a break"][i] == len(pages) - 1 - others.max(initial=-1)
        there = seconds[own["page"] == "p3"]
        since = (date / 1e6 - there.iloc[-1]) / 3600 if len(there) else np.nan
        assert found["hours since the last page=p3"][i] == pytest.approx(since, nan_ok=True)
        assert found["note: sum"][i] == own["note"].str.len().sum()
        assert found["share of weekday Monday"][i] == pytest.approx((own["at"].dt.day_of_week == 0).mean())
        assert found["due: days from it to the date"][i] == pytest.approx(
            date / 86400e6 - seconds.iloc[-1] / 86_400 - 1, abs=1e-3
        )
        gaps = np.diff(seconds)
        assert found["sessions"][i] == 1 + (gaps >= 2 * 86_400).sum()
        if len(gaps):
            assert found["seconds between events: mean"][i] == pytest.approx(gaps.mean())
        if len(price) > 1:
            values = price.to_numpy()
            expected = {
                "mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max(),
                "sum": values.sum(), "last": values[-1], "mean of last 5": values[-5:].mean(),
                "slope": np.polyfit(np.arange(len(values)), values, 1)[0] * (len(values) - 1),
            }  # fmt: skip
            expected["last less mean, in deviations"] = (values[-1] - values.mean()) / (values.std() or np.nan)
            for name, value in expected.items():
                assert found[f"price: {name}"][i] == pytest.approx(value, rel=1e-3, abs=1e-3, nan_ok=True)
            of = own[own["page"] == "p2"]["price"].dropna()
            if len(of):
                assert found["price of page=p2: mean"][i] == pytest.approx(of.mean(), rel=1e-3)
                assert found["price of page=p2: last"][i] == of.iloc[-1]


@pytest.mark.slow
def test_changing_the_future_changes_no_byte(folder: EncodedFolder, tmp_path: Path) -> None:
    date = 1_577_836_800_000_000 + 1000 * HOUR
    late = np.asarray(TABLE["at"].cast(pa.int64())) >= date
    other = table(seed=1).filter(pa.array(np.asarray(table(seed=1)["at"].cast(pa.int64())) >= date))
    changed = folder_of(pa.concat_tables([TABLE.filter(pa.array(~late)), other]), tmp_path / "out")
    query = asked([*range(10), 77], [date] * 11)
    one, two = (aggregate(each, read_labels(query, each)) for each in (folder, changed))
    assert one.names == two.names
    assert one.values.tobytes() == two.values.tobytes()


def test_unknown_entities_have_the_features_of_no_events(folder: EncodedFolder, tmp_path: Path) -> None:
    settings = AggregateSettings(windows=(86_400,))
    only = aggregate(folder, read_labels({"user": [77, 78]}, folder), settings)
    both = aggregate(folder, read_labels({"user": [77, 3]}, folder), settings)
    assert only.names == both.names
    assert column(both, "events").tolist()[0] == 0
    assert column(both, "events").tolist()[1] > 0
    np.testing.assert_array_equal(only.values[0], both.values[0])
    few = aggregate(folder, read_labels({"user": [3]}, folder), AggregateSettings(top=1, windows=()))
    assert len(few.names) < len(both.names)


def test_streams_without_times_have_counts_too(tmp_path: Path) -> None:
    schema = dt.Schema(entity="user", fields=[dt.Categorical("page"), dt.Numeric("price")])
    rows = TABLE.select(["user", "page", "price"])
    encode(dt.DomainTokenizer(schema, threads=1).fit(rows), rows, tmp_path / "out")
    encoded = open_encoded(tmp_path / "out")
    made = aggregate(encoded, read_labels({"user": [3]}, encoded))
    assert column(made, "events")[0] == TABLE["user"].to_pylist().count(3)
    assert not any("hours" in name for name in made.names)
