"""Times as files have them: joined columns, counts and times of day, in text and in typed columns."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from domaintoolkit import Categorical, DomainTokenizer, Numeric, Schema, Timestamp
from domaintoolkit.errors import DataError, SchemaError, SourceError
from domaintoolkit.reading import inferred_reader, open_source
from domaintoolkit.schema import Column, Reader

TABFORMER = """User,Year,Month,Day,Time
0,2002,9,1,06:21
0,2002,12,31,23:59
1,2003,1,2,
"""
JOIN = ("Year", "Month", "Day", "Time")
PATTERN = "%Y %-m %-d %H:%M"
EXPECTED = [datetime(2002, 9, 1, 6, 21, tzinfo=UTC), datetime(2002, 12, 31, 23, 59, tzinfo=UTC), None]


def read(path: Path, *columns: Column, **settings: Any) -> list[Any]:
    source = open_source(path, Reader(columns, **settings))
    return [row for batch in source.batches() for row in batch.records["at"].to_pylist()]


@pytest.mark.parametrize("name", ["at", "Time"])
def test_a_time_is_joined_from_columns(tmp_path: Path, name: str) -> None:
    (tmp_path / "cards.csv").write_text(TABFORMER)
    at = Column(name, "timestamp", time_join=JOIN, time_format=PATTERN)
    month = Column("month", "int64", source="Month")
    source = open_source(tmp_path / "cards.csv", Reader([Column("User"), at, month]))
    (batch,) = source.batches()
    assert batch.records[name].to_pylist() == EXPECTED
    assert batch.records["month"].to_pylist() == [9, 12, 1]
    assert source.counts.notes == []
    columns = {
        "Year": [2002.0, 2002.0, 2003.0],
        "Month": [9, 12, 1],
        "Day": [1, 31, 2],
        "Time": ["06:21", "23:59", None],
    }
    pa.parquet.write_table(pa.table({"User": ["0", "0", "1"], **columns}), tmp_path / "cards.parquet")
    source = open_source(tmp_path / "cards.parquet", Reader([Column("User"), at, month]))
    (batch,) = source.batches()
    assert batch.records[name].to_pylist() == EXPECTED


def test_a_joined_time_is_found_without_headers_and_missing_parts_are_named(tmp_path: Path) -> None:
    (tmp_path / "cards.csv").write_text("".join(TABFORMER.splitlines(keepends=True)[1:]))
    at = Column("at", "timestamp", time_join=JOIN, time_format=PATTERN)
    plain = [Column(header) for header in ("User", *JOIN)]
    assert read(tmp_path / "cards.csv", at, *plain, header=False) == EXPECTED
    with pytest.raises(SourceError, match="expected columns with the headers 'Year', 'Month', 'Day', 'Time'"):
        read(tmp_path / "cards.csv", at)


def test_a_refused_row_shows_the_joined_text(tmp_path: Path) -> None:
    (tmp_path / "cards.csv").write_text(TABFORMER.replace("06:21", "6:21"))
    at = Column("at", "timestamp", time_join=JOIN, time_format=PATTERN)
    with pytest.raises(DataError, match=r"line 2, row 0, column 'at': expected a time like .*, got '2002 9 1 6:21'"):
        read(tmp_path / "cards.csv", at)


SCHEMA = Schema(
    entity="User", time="at", time_join=JOIN, time_format=PATTERN, fields=[Categorical("User2"), Timestamp("at")]
)


def test_tables_files_and_single_rows_join_alike(tmp_path: Path) -> None:
    rows = [
        {"User": "0", "User2": "a", "Year": 2002, "Month": 9, "Day": 1, "Time": "06:21"},
        {"User": "0", "User2": "b", "Year": 2002, "Month": 12, "Day": 31, "Time": "23:59"},
    ]
    table = pa.Table.from_pylist(rows)
    tokenizer = DomainTokenizer(SCHEMA).fit(rows)
    streams = tokenizer.encode(table)
    decoded = (
        streams.decode()
        if hasattr(streams, "decode")
        else tokenizer.decode(streams.ids, streams.offsets, streams.entities)
    )
    assert tokenizer.encode(decoded).ids.tolist() == streams.ids.tolist()
    assert tokenizer.encode_entity(rows).tolist() == streams.ids.tolist()
    pa.parquet.write_table(table, tmp_path / "cards.parquet")
    (batch,) = open_source(tmp_path / "cards.parquet", inferred_reader(SCHEMA)).batches()
    assert batch.records["at"].to_pylist() == EXPECTED[:2]
    assert tokenizer.encode(batch.records).ids.tolist() == streams.ids.tolist()
    with pytest.raises(DataError, match=r"column 'Time': missing"):
        tokenizer.encode(table.drop_columns(["Time"]))


def test_dates_and_times_of_day_in_columns_of_their_own_types(tmp_path: Path) -> None:
    day, clock = pa.array([date(2024, 1, 2), None]), pa.array([time(6, 21), time(7)], pa.time64("us"))
    midnight = pa.array([datetime(2024, 1, 2), None], pa.timestamp("ns"))
    path = tmp_path / "t.parquet"
    for dates in (day, midnight):
        pa.parquet.write_table(pa.table({"date": dates, "clock": clock}), path)
        assert read(path, Column("at", "timestamp", time_join=("date", "clock"))) == [
            datetime(2024, 1, 2, 6, 21, tzinfo=UTC),
            None,
        ]
    own = Column("at", "timestamp", source="clock", time_origin="2024-05-05")
    assert read(path, own)[0] == datetime(2024, 5, 5, 6, 21, tzinfo=UTC)
    with pytest.raises(SourceError, match=r"found time64\[us\]; .* as time_origin, or its column, in time_join"):
        read(path, Column("at", "timestamp", source="clock"))


MILLIS = datetime(2024, 1, 1, 0, 0, 0, 123_000)


@pytest.mark.parametrize(
    ("settings", "texts", "expected"),
    [
        ({"time_unit": "s"}, ["1704067200.123", "1.7040672e9"], [MILLIS, datetime(2024, 1, 1)]),
        ({"time_unit": "ms"}, ["1704067200123", "0"], [MILLIS, datetime(1970, 1, 1)]),
        ({"time_unit": "d"}, ["19723", "19723.5"], [datetime(2024, 1, 1), datetime(2024, 1, 1, 12)]),
        ({"time_unit": "d", "time_origin": "1899-12-30"}, ["45292.520833333336"], [datetime(2024, 1, 1, 12, 30)]),
        ({"time_unit": "min", "time_origin": "2024-01-01"}, ["90"], [datetime(2024, 1, 1, 1, 30)]),
        ({"time_format": "%H:%M", "time_origin": "2024-01-01"}, ["06:21"], [datetime(2024, 1, 1, 6, 21)]),
        ({"finer_times": "cut"}, ["2024-01-01T00:00:00.123456789"], [datetime(2024, 1, 1, 0, 0, 0, 123_456)]),
        ({"time_unit": "ns", "finer_times": "cut"}, ["1704067200123456789"], [datetime(2024, 1, 1, 0, 0, 0, 123_456)]),
        ({"time_unit": "s"}, ["2024-01-01T00:00:00Z"], [datetime(2024, 1, 1)]),
    ],
)  # fmt: skip
def test_counts_and_times_of_day(
    tmp_path: Path, settings: dict[str, Any], texts: list[str], expected: list[datetime]
) -> None:
    (tmp_path / "t.csv").write_text("\n".join(["at", *texts, ""]))
    assert read(tmp_path / "t.csv", Column("at", "timestamp", **settings)) == [t.replace(tzinfo=UTC) for t in expected]


def test_a_reader_says_how_its_columns_of_times_are_written(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("at,until,born\n05.01.2024,06.01.2024,1704067200.0000001\n")
    columns = [
        Column("at", "timestamp"),
        Column("until", "timestamp", zone="Asia/Tokyo"),
        Column("born", "timestamp", time_unit="s"),
    ]
    source = open_source(tmp_path / "t.csv", Reader(columns, time_format="%d.%m.%Y", finer_times="cut"))
    (batch,) = source.batches()
    assert batch.records.to_pylist()[0] == {
        "at": datetime(2024, 1, 5, tzinfo=UTC),
        "until": datetime(2024, 1, 5, 15, tzinfo=UTC),
        "born": datetime(2024, 1, 1, tzinfo=UTC),
    }
    with pytest.raises(SchemaError, match=r'time_format: .* write "%d\.%m\.%Y"'):
        Reader(columns, time_format="DD.MM.YYYY")


def test_numbers_without_a_unit_say_what_to_set(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"at": [1]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match=r'expected timestamp, found int64; .* such as time_unit = "s"'):
        read(tmp_path / "t.parquet", Column("at", "timestamp"))


def test_a_second_column_of_counts_is_read_in_its_own_unit_or_that_of_the_schema(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text("ip,click,attributed,seen\n1,1704067200,,1\n1,1704067300,1704067400,2\n")
    fields = [Timestamp("click"), Timestamp("attributed"), Timestamp("seen", time_unit="d"), Numeric("ip")]
    schema = Schema(entity="ip", time="click", time_unit="s", fields=fields[:3])
    (batch,) = open_source(tmp_path / "clicks.csv", inferred_reader(schema)).batches()
    rows = batch.records.to_pylist()
    assert rows[1]["attributed"] == datetime(2024, 1, 1, 0, 3, 20, tzinfo=UTC)
    assert rows[1]["seen"] == datetime(1970, 1, 3, tzinfo=UTC)
    table = {"ip": [1, 1], "click": [1704067200, 1704067300], "attributed": [None, 1704067400], "seen": [1, 2]}
    tokenizer = DomainTokenizer(schema).fit(table)
    ids = tokenizer.encode(table).ids.tolist()
    assert tokenizer.encode({**batch.records.to_pydict(), "ip": [1, 1]}).ids.tolist() == ids
    own = [{name: values[row] for name, values in table.items()} for row in range(2)]
    assert tokenizer.encode_entity(own).tolist() == ids


def test_some_times_with_a_zone_and_some_without_are_read_and_noted(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("at\n2024-01-01T10:00Z\n2024-01-01T10:00\n")
    source = open_source(tmp_path / "t.csv", Reader([Column("at", "timestamp", zone="Europe/Berlin")]))
    (batch,) = source.batches()
    assert [row.hour for row in batch.records["at"].to_pylist()] == [10, 9]
    (note,) = source.counts.notes
    assert "some times of column 'at' name a zone and some do not; those that do not are read in Europe/Berlin" in note
