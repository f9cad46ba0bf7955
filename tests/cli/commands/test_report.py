"""`report`, and the page at the end of `train`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
TINY = ("--preset", "54k", "--model", "layers=1", "--steps", 2, "--warmup", 0, "--batch", 2, "--block", 64)


def test_a_folder_gets_a_page_beside_it(
    run: Run, as_data: Callable[..., dict[str, Any]], encoded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = as_data("report", encoded, "--entities", 20)
    assert data == {"out": "shop.html", "bytes": (tmp_path / "shop.html").stat().st_size}
    assert run("report", encoded, "-o", "shop.html").exit_code == 1
    assert run("report", encoded, encoded).exit_code == 2
    assert run("report", tmp_path).exit_code == 1


@pytest.mark.slow
def test_training_ends_with_a_page(run: Run, encoded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def write(*arguments: object) -> SimpleNamespace:
        made.append(arguments[:2])
        return SimpleNamespace(html="a page", figures=())

    monkeypatch.setattr("domaintoolkit.report.run.run_page.run_page", write)  # its own tests make real ones
    result = run("train", encoded, "-o", tmp_path / "model", *TINY)
    assert result.exit_code == 0, result.output
    page = tmp_path / "model" / "report.html"
    assert f"open {page}" in result.output
    assert page.read_text().startswith("a page\n<!-- sha256 ")
    assert made == [(tmp_path / "model", encoded)]
    assert run("verify", tmp_path / "model").exit_code == 0
