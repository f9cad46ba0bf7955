from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import SourceError
from domaintoolkit.reading import RefusedRow, open_source
from domaintoolkit.reading.refused_rows import Collected
from domaintoolkit.schema import Column, Reader


class Kept(Collected):
    """Refused rows as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[RefusedRow] = []

    def add(self, rows: Any) -> None:
        self.rows.extend(rows)


def read(path: Path, text: str | bytes, *columns: Column, block: int = 1 << 20, **settings: Any) -> Any:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    kept = Kept()
    source = open_source(path, Reader(columns, **settings), block)
    return [row for batch in source.batches(refused=kept) for row in batch.records.to_pylist()], kept.rows, source


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json") / "x.jsonl"


VALUES = st.none() | st.text(st.characters(codec="utf-8"), max_size=5)
ROWS = st.lists(
    st.fixed_dictionaries({"a": VALUES}, optional={"meta": st.none() | st.fixed_dictionaries({"k": VALUES})})
)


@given(ROWS, st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]), st.sampled_from([1, 30, 1 << 20]))
def test_what_json_wrote_comes_back(path: Path, rows: list[dict[str, Any]], ascii: bool, end: str, block: int) -> None:
    rows = [{"a": "x", "meta": {"k": "y"}}, *rows]
    text = end.join(json.dumps(row, ensure_ascii=ascii) for row in rows)
    found, refused, _ = read(path, text, Column("a"), Column("k", source="meta.k"), block=block)
    assert not refused
    assert found == [{"a": row["a"], "k": (row.get("meta") or {}).get("k")} for row in rows]


def test_numbers_keep_their_text_and_types_are_read(path: Path) -> None:
    text = (
        '{"n": 1.50, "i": 9007199254740993, "b": true, "t": "2024-01-01"}\n{"n": "1.50", "i": 7, "b": 0, "t": null}\n'
    )
    columns = (Column("n"), Column("i", "int64"), Column("b", "bool"), Column("t", "date"))
    rows, refused, _ = read(path, text, *columns)
    assert [(row["n"], row["i"], row["b"]) for row in rows] == [("1.50", 9007199254740993, True), ("1.50", 7, False)]
    assert not refused
    path.with_suffix(".gz").write_bytes(gzip.compress(text.encode()))
    (batch,) = open_source(path.with_suffix(".gz"), Reader(columns)).batches()
    assert batch.records.to_pylist() == rows


def test_refused_lines_have_their_line_their_text_and_a_reason(path: Path) -> None:
    lines = [
        '{"a": 1}', "", '{"a": 1, "a": 2}', '{"a": [1]}', '{"a": {"k": 1}}', "[1]", '{"a":', '{"a": "\\ud800"}',
        "[" * 100_000, '{"a": 2}',
    ]  # fmt: skip
    rows, refused, _ = read(path, "\n".join(lines).encode() + b'\n{"a": "\xff"}\n', Column("a"))
    assert [row["a"] for row in rows] == ["1", "2"]
    assert [(row.row, row.line) for row in refused] == [(1, 3), (2, 4), (3, 5), (4, 6), (5, 7), (6, 8), (7, 9), (9, 11)]
    assert [row.raw for row in refused[:7]] == [line.encode() for line in lines[2:9]]
    reasons = ["twice", "got a list", "set source = 'a.k'", "expected a JSON object", "not JSON", "not UTF-8", "deep"]
    for row, reason in zip(refused, [*reasons, "not UTF-8"], strict=True):
        assert reason in row.problems[0][1]


def test_a_column_that_no_line_has_is_refused_unless_it_is_optional(path: Path) -> None:
    text = '{"user": 1}\n' * 3
    with pytest.raises(SourceError, match=r"'users', found none .*map it: --column users=user"):
        read(path, text, Column("users"))
    rows, _, source = read(path, text, Column("users", aliases=("user",)), Column("z", optional=True))
    assert rows == [{"users": "1", "z": None}] * 3
    assert source.counts.notes == [f"{path}: has no column 'z'; it is null there"]
    (kept,) = read(path, '{"a": 1, "b": 2}\n', Column("a", aliases=("b",)))[1]
    assert "under several names: 'a', 'b'" in kept.problems[0][1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"a": 1}]', "a JSON array .write one object a line"),
        ('{\n  "a": 1\n}', "a JSON document of many lines"),
        ("{u'a': 1}\n", "Python literals, not JSON"),
        ("{'a': 1}\n", "Python literals, not JSON"),
    ],
)
def test_other_json_is_named(path: Path, text: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        read(path, text, Column("a"))


def test_spellings_of_null_are_null(path: Path) -> None:
    text = '{"a": "", "n": ""}\n{"a": "NA", "n": "NA"}\n'
    rows, refused, _ = read(path, text, Column("a"), Column("n", "float64"), null=["", "NA"])
    assert rows == [{"a": "", "n": None}, {"a": None, "n": None}]
    assert not refused
