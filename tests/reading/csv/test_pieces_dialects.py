from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import SchemaError, SourceError
from domaintoolkit.reading import RefusedRow, open_source
from domaintoolkit.reading.csv.pieces import breaks
from domaintoolkit.reading.refused_rows import Collected
from domaintoolkit.schema import Column, Reader, from_dict, from_toml_text, to_dict, to_toml

BLOCKS = st.sampled_from([1, 3, 40, 1 << 20])
NAMES = ("a", "b")


class Kept(Collected):
    """Refused rows as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[RefusedRow] = []

    def add(self, rows: Any) -> None:
        self.rows.extend(rows)


def read(path: Path, text: str | bytes, block: int = 1 << 20, **settings: Any) -> tuple[list[list[str | None]], Kept]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    columns = settings.pop("columns", tuple(map(Column, NAMES)))
    kept = Kept()
    source = open_source(path, Reader(columns, **settings), block)
    rows = [list(row.values()) for batch in source.batches(refused=kept) for row in batch.records.to_pylist()]
    return rows, kept


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dialects") / "x.csv"


LONG = st.sampled_from(["::", "||", "~|~", "¦", "\t\t", ":::"])
VALUE = st.text(st.sampled_from('ab:|~¦"\t \n\r\x1e\x1f01é'), max_size=5)


def written(value: str, delimiter: str) -> str:
    # a value that a part of a delimiter ends cannot stand before one unquoted
    if value and not any(mark in value for mark in {*delimiter, '"', "\n", "\r"}):
        return value
    return '"' + value.replace('"', '""') + '"'


@given(st.lists(st.tuples(VALUE, VALUE), max_size=8), LONG, BLOCKS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_long_delimiters_split_what_was_joined(
    path: Path, table: list[tuple[str, str]], delimiter: str, block: int, end: str
) -> None:
    lines = [delimiter.join(written(value, delimiter) for value in row) for row in (NAMES, *table)]
    rows, kept = read(path, end.join(lines) + end, block, delimiter=delimiter, repeated_header="keep")
    assert not kept.rows
    assert rows == [list(row) for row in table]


@given(
    st.lists(st.tuples(VALUE, VALUE), max_size=8),
    st.lists(st.sampled_from([" ", "  ", "\t", " \t "]), min_size=40, max_size=40),
    BLOCKS,
)
def test_runs_of_spaces_split_values(path: Path, table: list[tuple[str, str]], runs: list[str], block: int) -> None:
    text, gaps = "", iter(runs)
    for row in (NAMES, *table):
        cells = [written(value, " \t") for value in row]
        text += next(gaps) + cells[0] + next(gaps) + cells[1] + next(gaps) + "\n"
    rows, kept = read(path, text, block, delimiter="whitespace", repeated_header="keep")
    assert not kept.rows
    assert rows == [list(row) for row in table]


def test_refused_rows_of_long_delimiters_have_their_text_and_line(path: Path) -> None:
    text = 'a::b\n1::"x\n\x1f::y"\n2\n\n 3::4::5 \n6::7\n'
    rows, kept = read(path, text, delimiter="::")
    assert rows == [["1", "x\n\x1f::y"], ["6", "7"]]
    assert [(row.row, row.line, row.raw) for row in kept.rows] == [(1, 4, b"2"), (2, 6, b" 3::4::5 ")]
    rows, kept = read(path, "a b\n 1  2 \n   \n3 \n 4 5\n", delimiter="whitespace")
    assert rows == [["1", "2"], ["4", "5"]]
    assert [(row.row, row.line, row.raw) for row in kept.rows] == [(1, 4, b"3 ")]


@given(st.lists(st.tuples(VALUE, VALUE), max_size=6), st.lists(st.sampled_from(["#", '#"', '# a,"b'])), BLOCKS)
def test_comments_are_left_out_wherever_they_are(
    path: Path, table: list[tuple[str, str]], comments: list[str], block: int
) -> None:
    lines = [",".join(written(value, ",#") for value in row) for row in (NAMES, *table)]
    for number, comment in enumerate(comments):
        lines.insert(number * 2 % (len(lines) + 1), comment)
    rows, kept = read(path, "\n".join([*lines, "1"]) + "\n", block, comment="#", repeated_header="keep")
    assert rows == [list(row) for row in table]
    assert [row.row for row in kept.rows] == [len(table)]
    assert [row.line for row in kept.rows] == [breaks("\n".join([*lines, "1"]).encode()) + 1]


def test_title_lines_and_the_line_for_excel(path: Path) -> None:
    assert read(path, 'Report "x\n\na,b\n1,2\n', skip=1)[0] == [["1", "2"]]
    assert read(path, "sep=;\r\na;b\r\n1;2\r\n")[0] == [["1", "2"]]
    assert read(path, "\ufeffsep=\t\na\tb\n1\t2\n", delimiter=";")[0] == [["1", "2"]]
    assert read(path, "1;2\n", header=False, delimiter=";")[0] == [["1", "2"]]
    (kept,) = read(path, "t\nsep=;\na;b\n1\n", skip=1)[1].rows
    assert kept.line == 4


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Report: sales\n# exported 2024\na,b\n1,2\n", "line 3 has them: set skip = 2 in the reader"),
        ("\nReport\na;b\n", "line 3 has them: set skip = 2 and delimiter = ';' in the reader"),
        ("a::b\n1::2\n", "give --delimiter '::'"),
        ("a   b\n1   2\n", "give --delimiter 'whitespace'"),
        ('a,b "x\n', "set quote = false in the reader"),
        ("'a','b'\n'1','2'\n", 'set quote = "\'" in the reader'),
        ("a\x01b\n1\x012\n", 'set delimiter = "\\u0001" in the reader'),
        ("a, b\n1, 2\n", "set trim = true in the reader"),
        ("ann,2024-01-01\nbob,2024-01-02\n", "if the first line is a row, set header = false in the reader"),
        ("7,1.5\n", "if the first line is a row, set header = false in the reader"),
    ],
)
def test_hints_name_the_setting(path: Path, text: str, hint: str) -> None:
    with pytest.raises(SourceError, match=re.escape(hint)):
        read(path, text)


def test_a_row_that_holds_one_header_is_not_taken_for_the_header(path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"headers are 'a', 'c'; if some files lack 'b', set optional = true for this column$"
    ):
        read(path, "a,c\n1,2\nb,3\n")


def test_lines_begin_with_one_of_several_comments(path: Path) -> None:
    text = 'a,b\nTotal,1\n1,2\n-- end --\n(2 rows)\n"Total",3\n'
    assert read(path, text, comment=["Total", "--", "("])[0] == [["1", "2"], ["Total", "3"]]
    reader = Reader((Column("a"),), comment=["#", "--"])
    assert from_toml_text(Reader, to_toml(reader)) == reader
    assert Reader((Column("a"),), comment=["#"]).comment == "#"


@given(
    st.lists(st.tuples(VALUE, VALUE), max_size=6),
    st.lists(st.sampled_from(["Total,,9", "(2 rows)", "x", "#", " "]), max_size=4),
    st.lists(st.integers(0, 2), min_size=5, max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    BLOCKS,
    st.booleans(),
)
def test_the_last_lines_can_be_left_out(
    path: Path, table: list[tuple[str, str]], last: list[str], gaps: list[int], end: str, block: int, is_cut: bool
) -> None:
    lines = [",".join(written(value, ",") for value in row) for row in (NAMES, *table)]
    below = [text for line, gap in zip(last, gaps, strict=False) for text in (*[""] * gap, line)]
    text = end.join([*lines, *below]) + ("" if is_cut and last else end * (1 + gaps[-1]))
    rows, kept = read(path, text, block, skip_last=len(last), comment="#", repeated_header="keep")
    assert rows == [list(row) for row in table]
    assert not kept.rows


@pytest.mark.parametrize("line", ["Total,", "(2 rows affected)", '"Grand total",x,y', "-- end --", "SUMME;5", "EOF"])
def test_a_refused_line_below_the_rows_names_the_setting_that_leaves_it_out(path: Path, line: str) -> None:
    wanted = "if the last 2 lines are not of the table, set skip_last = 2 in the reader"
    text = f"a,b\n1,2\n{line}\n\nnote 1,2,3"
    columns = (Column("a", "int64"), Column("b", "int64"))
    kept = read(path, text, columns=columns)[1]
    assert wanted in kept.rows[0].problems[0][1]
    assert wanted not in read(path, "a,b\nTotal,1\n1,2\n", columns=columns)[1].rows[0].problems[0][1]
    assert "skip_last" not in read(path, "a,b\n1,2\nx,3\n", columns=columns)[1].rows[0].problems[0][1]


def test_quotes_can_be_ordinary_characters(path: Path) -> None:
    rows, _ = read(path, 'a,b\n"x" y,12"\n', quote=False)
    assert rows == [['"x" y', '12"']]
    (refused,) = read(path, 'a,b\n"x" y,12"\n')[1].rows
    assert "set quote = false" in refused.problems[0][1]
    reader = Reader((Column("a"),), quote=None)
    assert reader.quote is False
    assert from_dict(Reader, to_dict(reader)) == from_toml_text(Reader, to_toml(reader)) == reader


@pytest.mark.parametrize("mark", ["\0", "\n", "", "ab", "é", True])
def test_quotes_that_are_no_character_are_refused(mark: Any) -> None:
    with pytest.raises(SchemaError, match="quote: "):
        Reader((Column("a"),), quote=mark)


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"delimiter": "\0"}, "delimiter"),
        ({"delimiter": 'a"'}, "delimiter"),
        ({"delimiter": "whitespace", "quote": " "}, "delimiter"),
        ({"delimiter": "::", "escape": "\\"}, "escape"),
        ({"comment": "#\n"}, "comment"),
        ({"skip": -1}, "skip"),
    ],
)
def test_marks_that_cannot_be_meant_are_refused(settings: dict[str, Any], path: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Reader((Column("a"),), **settings)
    assert [problem.path for problem in caught.value.problems] == [path]


@given(
    st.lists(st.tuples(VALUE, VALUE), max_size=6),
    st.lists(st.sampled_from(["a,b", '"a","b"', "\ufeffa,b"]), max_size=4),
    BLOCKS,
    st.booleans(),
)
def test_a_repeated_header_is_refused_or_left_out(
    path: Path, table: list[tuple[str, str]], headers: list[str], block: int, is_cut: bool
) -> None:
    lines = [",".join(written(value, ",") for value in row) for row in (NAMES, *table)]
    for number, header in enumerate(headers):
        lines.insert(number * 2 % len(lines) + 1, header)
    text = "\n".join(lines) + ("" if is_cut and len(lines) > 1 else "\n")
    own = [list(row) for row in table if row != ("a", "b")]
    rows, kept = read(path, text, block)
    assert rows == own
    assert len(kept.rows) == len(lines) - 1 - len(own)
    assert all("set repeated_header = 'skip' in the reader" in row.problems[0][1] for row in kept.rows)
    assert {row.raw.decode() for row in kept.rows} <= {"a,b", '"a","b"', "\ufeffa,b"}
    rows, kept = read(path, text, block, repeated_header="skip")
    assert rows == own
    assert not kept.rows
    assert len(read(path, text, block, repeated_header="keep")[0]) == len(lines) - 1


def test_a_line_that_begins_like_the_header_is_a_row(path: Path) -> None:
    assert read(path, "a,b\na,bb\nxa,b\na,b,\n", repeated_header="skip")[0] == [["a", "bb"], ["xa", "b"]]
    assert read(path, 'a,b\n"\na,b\n",2\n')[0] == [["\na,b\n", "2"]]


def test_short_rows_are_filled_with_nulls_if_the_reader_says_so(path: Path) -> None:
    text = 'a,b,c\n1\n2,x\n\n3,"y\n",z\n4,,,\n5,'
    rows, kept = read(path, text, short_rows="fill", columns=tuple(map(Column, "abc")))
    assert rows == [["1", None, None], ["2", "x", None], ["3", "y\n", "z"], ["5", None, None]]
    assert [(row.row, row.line) for row in kept.rows] == [(3, 7)]
    assert (
        "set short_rows = 'fill' in the reader"
        in read(path, text, columns=tuple(map(Column, "abc")))[1].rows[0].problems[0][1]
    )


def test_two_byte_order_marks_are_none(path: Path) -> None:
    assert read(path, "\ufeff\ufeffa,b\n1,2\n")[0] == [["1", "2"]]


def test_trim_leaves_out_spaces_around_headers(path: Path) -> None:
    assert read(path, "a, b\n1, 2\n", trim=True)[0] == [["1", "2"]]


@pytest.mark.parametrize(("line", "mark"), [("---,---", "---"), ("--|", "--|"), ("=====,==", "===")])
def test_a_line_of_dashes_below_the_header_is_pointed_out(path: Path, line: str, mark: str) -> None:
    path.write_text(f"a,b\n{line}\n1,2\n")
    source = open_source(path, Reader((Column("a"),), short_rows="fill"))
    assert sum(len(batch.records) for batch in source.batches()) == 2
    (note,) = (note for note in source.counts.notes if "first row" in note)
    assert f"set comment = {mark!r} in the reader" in note
    source = open_source(path, Reader((Column("a"),), comment=mark))
    assert sum(len(batch.records) for batch in source.batches()) == 1
