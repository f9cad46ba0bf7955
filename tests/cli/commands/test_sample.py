"""`domaintoolkit sample`"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domaintoolkit.reading import open_source, read_sample
from domaintoolkit.registry import get_domain

Run = Callable[..., Any]


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.parquet"])
def test_the_reader_reads_what_is_written(run: Run, tmp_path: Path, name: str) -> None:
    result = run("sample", "ads", "--events", 50, "--seed", 3, "-o", tmp_path / name)
    assert "50 simulated events" in result.stdout
    domain = get_domain("ads")
    (batch,) = open_source(tmp_path / name, domain.reader).batches()
    assert batch.records.num_rows == read_sample(domain, 50, 3).read_all().num_rows == 50


def test_a_dash_is_standard_output(run: Run, tmp_path: Path) -> None:
    run("sample", "ads", "--events", 50, "-o", tmp_path / "rows.csv")
    result = run("sample", "ads", "--events", 50, "-o", "-")
    assert result.stdout_bytes == (tmp_path / "rows.csv").read_bytes()


def test_a_file_is_not_replaced_unless_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("mine")
    assert run("sample", "ads", "-o", tmp_path / "rows.csv").exit_code == 1
    assert (tmp_path / "rows.csv").read_text() == "mine"
    assert run("sample", "ads", "--events", 5, "-o", tmp_path / "rows.csv", "--overwrite").exit_code == 0
