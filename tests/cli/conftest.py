"""Running commands, and a folder that they have made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from domaintoolkit.cli import main
from domaintoolkit.reading import write_sample
from domaintoolkit.registry import get_domain

EVENTS = 1_500

Run = Callable[..., Result]


def invoke(*args: object) -> Result:
    """Run `domaintoolkit` with these arguments; a traceback fails the test."""
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a command."""
    return invoke


@pytest.fixture(scope="session")
def as_data() -> Callable[..., dict[str, Any]]:
    """Run a command with --json, and read what it prints."""

    def read(*args: object) -> dict[str, Any]:
        result = invoke(*args, "--json")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    return read


@pytest.fixture(scope="session")
def rows_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw file of the shop."""
    return write_sample(get_domain("ecommerce"), tmp_path_factory.mktemp("rows") / "rows.csv", EVENTS)


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory, rows_file: Path) -> Path:
    """The encoded folder of that file; not to be changed."""
    out = tmp_path_factory.mktemp("encoded") / "shop"
    assert invoke("encode", "-d", "ecommerce", rows_file, "-o", out).exit_code == 0
    return out


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory, as_data: Callable[..., dict[str, Any]], rows_file: Path) -> Path:
    """The same with composites; not to be changed."""
    out = tmp_path_factory.mktemp("composed") / "shop"
    data = as_data("encode", "-d", "ecommerce", rows_file, "--composites", 60, "-o", out)
    assert 0 < data["composites"] <= 60
    assert data["tokens"] < data["base_tokens"]
    assert data["tokens_per_event"] < data["base_tokens_per_event"]
    return out
