from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from domaintoolkit.reading import open_source
from domaintoolkit.schema import Column, Reader


def notes(folder: Path, column: Column) -> list[str]:
    source = open_source(folder, Reader((column,)))
    list(source.batches())
    return [note for note in source.counts.notes if "two ways" in note]


def test_whole_numbers_with_and_without_a_point_are_pointed_out_once(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a\n13085.0\n7.0\n")
    assert notes(tmp_path, Column("a")) == []
    pa.parquet.write_table(pa.table({"a": ["x", "13085", None] * 2000}), tmp_path / "2.parquet")
    (tmp_path / "3.csv").write_text("a\n5.0\n5\n")
    (note,) = notes(tmp_path, Column("a"))
    assert "'13085.0' (" in note
    assert "'13085' (" in note
    assert "type = 'int64' with spelling = 'any'" in note


def test_other_texts_and_numbers_are_not(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a\nx.0\n007.0\n1.50\n13085\n")
    assert notes(tmp_path, Column("a")) == []
    (tmp_path / "1.csv").write_text("a\n13085.0\n13085\n")
    assert notes(tmp_path, Column("a", "float64")) == []
    assert notes(tmp_path, Column("a", "int64", spelling="any")) == []
