"""Whatever can be encoded comes back in files that encode again, with the folder's own schema."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domaintoolkit.cli.commands.inspect import history_data
from domaintoolkit.errors import DataError
from domaintoolkit.jobs import append, decode, encode, fit, verify
from domaintoolkit.reading import open_source
from domaintoolkit.reading.domain_file import domain_from_toml, inferred_reader
from domaintoolkit.report import find_stream
from domaintoolkit.schema import Categorical, Numeric, Schema, Timestamp
from domaintoolkit.storage import open_encoded
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.values.value_names import write_names

TIMES = [datetime(2020, 1, 1), datetime(2020, 1, 2, 5, 0, 0, 7)]
COLUMNS = {
    "uuid": pa.array([UUID(int=5), UUID(int=9)]),
    "fixed-size binary": pa.array([b"ab", b"cd"], pa.binary(2)),
    "decimal32": pa.array([Decimal("1.50"), Decimal(-2)], pa.decimal32(5, 2)),
    "decimal256": pa.array([Decimal("1.50"), Decimal(-2)], pa.decimal256(60, 20)),
    "time of day": pa.array([62, 63], pa.int32()).cast(pa.time32("s")),
    "date": pa.array([date(2020, 1, 1), date(1, 1, 1)]).dictionary_encode(),
    "time": pa.array(TIMES, pa.timestamp("ns")),
    "zoned time": pa.array(TIMES, pa.timestamp("us", "Europe/Berlin")),
    "uint64": pa.array([2**64 - 1, 3], pa.uint64()),
    "bool": pa.array([True, False]),
    "float16": pa.array(np.array([0.1, 2], np.float16)),
    "float32": pa.array([0.1, 1e16], pa.float32()),
}


def streams_of(folder: Path) -> list[Any]:
    encoded = open_encoded(folder)
    return sorted(
        ids for number in range(len(encoded.manifest.shards)) for ids in encoded.table(number)["ids"].to_pylist()
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["uuid", "time of day", "decimal32", "no values"])
def test_files_and_tables_are_appended_to_what_tables_gave(name: str, tmp_path: Path) -> None:
    column, out = COLUMNS.get(name, pa.nulls(2)), tmp_path / "out"
    schema = Schema(
        entity=("key",), time="at", static=(Categorical("static"),), labels=("label",), session="session",
        fields=(Categorical("what"), Timestamp("at")), order_by=("order",),
    )  # fmt: skip
    kept = dict.fromkeys(("static", "what", "label", "session", "order"), column)
    keys = pa.array([1, 2]) if name == "no values" else column
    tables = [pa.table({"key": keys, "at": [datetime(2024, 1, day)] * 2, **kept}) for day in (1, 2, 3)]
    encode(fit(schema, tables[0]).tokenizer, tables[0], out)
    append(out, tables[1])
    pq.write_table(tables[2], tmp_path / "rows.parquet")
    append(out, open_source(tmp_path / "rows.parquet", inferred_reader(schema)))
    assert verify(out, pa.concat_tables(tables)).holds


@pytest.mark.slow
@pytest.mark.parametrize("name", COLUMNS)
def test_every_type_goes_through_a_folder_and_files_and_back(name: str, tmp_path: Path) -> None:
    column, out = COLUMNS[name], tmp_path / "out"
    schema = Schema(
        entity=("key",), time="at", static=(Categorical("static"),), labels=("label",), session="session",
        fields=(Categorical("what"), Timestamp("at")), order_by=("order",),
    )  # fmt: skip
    columns = dict.fromkeys(("key", "static", "what", "label", "session", "order"), column)
    table = pa.table({**columns, "at": TIMES})
    tokenizer = fit(schema, table).tokenizer
    encode(tokenizer, table, out)
    assert verify(out, table).holds
    loaded = DomainTokenizer.load(out / "tokenizer")
    assert sorted(loaded.encode(table.to_pylist()).ids.tolist()) == sorted(loaded.encode(table).ids.tolist())
    encoded = open_encoded(out)
    for number in range(len(encoded.manifest.shards)):
        for key in write_names(encoded.table(number)["key"].combine_chunks()).to_pylist():
            stream = find_stream(encoded, ["key"], [key])
            assert history_data(stream.history(loaded), stream.ids.tolist())["entity"]["key"] is not None
    domain = domain_from_toml(out / "tokenizer" / "schema.toml")
    for ending in ("parquet", "csv"):
        again = tmp_path / f"again.{ending}"
        assert decode(out, again) == 2
        rows = open_source(again, domain.reader)
        encode(fit(domain.schema, rows).tokenizer, rows, tmp_path / f"fitted-{ending}")
        encode(loaded, rows, tmp_path / ending)
        assert streams_of(tmp_path / ending) == streams_of(out)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("settings", "columns"),
    [
        ({"time_format": "%d/%m/%Y %H:%M"}, {"at": ["01/02/2024 10:00", "03/07/2024 11:30"]}),
        ({"time_format": "%d/%m/%Y %H:%M", "time_join": ("day", "clock")},
         {"day": ["01/02/2024", "03/07/2024"], "clock": ["10:00", "11:30"]}),
        ({"time_join": ("day", "clock")}, {"day": ["2024-02-01", "2024-07-03"], "clock": ["10:00:00", "11:30:00"]}),
        ({"time_unit": "s", "time_origin": "2024-01-01"}, {"at": ["100", "20000"]}),
    ],
    ids=["format", "joined format", "joined", "count"],
)  # fmt: skip
def test_times_of_every_form_are_written_as_they_are_read(
    settings: dict[str, Any], columns: dict[str, list[str]], ending: str, zone: str, tmp_path: Path
) -> None:
    fields = (Timestamp("at", parts=("month", "day", "hour", "minute")), Timestamp("then", parts=("month", "day")))
    schema = Schema(entity=("key",), time="at", zone=zone, fields=fields, **settings)
    then = {"then": columns["at"]} if "at" in columns else {"then": ["01/02/2024 10:00", "05/07/2024 00:00"]}
    if "time_format" not in settings and "at" not in columns:
        then = {"then": ["2024-02-01", "2024-07-05"]}
    table = pa.table({"key": ["a", "a"], **columns, **then})
    tokenizer = fit(schema, table).tokenizer
    encode(tokenizer, table, tmp_path / "out")
    again = tmp_path / f"again.{ending}"
    decode(tmp_path / "out", again)
    rows = open_source(again, domain_from_toml(tmp_path / "out/tokenizer/schema.toml").reader)
    encode(tokenizer, rows, tmp_path / "again")
    assert streams_of(tmp_path / "again") == streams_of(tmp_path / "out")
    streams = tokenizer.encode(table)
    decoded = tokenizer.decode(streams)
    assert tokenizer.encode(decoded).ids.tolist() == streams.ids.tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    "column",
    [pa.array([True, False, None]), pa.array([2**64 - 1, 2**53 + 1, 0], pa.uint64()), pa.array(["1.5", "nan", "2"])],
    ids=["booleans", "whole numbers beyond 2**53", "text"],
)
def test_numbers_of_every_type_come_back_in_their_bucket(column: pa.Array, tmp_path: Path) -> None:
    table = pa.table({"key": ["a"] * 3, "x": column})
    schema = Schema(entity=("key",), fields=(Numeric("x", bins=2),))
    tokenizer = fit(schema, table).tokenizer
    encode(tokenizer, table, tmp_path / "out")
    for ending in ("parquet", "csv"):
        decode(tmp_path / "out", tmp_path / f"again.{ending}")
        rows = open_source(
            tmp_path / f"again.{ending}", domain_from_toml(tmp_path / "out/tokenizer/schema.toml").reader
        )
        encode(tokenizer, rows, tmp_path / ending)
        assert streams_of(tmp_path / ending) == streams_of(tmp_path / "out")


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([b"\xff"]), "not UTF-8"),
        (pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), "is outside the years 1 to 9999"),
        (pa.array([1], pa.duration("s")), "cannot be"),
        (pa.array([pa.MonthDayNano([1, 2, 3])]), "cannot be"),
        (pa.array([[1]]), "cannot be"),
    ],
)
def test_what_would_not_come_back_is_refused_at_fitting(column: pa.Array, reason: str) -> None:
    base = {"user": ["a"], "what": ["x"]}
    for schema in (
        Schema(entity=("odd",), fields=(Categorical("what"),)),
        Schema(entity=("user",), fields=(Categorical("odd"),)),
        Schema(entity=("user",), fields=(Categorical("what"),), labels=("odd",)),
        Schema(entity=("user",), fields=(Categorical("what"),), session="odd"),
        Schema(entity=("user",), fields=(Categorical("what"),), order_by=("odd",)),
        Schema(entity=("user",), fields=(Categorical("what"),), static=(Categorical("odd"),)),
    ):
        with pytest.raises(DataError, match=reason):
            DomainTokenizer(schema).fit(pa.table({**base, "odd": column}))
