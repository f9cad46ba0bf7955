"""`encode --engine spark`: the same folder as the local engine's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from domaintoolkit.reading import write_sample
from domaintoolkit.registry import get_domain

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]

ENGINE = ("--engine", "spark", "--master", "local[1]")


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_same_folder(run: Run, as_data: Data, tmp_path: Path) -> None:
    rows = write_sample(get_domain("ecommerce"), tmp_path / "rows.parquet", 600)
    local = as_data("encode", "-d", "ecommerce", rows, "-o", tmp_path / "local")
    spark = as_data("encode", "-d", "ecommerce", rows, "-o", tmp_path / "spark", *ENGINE)
    names = [path.relative_to(tmp_path / "local") for path in (tmp_path / "local").rglob("*") if path.is_file()]
    for name in names:
        assert (tmp_path / "spark" / name).read_bytes() == (tmp_path / "local" / name).read_bytes(), name
    assert {**spark, "out": "", "notes": []} == {**local, "out": "", "notes": []}


@pytest.mark.spark
def test_a_killed_driver_is_continued(as_data: Data, tmp_path: Path) -> None:
    """By the same command, which repeats no finished shard and ends with the local engine's bytes."""
    rows = write_sample(get_domain("ecommerce"), tmp_path / "rows.parquet", 2_000)
    as_data("encode", "-d", "ecommerce", rows, "-o", tmp_path / "local", "--shards", 12)
    out, finished = tmp_path / "spark", tmp_path / "spark" / "finished"
    given = ["-d", "ecommerce", str(rows), "-o", str(out), "--tokenizer", str(tmp_path / "local" / "tokenizer")]
    command = [sys.executable, "-m", "domaintoolkit", "encode", *given, "--shards", "12", "--json", *ENGINE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True) as driver:
        while driver.poll() is None and not (finished.exists() and any(finished.glob("*.json"))):
            time.sleep(0.001)
        os.killpg(driver.pid, signal.SIGKILL)
    assert not (out / "manifest.json").exists()
    # Spark's Python workers are in sessions of their own: one may outlive the driver, and finish its shard
    before = len(list(finished.glob("*.json")))
    kept = {path: path.stat().st_ino for path in (out / "shards").glob("*.arrow")}
    done = subprocess.run(command, capture_output=True, check=True)
    notes = json.loads(done.stdout)["notes"]
    assert any(int(note.split()[0]) >= before for note in notes if "shard" in note), notes
    assert sum(path.stat().st_ino == node for path, node in kept.items()) >= before > 0
    for path in (path for path in (tmp_path / "local").rglob("*") if path.is_file()):
        assert (out / path.relative_to(tmp_path / "local")).read_bytes() == path.read_bytes(), path


def test_what_spark_needs(run: Run, tmp_path: Path) -> None:
    assert run("encode", "-d", "ads", "-o", tmp_path / "out", "--master", "local").exit_code == 2
    assert run("encode", "-d", "ads", "-o", tmp_path / "out", "--append", *ENGINE).exit_code == 2
