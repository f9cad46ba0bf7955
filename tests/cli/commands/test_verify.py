"""`verify`: what holds, and what does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]


def test_the_rows_of_a_folder(run: Run, as_data: Data, encoded: Path, rows_file: Path) -> None:
    data = as_data("verify", encoded, rows_file)
    assert data["holds"]
    assert data["events"] == data["rows_in"] == 1_500
    assert data["fields"]["brand"]["exact"] == 1_500
    price = data["fields"]["price"]
    assert price["exact"] + price["same_tokens"] == 1_500
    assert "encode(decode(ids)) == ids" in run("verify", encoded, rows_file).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [line.replace(",view,", ",cart,") for line in lines], "event_type"),
        (lambda lines: lines[:-1], "rows in"),
        (lambda lines: [*lines, lines[-1].replace(",", ",", 1)], "rows in"),
        (lambda lines: [lines[0], *(line.replace("2019-10-0", "2019-11-0") for line in lines[1:])], "times that"),
    ],
)
def test_other_rows(
    run: Run, tmp_path: Path, encoded: Path, rows_file: Path, change: Callable[[list[str]], list[str]], words: str
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("\n".join(change(rows_file.read_text().splitlines())) + "\n")
    result = run("verify", encoded, other)
    assert result.exit_code == 1
    assert "failed: " in result.stdout
    assert words in result.stdout
    assert not json.loads(run("verify", encoded, other, "--json").stdout)["holds"]


@pytest.mark.parametrize("name", ["shards/00000.arrow", "manifest.json", "tokenizer/vocabulary.json"])
def test_a_flipped_byte(run: Run, tmp_path: Path, encoded: Path, rows_file: Path, name: str) -> None:
    copy = shutil.copytree(encoded, tmp_path / "copy")
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    result = run("verify", copy, rows_file)
    assert result.exit_code == 1
    assert Path(name).name in result.stderr


def test_a_tokenizer_that_is_another_s(run: Run, tmp_path: Path, encoded: Path, rows_file: Path) -> None:
    copy = shutil.copytree(encoded, tmp_path / "copy")
    run("fit", "-d", "ecommerce", "--events", 500, "-o", copy / "tokenizer", "--overwrite")
    result = run("verify", copy, rows_file)
    assert result.exit_code == 1
    assert "expected vocabulary" in result.stderr


def test_no_rows_named(run: Run, encoded: Path) -> None:
    assert run("verify", encoded).exit_code == 2


@pytest.mark.slow
def test_labels_ties_and_statics(as_data: Data, tmp_path: Path) -> None:
    for domain in ("ads", "finance"):
        out = tmp_path / domain
        as_data("encode", "-d", domain, "--events", 800, "-o", out)
        data = as_data("verify", out, "-d", domain, "--events", 800)
        assert data["holds"]
        lossless = [each for each in data["fields"].values() if each["lossless"]]
        assert all(each["exact"] == each["values"] == data["events"] for each in lossless)
