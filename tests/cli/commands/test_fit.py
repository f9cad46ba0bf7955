"""`fit`: learning, and adding to what was learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from domaintoolkit import Vocabulary
from domaintoolkit.reading import write_sample
from domaintoolkit.registry import get_domain

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]


@pytest.mark.slow
def test_fit_and_extend(run: Run, as_data: Data, tmp_path: Path, rows_file: Path) -> None:
    folder = tmp_path / "tokenizer"
    first = as_data("fit", "-d", "ecommerce", rows_file, "-o", folder)
    assert first["fitted_on"] == "train"
    assert 0 < first["rows_fitted"] < first["rows_in"]
    before = Vocabulary.load(folder)
    assert run("fit", "-d", "ecommerce", rows_file, "-o", folder).exit_code == 1
    more = write_sample(get_domain("ecommerce"), tmp_path / "more.csv", 1_500, seed=5)
    grown = as_data("fit", "-d", "ecommerce", more, "--extend", folder)
    after = Vocabulary.load(folder)
    assert after.names[: len(before)] == before.names
    assert grown["generations"] == [list(generation) for generation in after.generations]
    assert len(after) > len(before)


@pytest.mark.slow
def test_an_extension_that_was_made_is_not_made_again(run: Run, as_data: Data, tmp_path: Path, rows_file: Path) -> None:
    """So a command that was killed after its last change can be repeated."""
    as_data("fit", "-d", "ecommerce", rows_file, "-o", tmp_path / "tokenizer")
    more = ("-d", "ecommerce", "--events", 500, "--seed", 5, "--extend", tmp_path / "tokenizer")
    assert not as_data("fit", *more)["known"]
    before = {path.name: path.read_bytes() for path in (tmp_path / "tokenizer").iterdir()}
    assert as_data("fit", *more)["known"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "tokenizer").iterdir()} == before
    assert "extended with these rows before" in run("fit", *more).stdout


def test_all_entities(run: Run, as_data: Data, tmp_path: Path, rows_file: Path) -> None:
    data = as_data("fit", "-d", "ecommerce", rows_file, "-o", tmp_path / "t", "--all-entities")
    assert data["rows_fitted"] == data["rows_in"]
    said = run("fit", "-d", "ecommerce", rows_file, "-o", tmp_path / "t", "--all-entities", "--overwrite")
    assert "all entities" in said.stdout


def test_nothing_to_extend(run: Run, tmp_path: Path) -> None:
    result = run("fit", "-d", "ads", "--extend", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert "nowhere" in result.stderr
