from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from domaintoolkit.errors import MissingExtraError, SourceError
from domaintoolkit.reading import RefusedRow, open_source
from domaintoolkit.reading.refused_rows import Collected
from domaintoolkit.schema import Column, Reader

UTC = dt.UTC


class Kept(Collected):
    """Refused rows as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[RefusedRow] = []

    def add(self, rows: Any) -> None:
        self.rows.extend(rows)


def written(path: Path, rows: list[list[Any]], **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name, others in sheets.items():
        sheet = book.create_sheet(name)
        for row in others:
            sheet.append(row)
    book.save(path)
    return path


def read(path: Path, *columns: Column, **settings: Any) -> tuple[list[dict[str, Any]], list[RefusedRow], list[str]]:
    kept = Kept()
    source = open_source(path, Reader(columns, **settings))
    rows = [row for batch in source.batches(refused=kept) for row in batch.records.to_pylist()]
    return rows, kept.rows, source.counts.notes


def test_cells_are_read_by_their_types_and_texts_as_in_csv(tmp_path: Path) -> None:
    noon = dt.datetime(2024, 1, 2, 12)
    path = written(
        tmp_path / "x.xlsx",
        [
            ["title"], [], ["user", "n", "at", "day", "ok", None, "price"],
            [13085, 5, noon, dt.datetime(2024, 1, 2), True, None, 2.5],
            [None] * 7,
            ["007", "5", "2024-01-02 12:00", "2024-01-02", "false", None, "$1,204.50"],
            [13085.5, None, None, None, 0, "extra", 3],
        ],
        other=[["a"]],
    )  # fmt: skip
    columns = (
        Column("user"), Column("n", "int64"), Column("at", "timestamp"), Column("day", "date"), Column("ok", "bool"),
        Column("price", "float64", prefix="$", thousands=","),
    )  # fmt: skip
    rows, refused, notes = read(path, *columns, skip=1)
    assert not refused
    day = dt.date(2024, 1, 2)
    assert [tuple(row.values()) for row in rows] == [
        ("13085", 5, noon.replace(tzinfo=UTC), day, True, 2.5),
        ("007", 5, noon.replace(tzinfo=UTC), day, False, 1204.5),
        ("13085.5", None, None, None, False, 3),
    ]
    assert notes == [f"{path}: sheets not read: 'other'; sheets names others"]
    assert read(path, Column("a"), sheets=["other"])[:2] == ([], [])
    with pytest.raises(SourceError, match="has no sheet 'others'; its sheets are 'Sheet', 'other'"):
        read(path, Column("a"), sheets=["others"])


def test_sheets_are_read_one_after_the_other(tmp_path: Path) -> None:
    path = written(tmp_path / "x.xlsx", [["a", "b"], [1, 2]], later=[["b", "a"], [4, 3], ["x", "y"]], notes=[["z"]])
    rows, refused, notes = read(path, Column("a", "int64"), Column("b", "int64"), sheets=("later", "Sheet"))
    assert rows == [{"a": 3, "b": 4}, {"a": 1, "b": 2}]
    assert [(row.row, row.line) for row in refused] == [(1, 3)]
    assert notes == [f"{path}: sheets not read: 'notes'; sheets names others"]


def test_refused_rows_have_their_row_of_the_sheet_and_their_cells(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.xlsx", [["a", "b"], [1, "x"], [], ["z", "y"], [2.5, True], [dt.datetime(2024, 1, 2), 1]]
    )
    rows, refused, _ = read(path, Column("a", "int64"), Column("b"))
    assert rows == [{"a": 1, "b": "x"}]
    assert [(row.row, row.line) for row in refused] == [(1, 4), (2, 5), (3, 6)]
    assert refused[0].raw == b'{"a": "z", "b": "y"}'
    assert "expected int64, got a time" in refused[2].problems[0][1]


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.xlsx", [["a"], ["1"]])
    with pytest.raises(SourceError, match="expected a column with the header 'q'"):
        read(path, Column("q"))
    with pytest.raises(SourceError, match="expected csv, found an Excel workbook"):
        read(path, Column("a"), format="csv")
    data = path.read_bytes()
    for at in range(100, len(data) - 100, len(data) // 40):
        (tmp_path / "y.xlsx").write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            rows, refused, _ = read(tmp_path / "y.xlsx", Column("a"))
        except SourceError:
            continue
        assert (rows, refused) == ([{"a": "1"}], [])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'domaintoolkit\[excel\]'"):
        read(path, Column("a"))


def test_headers_and_rows_that_repeat_them_are_as_in_csv(tmp_path: Path) -> None:
    lines = [["who", "to", "to"], ["# note"], ["a", 1, 2], ["who", "to", "to"], ["b", 3, 4], ["who", "to", "to", "x"]]
    path = written(tmp_path / "x.xlsx", [*lines, ["(2 rows)"], [], ["Total", "x", 6]])
    columns = (Column("who"), Column("first", "int64", source="to", occurrence=1), Column("to", "int64", occurrence=2))
    kept = {"comment": "#", "skip_last": 2}
    rows, refused, _ = read(path, *columns, repeated_header="skip", **kept)
    assert [tuple(row.values()) for row in rows] == [("a", 1, 2), ("b", 3, 4)]
    assert [(row.row, row.line) for row in refused] == [(2, 6)]
    rows, refused, _ = read(path, *columns, **kept)
    assert [tuple(row.values()) for row in rows] == [("a", 1, 2), ("b", 3, 4)]
    assert [(row.row, row.line) for row in refused] == [(1, 4), (3, 6)]
    assert "set repeated_header = 'skip' in the reader" in refused[0].problems[0][1]
    assert refused[0].raw == b'{"who": "who", "first": "to", "to": "to"}'
    assert len(read(path, Column("who"), repeated_header="keep", **kept)[0]) == 4
    assert "set skip_last = 1 in the reader" in read(path, *columns[:2], comment="#")[1][-1].problems[0][1]
    (note,) = read(written(tmp_path / "y.xlsx", [*lines[:1], ["a", 1, 2], ["Total", None, 6]]), *columns)[2]
    assert "the last row is" in note
    assert "set skip_last = 1 in the reader" in note


def test_cells_of_durations_are_numbers(tmp_path: Path) -> None:
    rows = [["n"], [dt.timedelta(days=2, hours=3)], [dt.time(1, 5, 30)], ["0:00:07"], [90]]
    path = written(tmp_path / "x.xlsx", rows)
    found, refused, _ = read(path, Column("n", "float64", duration_unit="min"))
    assert not refused
    assert [row["n"] for row in found] == [3060.0, 65.5, 0.11666666666666667, 90.0]
    assert "set duration_unit = 's'" in read(path, Column("n", "float64"))[1][0].problems[0][1]
