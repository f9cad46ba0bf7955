from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from domaintoolkit.reading import open_source
from domaintoolkit.reading.csv.row_writing import UnwritableError, write_text
from domaintoolkit.schema import Column, Reader


@pytest.mark.parametrize(
    ("settings", "value", "written"),
    [
        ({}, "plain", "plain"),
        ({}, "a,b", '"a,b"'),
        ({}, 'say "a"', '"say ""a"""'),
        ({}, " a", '" a"'),
        ({}, "a\rb", '"a\rb"'),
        ({}, "", '""'),
        ({}, None, ""),
        ({"escape": "\\"}, 'a"\\', '"a\\"\\\\"'),
        ({"quote": "'"}, "it's", "'it''s'"),
        ({"delimiter": "||"}, "a|b", "a|b"),
        ({"delimiter": "||"}, "a||b", '"a||b"'),
        ({"null": ("NULL", "-")}, None, "NULL"),
        ({"null": ("NULL", "-")}, "-", '"-"'),
        ({"null": ("NULL", "-")}, "", ""),
        ({"comment": "#"}, "#1", '"#1"'),
        ({"comment": ["#", "To"]}, "Total", '"Total"'),
        ({"quote": None}, 'say "a"', 'say "a"'),
    ],
)
def test_a_value_is_quoted_if_it_needs_to_be(settings: dict[str, str], value: str | None, written: str) -> None:
    reader = Reader((Column("a"), Column("b", type="int64")), **settings)
    rows = pa.table({"a": pa.array([value], pa.string()), "b": [1]})
    text = "".join(write_text(rows.to_reader(), reader, [reader.null, reader.null]))
    assert text == f"a{reader.delimiter}b\n{written}{reader.delimiter}1\n"


def test_what_would_need_quotes_is_refused_without_them() -> None:
    rows = pa.table({"a": ["a,b"]}).to_reader()
    with pytest.raises(UnwritableError, match="without quotes cannot read 'a,b' back"):
        "".join(write_text(rows, Reader((Column("a"),), quote=None), [()]))
    rows = pa.table({"a": pa.array(["x", None])}).to_reader()
    with pytest.raises(UnwritableError, match="null, which is the empty text"):
        "".join(write_text(rows, Reader((Column("a"),), delimiter="whitespace"), [("",)]))


def test_a_reader_without_a_header_gets_none() -> None:
    reader = Reader((Column("a", source="1"),), header=False)
    assert list(write_text(pa.table({"1": ["x", "y"]}).to_reader(), reader, [()])) == ["x\ny\n"]


@pytest.mark.parametrize(("null", "escape", "written"), [
    (("\\N", ""), "\\", ""), (("\\N",), "\\", "\\\\N"), (("\\N", ""), None, "\\N"), (("^", "none"), "^", "none"),
])  # fmt: skip
def test_a_null_survives_an_escape_character(
    tmp_path: Path, null: tuple[str, ...], escape: str | None, written: str
) -> None:
    reader = Reader((Column("who"), Column("much", type="float64")), null=null, escape=escape)
    table = pa.table({"who": pa.array([None, "N", null[0]]), "much": pa.array([None, 1.0, None], pa.float64())})
    text = "".join(write_text(table.to_reader(), reader, [null, null]))
    assert text.splitlines()[1] == f"{written},{written}"
    (tmp_path / "rows.csv").write_text(text)
    batches = [batch.records for batch in open_source(tmp_path / "rows.csv", reader).batches()]
    assert pa.Table.from_batches(batches).to_pylist() == table.to_pylist()
