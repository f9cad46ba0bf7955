"""Decoding a folder into a file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domaintoolkit.jobs import write_rows


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_column_whose_type_widens_on_the_way_is_written_whole(tmp_path: Path, suffix: str) -> None:
    columns = ([1, 2], ["S", "007"], [None, 3])
    tables = [pa.table({"user": [1, 2], "code": column}) for column in columns]
    assert write_rows(tables, tmp_path / f"rows{suffix}") == 6
    if suffix == ".parquet":
        assert pq.read_table(tmp_path / "rows.parquet")["code"].to_pylist() == ["1", "2", "S", "007", None, "3"]
    else:
        assert (tmp_path / "rows.csv").read_text() == ('"user","code"\n1,"1"\n2,"2"\n1,"S"\n2,"007"\n1,\n2,"3"\n')
