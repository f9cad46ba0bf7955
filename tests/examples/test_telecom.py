"""A table that nobody has cleaned, and a domain for it in one file of at most 60 lines, without code."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from domaintoolkit import DomainTokenizer, domain_from_toml
from domaintoolkit.cli import main
from domaintoolkit.reading import open_source

FILE = Path(__file__).with_name("telecom.toml")
ROWS = """SubscriberID;EpochMs;HomeCountry;Service;B-Number;CellPath;Charge;Note;Churned
0042;1709280900123;NA;call;0049301234567;A12>A13>B7;€1.234,56;"Gespräch; laut";nein
0042;1709284500000;NA;sms;0049301234567;A12;€0,09;今日は;nein
42;1709280900000;DE;call;110;B7>A13;€0,00;где ты?;ja
42;1709367300000;DE;data;-;B7>A13>A12>C1;€12,50;;ja
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "calls.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path / "calls.csv"


def test_it_takes_at_most_60_lines() -> None:
    assert len(FILE.read_text(encoding="utf-8").splitlines()) <= 60


def test_every_value_is_read_as_it_is_meant_and_comes_back(rows: Path) -> None:
    domain = domain_from_toml(FILE)
    table = pa.Table.from_batches([batch.records for batch in open_source([str(rows)], domain.reader).batches()])
    tokenizer = DomainTokenizer(domain.schema).fit(table)
    again = tokenizer.decode(tokenizer.encode(table)).to_pylist()
    assert [row["subscriber"] for row in again] == ["0042", "0042", "42", "42"]
    assert [row["country"] for row in again] == ["NA", "NA", "DE", "DE"]
    assert [row["cost"] for row in again] == [1234.56, 0.09, 0.0, 12.5]
    assert [row["called"] for row in again] == ["0049301234567", "0049301234567", "110", None]
    assert [row["towers"] for row in again] == ["A12>A13>B7", "A12", "B7>A13", "B7>A13>A12>C1"]
    assert [row["note"] for row in again] == ["Gespräch; laut", "今日は", "где ты?", None]
    assert [row["churned"] for row in again] == [False, False, True, True]
    assert "[at hour=9]" in tokenizer.encode(table).tokens(0)  # 08:15 UTC is 09:15 in Berlin


@pytest.mark.slow
def test_the_commands_take_it(rows: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "calls")
    for command in (["encode", "--schema", str(FILE), str(rows), "-o", out], ["verify", out, str(rows)]):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
