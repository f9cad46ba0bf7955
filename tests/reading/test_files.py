from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from domaintoolkit.errors import SourceError
from domaintoolkit.reading import Source, find_files, fingerprint, open_source
from domaintoolkit.schema import Column, Reader

READER = Reader((Column("a"), Column("b", "int64")))
TEXT = b"a,b\nx,1\ny,2\n"


def rows(source: Source) -> list[tuple[str, str, int]]:
    return [
        (Path(batch.source).name, row["a"], row["b"]) for batch in source.batches() for row in batch.records.to_pylist()
    ]


def test_plain_gzip_and_zip(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(TEXT)
    (tmp_path / "2.csv.gz").write_bytes(gzip.compress(TEXT[:8], mtime=0) + gzip.compress(TEXT[8:]))
    (tmp_path / "3.csv").write_bytes(gzip.compress(TEXT, mtime=0))
    with zipfile.ZipFile(tmp_path / "4.zip", "w") as archive:
        for name in ("b.csv", "a/c.csv", "readme.md", "__MACOSX/b.csv"):
            archive.writestr(name, TEXT)
    (tmp_path / "readme.txt").write_text("not a table")
    (tmp_path / ".hidden.csv").write_text("not a table")
    source = open_source(tmp_path, READER)
    assert [name for name, _, _ in rows(source)][::2] == ["1.csv", "2.csv.gz", "3.csv", "c.csv", "4.zip!b.csv"]
    assert source.counts.rows_in == 10
    assert rows(open_source(tmp_path / "*.csv*", READER)) == [
        row for row in rows(source) if "zip" not in row[0] and row[0] != "c.csv"
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.csv", b"", "found an empty file"),
        ("x.csv", b"\x89PNG\r\n\x1a\n", "found a PNG image"),
        ("x.csv", "a,b\n".encode("utf-16"), "found UTF-16 text"),
        ("x.csv", b"a\0,b\0\0\n", "found binary data"),
        ("x.csv", b"<!DOCTYPE html><html>", "found a web page"),
        ("x.csv", b'\n[ {"a": 1} ]', "found a JSON array"),
        ("x.parquet", TEXT, "the name says parquet, but the file holds text"),
        ("x.csv.gz", TEXT, "the name says gzip, but the file holds text"),
        ("x.csv.gz", gzip.compress(b"PAR1PAR1", mtime=0), "Parquet inside a gzip file"),
        ("x.csv.gz", gzip.compress(b"x" * 257 + b"ustar", mtime=0), "found a tar archive"),
        ("x.csv.gz", gzip.compress(TEXT * 10, mtime=0)[:-20], "cut short"),
        ("x.csv", "a,b\nx,1\n".encode("utf-16-le"), "set encoding = 'utf-16-le' in the reader"),
        ("x.csv", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ("x.zip", b"PK\x03\x04 and no more", "damaged or cut short"),
    ],
)
def test_a_file_that_is_not_what_it_should_be(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=reason):
        list(open_source(tmp_path / name, READER).batches())


def test_a_zip_file_of_many_members_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(50):
            archive.writestr(f"{number:02}.csv", TEXT)
    opened = []
    make = zipfile.ZipFile.__init__

    def count(self: zipfile.ZipFile, *arguments: object, **named: object) -> None:
        opened.append(arguments)
        make(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(zipfile.ZipFile, "__init__", count)
    assert len(rows(open_source(tmp_path / "many.zip", READER))) == 100
    assert len(opened) == 1


PACKINGS = {
    "bz2": lambda data: bz2.compress(data[:8]) + bz2.compress(data[8:]),
    "xz": lambda data: lzma.compress(data[:8]) + lzma.compress(data[8:]),
    "zst": lambda data: b"".join(pa.compress(each, codec="zstd", asbytes=True) for each in (data[:8], data[8:])),
}


@pytest.mark.parametrize("ending", PACKINGS)
def test_packed_files_are_read_and_damaged_ones_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.csv.{ending}"
    text = b"a,b\n" + b"".join(b"%d,%d\n" % (number * 7919, number) for number in range(9999))
    packed = PACKINGS[ending](text)
    path.write_bytes(packed)
    assert [row[1:] for row in rows(open_source(path, READER))] == [(str(k * 7919), k) for k in range(9999)]
    changed = packed[:9000] + bytes(99) + packed[9099:]  # Zstandard may have no checksum
    for wrong in (packed[: len(packed) // 2], packed[:-1], *([changed] if ending != "zst" else [])):
        path.write_bytes(wrong)
        with pytest.raises(SourceError, match=r"cut short|damaged"):
            list(open_source(path, READER).batches())
    path.write_bytes(TEXT)
    with pytest.raises(SourceError, match="but the file holds text"):
        open_source(path, READER)


def test_damaged_gzip(tmp_path: Path) -> None:
    packed = bytearray(
        gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (number * 7919, number) for number in range(9999)))
    )
    packed[30_000:30_100] = bytes(100)
    (tmp_path / "x.csv.gz").write_bytes(packed)
    with pytest.raises(SourceError, match="damaged gzip data"):
        list(open_source(tmp_path / "x.csv.gz", READER).batches())


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(TEXT)
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for path, reason in {
        "none.csv": "does not exist",
        "*.tsv": "no file matches",
        "empty": "a directory with nothing to read",
        "x.csv/y": "does not exist|is not a directory",
        "pipe.csv": "not a regular file",
    }.items():
        with pytest.raises(SourceError, match=reason):
            find_files(tmp_path / path)
    with pytest.raises(SourceError, match="given twice"):
        find_files([tmp_path / "x.csv", tmp_path / "x.*"])
    with pytest.raises(SourceError, match="none given"):
        find_files([])


@pytest.mark.parametrize("name", ["s3://bucket/x.csv", "https://example.org/*.csv", "file:///etc/passwd"])
def test_a_url_is_not_taken_for_a_path(name: str) -> None:
    with pytest.raises(SourceError, match=f"^{re.escape(name)}: is a URL"):
        find_files(name)


@pytest.mark.parametrize(
    "name", ["~x.csv", "~$x.csv", "[a].csv", "a*b.csv", "a?b.csv", "$HOME.csv", "-x.csv", "%20.csv"]
)
def test_names_are_taken_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for reason in ("does not exist|no file matches", None):
        if reason is None:
            Path(name).write_bytes(TEXT)
            assert [str(file.path) for file in find_files(name)] == [name]
        else:
            with pytest.raises(SourceError, match=reason):
                find_files(name)


def test_a_format_that_was_declared_is_held_to(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(TEXT)
    assert find_files(tmp_path / "x.csv", "csv")[0].kind == "csv"
    with pytest.raises(SourceError, match="expected parquet, found text"):
        find_files(tmp_path / "x.csv", "parquet")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(TEXT)
    (tmp_path / "x.csv").chmod(0)
    with pytest.raises(SourceError, match="no permission"):
        find_files(tmp_path / "x.csv")


def test_a_file_that_vanishes_between(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(TEXT)
    source = open_source(tmp_path / "x.csv", READER)
    (tmp_path / "x.csv").unlink()
    with pytest.raises(SourceError, match="does not exist"):
        list(source.batches())


def test_fingerprints(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(TEXT)
    plain, full = fingerprint(tmp_path / "x.csv"), fingerprint(tmp_path / "x.csv", checksum=True)
    assert (plain.size, plain.sha256) == (len(TEXT), None)
    assert full.modified == plain.modified
    (tmp_path / "x.csv").write_bytes(TEXT.replace(b"x", b"z"))
    assert fingerprint(tmp_path / "x.csv", checksum=True).sha256 != full.sha256
    with pytest.raises(SourceError, match="does not exist"):
        fingerprint(tmp_path / "y.csv")


def test_files_in_folders_below_are_not_left_out_silently(tmp_path: Path) -> None:
    for name in ("a.csv", "day=1/b.csv", ".git/c.csv", "_old/c.csv", "out/x.csv", "day=1/_SUCCESS"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(TEXT)
    (tmp_path / "out" / "manifest.json").write_text("{}")
    assert len(rows(open_source(tmp_path, READER))) == 4
    (tmp_path / "day=1" / "more").mkdir()
    (tmp_path / "day=1" / "more" / "d.csv").write_bytes(TEXT)
    with pytest.raises(SourceError, match=re.escape(f"'{tmp_path}/**/*.csv'")):
        open_source(tmp_path, READER)
    assert len(rows(open_source(f"{tmp_path}/*.csv", READER))) == 2


def test_a_column_that_only_some_files_have_is_optional(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT)
    (tmp_path / "b.csv").write_bytes(b"b\n1\n")
    with pytest.raises(SourceError, match="set optional = true"):
        list(open_source(tmp_path, READER).batches())
