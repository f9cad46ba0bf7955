from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from domaintoolkit.errors import SchemaError, SourceError
from domaintoolkit.reading import open_source
from domaintoolkit.schema import Column, Reader

TWICE = (Column("first", source="a", occurrence=1), Column("second", source="a", occurrence=2))


def read(paths: object, *columns: Column) -> tuple[list[dict[str, object]], list[str]]:
    source = open_source(paths, Reader(columns))  # type: ignore[arg-type]
    rows = [row for batch in source.batches() for row in batch.records.to_pylist()]
    return rows, [note.rpartition("/")[2] for note in source.counts.notes]


def test_repeated_headers_are_chosen_by_their_place(tmp_path: Path) -> None:
    text, binary = tmp_path / "x.csv", tmp_path / "x.parquet"
    text.write_text("a,b,a\n1,2,3\n")
    pa.parquet.write_table(pa.Table.from_arrays([pa.array(["1"]), pa.array(["3"])], ["a", "a"]), binary)
    for path in (text, binary):
        assert read(path, *TWICE)[0] == [{"first": "1", "second": "3"}]
        assert read(path, TWICE[1])[0] == [{"second": "3"}]
        with pytest.raises(SourceError, match="occurs 2 times; set occurrence = 1 or occurrence = 2 for column 'a'"):
            read(path, Column("a"))
        with pytest.raises(SourceError, match="occurs 2 times, and column 'a' has occurrence = 3"):
            read(path, Column("a", occurrence=3))
        with pytest.raises(SourceError, match="set source = 'a', occurrence = 2"):
            read(path, Column("a.1"))
    with pytest.raises(SchemaError, match="header 'a' is declared twice"):
        Reader((Column("a"), Column("b", source="a")))


def test_columns_that_some_files_lack_or_name_otherwise(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("id,n\nx,1\n")
    (tmp_path / "2.csv").write_text("user\ny\n")
    pa.parquet.write_table(pa.table({"user": ["z"], "n": [3]}), tmp_path / "3.parquet")
    (tmp_path / "4.csv").write_text("")
    rows, notes = read(tmp_path, Column("user", aliases=("id",)), Column("n", "int64", optional=True))
    assert rows == [{"user": "x", "n": 1}, {"user": "y", "n": None}, {"user": "z", "n": 3}]
    assert notes == ["2.csv: has no column 'n'; it is null there", "4.csv: is empty"]
    rows, _ = read(tmp_path / "2.csv", Column("n", "int64", optional=True))
    assert rows == [{"n": None}]
    rows, _ = read(tmp_path / "3.parquet", Column("m", optional=True))
    assert rows == [{"m": None}]
    with pytest.raises(SourceError, match="column 'user' is there under several headers: 'user', 'n'"):
        read(tmp_path / "3.parquet", Column("user", aliases=("n",)))


def test_members_of_structs_are_read_by_their_path(tmp_path: Path) -> None:
    rows = [{"k": "x", "m": {"z": 1}}, None, {"k": None, "m": None}]
    table = pa.table({"s": rows, "s.m": ["own", "own", None]})
    pa.parquet.write_table(table, tmp_path / "x.parquet")
    with pa.ipc.new_file(tmp_path / "x.arrow", table.schema) as writer:
        writer.write(table)
    for path in (tmp_path / "x.parquet", tmp_path / "x.arrow"):
        found, _ = read(path, Column("k", source="s.k"), Column("z", "int64", source="s.m.z"), Column("s.m"))
        assert found == [
            {"k": "x", "z": 1, "s.m": "own"},
            {"k": None, "z": None, "s.m": "own"},
            {"k": None, "z": None, "s.m": None},
        ]
        with pytest.raises(SourceError, match=r"set source = 's\.k' to read a member"):
            read(path, Column("s"))


def test_the_names_of_folders_are_columns(tmp_path: Path) -> None:
    for name in ("day=2024-01-01", "day=2024-01-02", "day=__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / "t" / name / "kind=a%2Fb").mkdir(parents=True)
        (tmp_path / "t" / name / "kind=a%2Fb" / "part.csv").write_text(f"a\n{name[-1]}\n")
    columns = (Column("a"), Column("day", "date"), Column("kind"))
    rows, notes = read(tmp_path / "t", *columns)
    assert [(row["a"], str(row["day"]), row["kind"]) for row in rows] == [
        ("1", "2024-01-01", "a/b"),
        ("2", "2024-01-02", "a/b"),
        ("_", "None", "a/b"),
    ]
    assert notes == []
    assert read(str(tmp_path / "t" / "*" / "*" / "*.csv"), *columns) == (rows, notes)
    (tmp_path / "t" / "day=x").mkdir()
    (tmp_path / "t" / "day=x" / "part.csv").write_text("a,kind\n1,own\n")
    assert read(tmp_path / "t" / "day=x", Column("kind"), Column("day"))[0] == [{"kind": "own", "day": "x"}]
    with pytest.raises(SourceError, match="column 'day' in the names of its folders: expected a date"):
        read(tmp_path / "t", Column("a"), Column("day", "date"))


def test_empty_files_count_among_others_only(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("")
    with pytest.raises(SourceError, match=r"1\.csv: expected CSV, .*, found an empty file"):
        read(tmp_path, Column("a"))
    (tmp_path / "2.csv").write_text("a\n1\n")
    assert read(tmp_path, Column("a")) == ([{"a": "1"}], ["1.csv: is empty"])
