"""`encode --append` and `drift`: what comes later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]


def _halves(rows: Path, folder: Path) -> tuple[Path, Path]:
    """The earlier and the later half of a file's rows."""
    header, *lines = rows.read_text().splitlines(keepends=True)
    lines.sort(key=lambda line: line.split(",")[0])
    paths = folder / "early.csv", folder / "late.csv"
    for path, part in zip(paths, (lines[:900], lines[900:]), strict=True):
        path.write_text(header + "".join(part))
    return paths


@pytest.mark.slow
def test_appended_events_are_those_of_one_encoding(run: Run, as_data: Data, tmp_path: Path, rows_file: Path) -> None:
    early, late = _halves(rows_file, tmp_path)
    as_data("encode", "-d", "ecommerce", early, "-o", tmp_path / "out")
    data = as_data("encode", "--append", late, "-o", tmp_path / "out")
    assert (data["events"], data["rows_in"], data["appended"]["rows_in"]) == (1_500, 1_500, 600)
    assert as_data("verify", tmp_path / "out", early, late)["holds"]
    older = run("encode", "--append", early, "-o", tmp_path / "out")
    assert (older.exit_code, older.stdout) == (1, "")
    assert f"all 900 rows of {early} are in {tmp_path / 'out'} already" in older.stderr
    early.write_text("".join(early.read_text().splitlines(keepends=True)[:2]))
    assert f"the one row of {early} is in" in run("encode", "--append", early, "-o", tmp_path / "out").stderr
    early.write_text(early.read_text().replace("2019-1", "2018-1"))
    assert "appended      1 row, 1 of them refused" in run("encode", "--append", early, "-o", tmp_path / "out").stdout


def test_append_usage(run: Run, tmp_path: Path, encoded: Path) -> None:
    assert run("encode", "-d", "ads", "--rewrite").exit_code == 2
    assert run("encode", "--append", "-o", encoded, "--overwrite", "x.csv").exit_code == 2
    assert run("encode", "--append", "-o", tmp_path / "nowhere", "x.csv").exit_code == 1


def test_drift(run: Run, as_data: Data, tmp_path: Path, encoded: Path, rows_file: Path) -> None:
    same = as_data("drift", encoded, rows_file)
    assert (same["verdict"], same["events"]) == ("stable", 1_500)
    other = tmp_path / "other.csv"
    other.write_text(rows_file.read_text().replace(",view,", ",cart,"))
    result = run("drift", encoded, other)
    assert result.exit_code == 3
    assert "drifted: 1,500 new events" in result.stdout
    assert run("drift", encoded, other, "--fail-on", "never").exit_code == 0
