from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from csv_reference import records
from hypothesis import example, given
from hypothesis import strategies as st

from domaintoolkit.reading import RefusedRow, open_source
from domaintoolkit.reading.csv.pieces import Dialect, Window, pieces
from domaintoolkit.schema import Column, Reader

TEXT = st.text(st.sampled_from("ab,;\t\"'\n\r\0\ufeffé😀 "), max_size=5)
BLOCKS = st.sampled_from([1, 2, 7, 40, 300, 1 << 20])


class Kept:
    """Refused rows, kept."""

    def __init__(self) -> None:
        self.rows: list[RefusedRow] = []

    def add(self, rows: Iterable[RefusedRow]) -> None:
        self.rows.extend(rows)


def written(value: str | None, quoted: bool, delimiter: str, quote: str) -> str:
    if value is None:
        return ""
    if quoted or not value or any(mark in value for mark in (delimiter, quote, "\n", "\r")):
        return quote + value.replace(quote, quote * 2) + quote
    return value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


def read(
    path: Path, reader: Reader, block: int, threads: int = 1
) -> tuple[list[dict[str, str | None]], Kept, list[int]]:
    source, kept = open_source(path, reader, block), Kept()
    rows: list[dict[str, str | None]] = []
    numbers: list[int] = []
    for batch in source.batches(refused=kept, threads=threads):
        rows.extend(batch.records.to_pylist())
        numbers.extend(batch.rows.tolist())
    assert source.counts.rows_in == len(rows) + len(kept.rows)
    assert source.counts.rows_refused == len(kept.rows)
    return rows, kept, numbers


@pytest.mark.slow
@given(st.data(), st.integers(1, 4), BLOCKS, st.sampled_from([1, 2]))
def test_what_a_writer_wrote_comes_back(
    folder: Path, data: st.DataObject, width: int, block: int, threads: int
) -> None:
    delimiter, quote = data.draw(st.sampled_from([(",", '"'), (";", "'"), ("\t", '"')]))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    table = data.draw(st.lists(st.lists(TEXT | st.none(), min_size=width, max_size=width), max_size=12))
    names = [f"column {number}" for number in range(width)]
    drawn: list[list[str | None]] = [[*names], *table]
    lines = [
        delimiter.join(written(value, data.draw(st.booleans()), delimiter, quote) for value in row) for row in drawn
    ]
    text = end.join(lines) + (end if width == 1 else data.draw(st.sampled_from(["", end])))
    path = folder / "written.csv"
    path.write_bytes(data.draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode())
    reader = Reader(tuple(Column(name) for name in names), delimiter=delimiter, quote=quote)
    rows, kept, numbers = read(path, reader, block, threads)
    assert not kept.rows
    assert rows == [dict(zip(names, row, strict=True)) for row in table]
    assert numbers == list(range(len(table)))


BROKEN = st.lists(
    st.sampled_from([b'"', b",", b"\n", b"\r\n", b"\r", b"a", b'""', b',"b",', b"1,2\n", b'"x\ny",z\n', b"\xff", b"\0"])
)


@given(BROKEN.map(b"".join), BLOCKS, BLOCKS)
@example(b'1,"a\n2,"b"\n', 1, 300)
@example(b'1,"a\n2,b\n3,c', 1, 300)
def test_broken_text_is_refused_line_by_line_and_nothing_is_lost(folder: Path, text: bytes, one: int, two: int) -> None:
    path = folder / "broken.csv"
    path.write_bytes(b"a,b\n" + text)
    reader = Reader((Column("a"), Column("b")))
    expected = [record for record in records(text) if record.raw]
    rows, kept, numbers = read(path, reader, one)
    again = read(path, reader, two)
    assert (rows, kept.rows, numbers) == (again[0], again[1].rows, again[2])
    refused = {row.row: row for row in kept.rows}
    assert sorted([*refused, *numbers]) == list(range(len(expected)))
    for number, record in enumerate(expected):
        fine = record.values is not None and len(record.values) == 2 and b"\xff" not in record.raw
        assert (number not in refused) == fine
        if not fine:
            assert (refused[number].line, refused[number].raw) == (record.line + 1, record.raw)
    good = [
        record.values for record in expected if record.values and len(record.values) == 2 and b"\xff" not in record.raw
    ]
    assert [tuple(row.values()) for row in rows] == [
        tuple(None if value is None else value.decode() for value in values) for values in good
    ]


@given(st.lists(TEXT, min_size=1, max_size=8), BLOCKS)
def test_escapes(folder: Path, values: list[str], block: int) -> None:
    def escaped(value: str) -> str:
        return '"' + "".join("\\" + letter if letter in '"\\,' else letter for letter in value + "\\") + '"'

    path = folder / "escaped.csv"
    path.write_bytes("".join(["a,b\n", *(f"{escaped(value)},\\,x\n" for value in values)]).encode())
    rows, kept, _ = read(path, Reader((Column("a"), Column("b")), escape="\\"), block)
    assert not kept.rows
    assert [(row["a"], row["b"]) for row in rows] == [(value + "\\", ",x") for value in values]


def test_without_quotes_a_quote_is_text(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_bytes(b'a,b\n5" pipe,"x\n')
    rows, kept, _ = read(path, Reader((Column("a"), Column("b")), quote=None), 100)
    assert (rows, kept.rows) == ([{"a": '5" pipe', "b": '"x'}], [])


def test_a_cut_last_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_bytes(b"a,b,c\r\n1,2,3\r\n4,5")
    _, kept, _ = read(path, Reader((Column("a"), Column("c"))), 100)
    (row,) = kept.rows
    assert (row.row, row.line, row.raw) == (1, 3, b"4,5")
    assert row.problems[0][1].startswith("2 columns, but the header has 3; there is nothing for 'c'")
    assert "cut off" in row.problems[0][1]


def test_a_last_line_without_a_break_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_bytes(b"a\n1\n2")
    source = open_source(path, Reader((Column("a"),)))
    assert sum(batch.records.num_rows for batch in source.batches()) == 2
    assert "no line break ends the last line" in source.counts.notes[0]


def test_each_column_spells_its_own_null(tmp_path: Path) -> None:
    path = tmp_path / "nulls.csv"
    path.write_bytes(b'a,b,n\nNULL,NULL,-\n"NULL","",""\n,,5\n')
    columns = (Column("a", null=("NULL",)), Column("b"), Column("n", "int64", null=("-", "")))
    rows, kept, _ = read(path, Reader(columns), 100)
    assert not kept.rows
    assert [tuple(row.values()) for row in rows] == [(None, "NULL", None), ("NULL", "", None), ("", None, 5)]


def test_text_that_is_not_utf8_is_refused_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(b"a,b\ncaf\xe9,1\nplain,2\n")
    _, kept, numbers = read(path, Reader((Column("a"),)), 100)
    assert numbers == [1]
    assert "not UTF-8: byte 0xe9 at 3" in kept.rows[0].problems[0][1]
    source = open_source(path, Reader((Column("a"),), invalid_text="replace"))
    assert [row for batch in source.batches() for row in batch.records["a"].to_pylist()] == ["caf\ufffd", "plain"]
    assert source.counts.replaced == 1


def test_a_row_longer_than_the_limit_is_refused(folder: Path) -> None:
    text = b"1,2\n" + b"x" * 5000 + b"\n3,4\n" + b'5,"' + b"y\n" * 2000 + b'"\n6,7\n'
    found = list(pieces(Window(io.BytesIO(text)), Dialect(), block=64, limit=1024))
    assert next(piece.data for piece in found if piece.fault and "longer than" in piece.fault) == b"x" * 1024
    assert b"".join(piece.data for piece in found if not piece.fault).startswith(b"1,2\n3,4\n")
    assert found[-1].data.endswith(b"6,7\n")
