from __future__ import annotations

import csv
import json
from base64 import b64decode
from pathlib import Path

import pytest

from domaintoolkit.errors import DataError, LookupFailedError, OutputError, SchemaError, SourceError
from domaintoolkit.reading import Quarantine, open_source, with_headers
from domaintoolkit.schema import Column, Reader

SHARED = Path(__file__).parents[3] / "shared" / "data"
REES46 = SHARED / "rees46" / "2019-Oct-head.csv"
TALKINGDATA = SHARED / "talkingdata" / "train_sample.csv.gz"
READER = Reader((Column("a", "int64"), Column("t", "timestamp"), Column("s")))


def file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_every_problem_is_raised_together(tmp_path: Path) -> None:
    path = file(tmp_path, 'a,t,s\n1,2019-10-01,"x\ny"\nz,never,x\n3\n4,2019-10-01,x\n5,,"x\n')
    with pytest.raises(DataError) as caught:
        list(open_source(path, READER).batches())
    assert caught.value.total == 4
    assert [(refusal.row, refusal.line, refusal.column) for refusal in caught.value.refusals] == [
        (1, 4, "a"),
        (1, 4, "t"),
        (2, 5, None),
        (4, 7, None),
    ]


def test_kept_rows_are_those_of_the_files(tmp_path: Path) -> None:
    path = file(tmp_path, "a,t,s\n" + "".join(f"{n},2019-10-01,{n % 3}\n" for n in range(50)))
    source = open_source(path, READER, 100)
    expected = [(batch.records, batch.rows.tolist()) for batch in source.batches(["a", "s"])]
    counts = source.counts
    source.keep(["a", "s"], 1 << 20)
    assert [batch.records for batch in source.batches(["s"])] == [records.select(["s"]) for records, _ in expected]
    for _ in range(2):  # the second time from the file
        assert [(batch.records, batch.rows.tolist()) for batch in source.batches(["a", "s"])] == expected
        assert source.counts == counts
    source.keep(["a", "s"], 1 << 20)
    list(source.batches(["a"]))
    path.write_text("a,t,s\n7,2019-10-01,x\n")  # so the kept rows are old
    assert [batch.records.to_pylist() for batch in source.batches(["a", "s"])] == [[{"a": 7, "s": "x"}]]


@pytest.mark.parametrize(("text", "limit"), [("a,t,s\n1,,x\n2,bad,y\n", 1 << 20), ("a,t,s\n1,,x\n2,,y\n", 10)])
def test_rows_are_not_kept_beyond_the_limit_or_with_a_bad_one(tmp_path: Path, text: str, limit: int) -> None:
    source = open_source(file(tmp_path, text), READER)
    source.keep(["a", "t"], limit)
    (batch,) = source.batches(["a"])
    assert batch.records.to_pylist() == [{"a": 1}, {"a": 2}]
    with Quarantine(tmp_path / "q.csv") as quarantine:
        found = [batch.records["a"].to_pylist() for batch in source.batches(["a", "t"], quarantine)]
    assert found == ([[1]] if "bad" in text else [[1, 2]])
    assert source.counts.rows_refused == text.count("bad")


def test_many_problems_are_counted_and_few_kept(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list(open_source(file(tmp_path, "a,t,s\n" + "x,,\n" * 5000), READER).batches())
    assert caught.value.total == 5000
    assert len(caught.value.refusals) == 1000


def test_only_columns_asked_for_are_looked_at(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "a,t,s\nx,,y\n"), READER)
    (batch,) = source.batches(["s"])
    assert batch.records.to_pylist() == [{"s": "y"}]
    assert source.schema(["s"]).names == ["s"]
    with pytest.raises(LookupFailedError, match="available: a, s, t"):
        list(source.batches(["z"]))


def test_a_row_can_be_refused_after_all(tmp_path: Path) -> None:
    (batch,) = open_source(file(tmp_path, 'a,t,s\n\n1,,"\n"\n2,,x\n'), READER).batches()
    row = batch.refuse(1, [("s", "not wanted")])
    assert (row.row, row.line, row.raw, row.problems) == (1, 5, b"2,,x", (("s", "not wanted"),))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", " =", "\uff1d"])
def test_a_quarantine_file_has_no_formulas(tmp_path: Path, start: str) -> None:
    (tmp_path / "=x").mkdir()
    path = file(tmp_path / "=x", f"{start}cmd|' /C calc'!A0,,")
    reader = Reader((Column(f"{start}a", "int64"), Column("t"), Column("s")), header=False)
    with Quarantine(tmp_path / "q.csv") as quarantine:
        assert list(open_source(path, reader).batches(refused=quarantine)) == []
    with (tmp_path / "q.csv").open(newline="") as opened:
        (row,) = csv.DictReader(opened)
    assert row["raw"] == f"'{start}cmd|' /C calc'!A0,,"
    assert b64decode(row["raw_base64"]).decode() == f"{start}cmd|' /C calc'!A0,,"
    assert row["column"] == f"'{start}a"


def test_quarantine_files(tmp_path: Path) -> None:
    path = file(tmp_path, b'a,t,s\nx,y,z\n1,,\xff\n2,,"\n')
    for name in ("q.csv", "q.jsonl"):
        with Quarantine(tmp_path / name) as quarantine:
            assert list(open_source(path, READER).batches(refused=quarantine)) == []
            assert not (tmp_path / name).exists()
        assert quarantine.total == 3
        with (tmp_path / name).open(newline="") as opened:
            found = list(csv.DictReader(opened)) if name == "q.csv" else [json.loads(line) for line in opened]
        assert [int(row["row"]) for row in found] == [0, 1, 2]
        assert [int(row["line"]) for row in found] == [2, 3, 4]
        assert found[0]["column"] == "a, t"
        assert found[0]["reason"].startswith("a: expected an integer, got 'x'; if it stands for a missing value")
        assert found[1]["raw"] == "1,,\\xff"
        assert b64decode(found[1]["raw_base64"]) == b"1,,\xff"
        assert found[2]["raw"] == '2,,"'


def test_a_failed_quarantine_leaves_no_file(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "a,t,s\nx,,\n"), READER)
    quarantine = Quarantine(tmp_path / "q.csv")
    list(source.batches(refused=quarantine))
    quarantine.__exit__(RuntimeError, None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    with pytest.raises(OutputError):
        list(source.batches(refused=Quarantine(tmp_path / "none" / "q.csv")))
    with pytest.raises(LookupFailedError, match=r"\.csv, \.jsonl"):
        Quarantine(tmp_path / "q.xml")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (
            "A,t,s",
            r"expected a column with the header 'a', found none \(should it be read from 'A'\? map it: --column a=A\)",
        ),
        ("A b,t,s", "found none .if it has another header, map it: --column a=HEADER"),
        ("a,t,s,a", "header 'a' occurs 2 times"),
        ("b,c", "columns with the headers 'a', 't', 's', found none of them .*headers are 'b', 'c'$"),
        ("a;t;s", "headers are 'a;t;s'; they look split by ';', not by ',': give --delimiter ';'"),
        ("a\tt\ts", r"split by '\\t', not by ',': give --delimiter '\\t'"),
        ('"a"|"t"', r"split by '\|'"),
        ("b;c", "headers are 'b;c'$"),
        ('"a,t,s', "line 1, the header: a quote that is not closed"),
        ("\n\n", "no header line"),
        (b"a,t,\xff", "a header line that is not UTF-8"),
    ],
)
def test_headers(tmp_path: Path, header: str | bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        list(open_source(file(tmp_path, header), READER).batches())


def test_a_header_alone_is_no_rows(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "s,t,a,more\n"), READER)
    assert list(source.batches()) == []
    assert source.counts.notes == [f"{tmp_path / 'x.csv'}: columns not read: more"]
    source = open_source(file(tmp_path, f"s,t,a,,{','.join('bcdefghijkl')}\n"), READER)
    assert list(source.batches()) == []
    assert source.counts.notes == [f'{tmp_path / "x.csv"}: columns not read: "", b, c, d, e, f, g, h, i, j and 2 more']


def test_without_a_header_columns_go_by_position(tmp_path: Path) -> None:
    reader = Reader((Column("a", "int64"), Column("b")), header=False)
    (batch,) = open_source(file(tmp_path, "1,x\n2,y\n"), reader).batches(["b"])
    assert batch.records["b"].to_pylist() == ["x", "y"]


def test_a_dialect_that_cannot_be_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path, "a\n")
    for dialect in ({"delimiter": '"'}, {"quote": "\n"}, {"escape": ","}):
        with pytest.raises(SchemaError):
            list(open_source(path, Reader((Column("a"),), **dialect)).batches())  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.skipif(not REES46.exists(), reason="the REES46 rows are not here")
@pytest.mark.parametrize(("block", "threads"), [(50_000, 2), (8 << 20, 1)])
def test_rees46(tmp_path: Path, block: int, threads: int) -> None:
    time = Column("event_time", "timestamp", time_format="%Y-%m-%d %H:%M:%S UTC")
    columns = (time, Column("category_code"), Column("brand"), Column("price", "float64"), Column("user_id", "int64"))
    source = open_source(REES46, Reader(columns), block)
    with Quarantine(tmp_path / "q.csv") as quarantine:
        batches = list(source.batches(refused=quarantine, threads=threads))
    assert (source.counts.rows_in, quarantine.total) == (17_435, 1)
    assert sum(batch.records["category_code"].null_count for batch in batches) == 5_746
    assert sum(batch.records["brand"].null_count for batch in batches) == 2_477
    assert len({user for batch in batches for user in batch.records["user_id"].to_pylist()}) == 4_504
    with pytest.raises(DataError, match="line 17436, row 17434: 8 columns, but the header has 9"):
        list(source.batches())


@pytest.mark.skipif(not TALKINGDATA.exists(), reason="the TalkingData rows are not here")
def test_talkingdata() -> None:
    reader = Reader((Column("ip", "int64"), Column("click_time", "timestamp"), Column("is_attributed", "bool")))
    with pytest.raises(SourceError, match=r"'ip'.*map it: --column ip=\.\.ip"):
        list(open_source(TALKINGDATA, reader).batches())
    batches = list(open_source(TALKINGDATA, with_headers(reader, {"ip": "..ip"})).batches())
    assert sum(batch.records.num_rows for batch in batches) == 100_000
    assert sum(sum(batch.records["is_attributed"].to_pylist()) for batch in batches) == 227
