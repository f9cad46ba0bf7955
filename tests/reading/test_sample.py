"""Samples written as raw files come back through the domain's own reader, row for row."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from ad_clicks import ADS, ADS_BOTS
from ecommerce_rees46 import ECOMMERCE
from finance_synthetic import CONTROL, FINANCE
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import OutputError, SchemaError
from domaintoolkit.reading import open_source
from domaintoolkit.reading.sample import read_sample, write_sample
from domaintoolkit.schema import Column, Domain, Numeric, Reader, Schema, Timestamp
from domaintoolkit.testing import number_settings

DOMAINS = [ADS, ADS_BOTS, CONTROL, ECOMMERCE, FINANCE]


def read_back(path: Path, reader: Reader) -> pa.Table:
    return pa.Table.from_batches([batch.records for batch in open_source(path, reader).batches()])


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_what_is_written_is_read_back(domain: Domain, suffix: str, tmp_path: Path) -> None:
    path = write_sample(domain, tmp_path / f"sample{suffix}", 2_000, 3)
    written = read_sample(domain, 2_000, 3).read_all()
    assert read_back(path, domain.reader).cast(written.schema).equals(written)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
spellings = st.sampled_from([("",), ("NULL",), ("", "NULL"), ("\\N", "")])


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(texts | spellings.map(lambda nulls: nulls[-1]), st.none() | st.floats()), min_size=1, max_size=20
    ),
    st.sampled_from([",", ";", "|", "\t", "||", " ~~~~~ "]),
    st.sampled_from(["Europe/Berlin", "UTC"]),
    spellings,
    st.sampled_from([None, ("-",), ("none", "-")]),
    st.sampled_from([None, "\\", "^"]),
)
def test_any_text_survives_any_dialect(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str | None, float | None]],
    delimiter: str,
    zone: str,
    null: tuple[str, ...],
    own: tuple[str, ...] | None,
    escape: str | None,
) -> None:
    table = pa.table(
        {
            "who": pa.array([who for who, _ in rows], pa.string()),
            "much": pa.array([much for _, much in rows], pa.float64()),
            "at": pa.array([1_500_000_000_000_000] * len(rows), pa.timestamp("us", "UTC")),
        }
    )
    columns = (
        Column("who", source="Who, exactly?", null=own),
        Column("much", type="float64", null=own),
        Column("at", type="timestamp", time_format="%d.%m.%Y %H:%M:%S", zone=zone),
    )
    reader = Reader(columns, delimiter=delimiter, null=null, escape=escape if len(delimiter) == 1 else None)
    path = write_sample(odd(reader, table), tmp_path_factory.mktemp("odd") / "sample.csv", 1)
    assert str(read_back(path, reader).to_pylist()) == str(table.to_pylist())


@pytest.mark.slow
@given(
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8),
    st.lists(st.none() | st.integers(-(1 << 62), 1 << 62), min_size=8, max_size=8),
    number_settings(),
    st.sampled_from([",", ";", "|"]),
)
def test_numbers_survive_in_every_style(
    tmp_path_factory: pytest.TempPathFactory,
    prices: list[float | None],
    counts: list[int | None],
    style: dict[str, Any],
    delimiter: str,
) -> None:
    whole = {name: value for name, value in style.items() if name != "percent"}
    table = pa.table(
        {
            "who": ["a"] * len(prices),
            "much": pa.array(prices, pa.float64()),
            "many": pa.array(counts[: len(prices)], pa.int64()),
            "at": pa.array([1_500_000_000_000_000] * len(prices), pa.timestamp("us", "UTC")),
        }
    )
    columns = (
        Column("who"),
        Column("much", type="float64", **style),
        Column("many", type="int64", **whole),
        Column("at", type="timestamp"),
    )
    reader = Reader(columns, delimiter=delimiter)
    path = write_sample(odd(reader, table), tmp_path_factory.mktemp("styled") / "sample.csv", 1)
    assert read_back(path, reader).to_pylist() == table.to_pylist()


def odd(reader: Reader, table: pa.Table) -> Domain:
    def sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
        yield from table.to_batches()

    schema = Schema(entity=("who",), time="at", fields=(Numeric("much"), Timestamp("at")))
    return Domain("odd", "", schema, reader, sample)


@pytest.mark.parametrize(
    "dialect", [{"quote": None}, {"skip": 2, "skip_last": 1}, {"comment": "#"}, {"delimiter": "whitespace"}], ids=str
)
def test_every_dialect_reads_its_sample_back(dialect: dict[str, Any], tmp_path: Path) -> None:
    times = pa.array([1_500_000_000_123_000, 0], pa.timestamp("us", "UTC"))
    table = pa.table({"who": ["#a", 'b"'], "much": [1.0, -2.5], "at": times})
    columns = (Column("who"), Column("much", type="float64"), Column("at", type="timestamp"))
    reader = Reader(columns, time_unit="ms", **dialect)
    path = write_sample(odd(reader, table), tmp_path / "b.csv", 1)
    assert "1500000000123" in path.read_text()
    assert read_back(path, reader).equals(table)


def test_a_value_that_needs_quotes_is_refused_without_them(tmp_path: Path) -> None:
    table = pa.table({"who": ["a,b"], "much": [1.0], "at": pa.array([0], pa.timestamp("us", "UTC"))})
    columns = (Column("who"), Column("much", type="float64"), Column("at", type="timestamp"))
    with pytest.raises(OutputError, match=r"cannot read 'a,b' back; use \.parquet"):
        write_sample(odd(Reader(columns, quote=None), table), tmp_path / "a.csv", 1)


def test_the_raw_header_is_the_published_one(tmp_path: Path) -> None:
    header = write_sample(ECOMMERCE, tmp_path / "a.csv", 5).read_text().splitlines()[0]
    expected = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
    assert header == expected
    with gzip.open(write_sample(ADS, tmp_path / "b.csv.gz", 5), "rt") as file:
        assert file.readline() == "ip,app,device,os,channel,click_time,attributed_time,is_attributed\n"


def test_the_domain_says_how_many_rows_unless_asked(tmp_path: Path) -> None:
    small = replace(FINANCE, sample_events=17)
    assert read_sample(small).read_all().num_rows == 17
    assert read_sample(small, 3).read_all().num_rows == 3


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"must end in \.csv, \.csv\.gz, \.parquet"):
        write_sample(FINANCE, tmp_path / "sample.xlsx")
    missing = tmp_path / "missing"
    assert write_sample(FINANCE, missing / "sample.csv", 5).exists()
    with pytest.raises(OutputError, match=r"missing/sample\.csv/sample\.csv"):
        write_sample(FINANCE, missing / "sample.csv" / "sample.csv", 5)
    with pytest.raises(SchemaError, match="events: at least one"):
        read_sample(FINANCE, 0)
    with pytest.raises(SchemaError, match="seed: must not be negative"):
        read_sample(FINANCE, 5, -1)
    with pytest.raises(SchemaError, match="gave no rows"):
        read_sample(replace(FINANCE, sample=lambda events, seed: ()), 5)
