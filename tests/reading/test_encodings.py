from __future__ import annotations

import csv
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import SchemaError, SourceError
from domaintoolkit.reading import Quarantine, open_source
from domaintoolkit.schema import Column, Reader

COLUMNS = (Column("a"), Column("b"))
ENCODINGS = {
    "latin-1": "aé,\xff\xa0",
    "cp1252": "a€,œ",
    "utf-16": "a表,😀",
    "utf-16-be": "a表,😀",
    "utf-8-sig": "a表,😀",
    "shift_jis": "a表,ソ能",
    "gb18030": "a表,😀",
    "cp500": "aé,!",
    "iso2022_jp": "a表,能",
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encodings") / "x.csv"


@given(st.data(), st.sampled_from(sorted(ENCODINGS)), st.sampled_from([1, 20, 1 << 20]))
def test_text_of_any_encoding_comes_back(path: Path, data: st.DataObject, encoding: str, block: int) -> None:
    cells = st.text(st.sampled_from(ENCODINGS[encoding]), min_size=1, max_size=5).filter(
        lambda text: "," not in text and text != "\ufeff"
    )
    table = data.draw(st.lists(st.tuples(cells, cells)))
    path.write_bytes("".join(f"{a},{b}\n" for a, b in [("a", "b"), *table]).encode(encoding))
    source = open_source(path, Reader(COLUMNS, encoding=encoding), block)
    assert [tuple(row.values()) for batch in source.batches() for row in batch.records.to_pylist()] == table


def test_a_byte_that_an_encoding_does_not_know_refuses_its_row_alone(path: Path) -> None:
    path.write_bytes("a,b\né,1\nœ".encode("cp1252") + b"\x81x,2\nz,3\n")
    with Quarantine(path.with_name("q.csv")) as quarantine:
        batches = list(open_source(path, Reader(COLUMNS, encoding="cp1252")).batches(refused=quarantine))
    assert [row["a"] for batch in batches for row in batch.records.to_pylist()] == ["é", "z"]
    with path.with_name("q.csv").open(encoding="utf-8", newline="") as opened:
        (row,) = csv.DictReader(opened)
    assert (row["row"], row["line"], row["column"]) == ("1", "3", "a")
    assert row["reason"].startswith("not cp1252: byte 0x81 at 1 of ")
    assert b64decode(row["raw_base64"]) == b"\x9c\x81x,2"
    source = open_source(path, Reader(COLUMNS, encoding="cp1252", invalid_text="replace"))
    assert [row["a"] for batch in source.batches() for row in batch.records.to_pylist()] == ["é", "œ\ufffdx", "z"]
    assert source.counts.replaced == 1


def test_errors_name_the_encoding_to_set(path: Path) -> None:
    path.write_bytes("a,b\n表,1\n".encode("utf-16"))
    with pytest.raises(SourceError, match="set encoding = 'utf-16' in the reader"):
        open_source(path, Reader(COLUMNS))
    path.write_bytes("a,b\n表,1\n".encode("utf-16-le"))
    with pytest.raises(SourceError, match="no byte order mark; set encoding = 'utf-16-le' or 'utf-16-be'"):
        list(open_source(path, Reader(COLUMNS, encoding="utf-16")).batches())
    path.write_bytes("é,b\n1,1\n".encode("cp1252"))
    with pytest.raises(SourceError, match="set encoding in the reader, such as encoding = 'cp1252'"):
        list(open_source(path, Reader(COLUMNS)).batches())
    path.write_bytes("a,b\n1,1\n".encode("utf-16")[:-1])
    with pytest.raises(SourceError, match="is not utf-16-le text"):
        list(open_source(path, Reader(COLUMNS, encoding="utf-16")).batches())


@pytest.mark.parametrize("name", ["base64", "rot13", "idna", "unicode_escape", "nonsense", "", "utf-7", "a\0b"])
def test_codecs_that_are_no_encodings_of_tables_are_refused(name: str) -> None:
    with pytest.raises(SchemaError, match="encoding: unknown encoding"):
        Reader(COLUMNS, encoding=name)
