"""`encode --engine spark`: the same folder as the local engine's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from domaintoolkit.registry import get_domain
from domaintoolkit.streams import write_sample

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]

ENGINE = ("--engine", "spark", "--master", "local[1]")


@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_same_folder(run: Run, as_data: Data, tmp_path: Path) -> None:
    rows = write_sample(get_domain("ecommerce"), tmp_path / "rows.parquet", 600)
    local = as_data("encode", "-d", "ecommerce", rows, "-o", tmp_path / "local")
    spark = as_data("encode", "-d", "ecommerce", rows, "-o", tmp_path / "spark", *ENGINE)
    names = [path.relative_to(tmp_path / "local") for path in (tmp_path / "local").rglob("*") if path.is_file()]
    for name in names:
        assert (tmp_path / "spark" / name).read_bytes() == (tmp_path / "local" / name).read_bytes(), name
    assert {**spark, "out": "", "notes": []} == {**local, "out": "", "notes": []}


def test_what_spark_needs(run: Run, tmp_path: Path) -> None:
    assert run("encode", "-d", "ads", "-o", tmp_path / "out", "--master", "local").exit_code == 2
    assert run("encode", "-d", "ads", "-o", tmp_path / "out", "--append", *ENGINE).exit_code == 2
