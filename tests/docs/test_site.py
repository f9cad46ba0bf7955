"""The documentation site: pages, pictures, and the messages that a page explains. `just check` builds it strictly."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path

import build_site as build
import pictures
import pytest

ROOT = Path(__file__).parents[2]


def test_every_page_has_a_place_in_the_navigation() -> None:
    places = build.find_pages()
    config = build.with_navigation((ROOT / "website" / "zensical.toml").read_text(encoding="utf-8"), places)
    sections = tomllib.loads(config)["project"]["nav"]
    listed = [page for section in sections for page in build.nav_pages(section)]
    assert sorted(listed) == sorted(place.replace(".ipynb", ".md") for place in places.values())
    (domains,) = (section["Domains"] for section in sections if "Domains" in section)
    assert "domains/ecommerce-card.md" in [page for entry in domains for page in build.nav_pages(entry)]


def test_links_to_pages_stay_and_links_to_other_files_become_text(tmp_path: Path) -> None:
    places = build.find_pages()
    page = ROOT / "docs" / "glossary.md"
    text = "[a](models/README.md#x) [`b`](../domaintoolkit/errors.py) [c](https://d.e) `[f](g.md)` [h](../CHANGELOG.md)"
    staged = build.stage_page(text, page, places[page], places, tmp_path)
    assert staged == "[a](models/index.md#x) `b` [c](https://d.e) `[f](g.md)` [h](reference/changelog.md)"


def test_a_picture_has_a_dark_one_beside_it(tmp_path: Path) -> None:
    places = build.find_pages()
    page = ROOT / "docs" / "guides" / "reports.md"
    (tmp_path / "guides").mkdir()
    staged = build.stage_page("![A run](../pictures/report-run.png)", page, places[page], places, tmp_path)
    assert staged == "![A run](report-run.png){ .in-light } ![A run](report-run-dark.png){ .in-dark }"
    assert (tmp_path / "guides" / "report-run-dark.png").exists()


def test_a_made_page_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#there"><a href="b.html#none"><a href="c.html">')
    (tmp_path / "b.html").write_text('<p id="there"><script src="https://elsewhere.org/x.js"></script>')
    assert build.check(tmp_path) == [
        "a.html: b.html#none names no place of that page",
        "a.html: c.html does not exist",
        "b.html: loads https://elsewhere.org/x.js",
    ]


def test_every_picture_is_used_and_says_what_it_shows() -> None:
    drawn = {f"{name}.svg" for name in pictures.PICTURES}
    assert {path.name for path in (ROOT / "docs" / "pictures").glob("*.svg")} == drawn
    used = set()
    for page in (ROOT / "docs").rglob("*.md"):
        for words, name in re.findall(r"!\[([^\]]*)\]\([./]*pictures/([\w.]+)\)", page.read_text(encoding="utf-8")):
            assert len(words.split()) > 4
            used.add(name)
    assert used == drawn


@pytest.mark.parametrize("name", ["encoders", "path", "models", "pipeline"])
def test_a_picture_is_what_the_code_draws(name: str) -> None:
    written = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    assert written == pictures.PICTURES[name](), f"run: python website/pictures.py {name}"


def source() -> str:
    """The text of the package, with its f-strings' fields and line ends taken out of messages."""
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "domaintoolkit").rglob("*.py"))
    return re.sub(r"\{[^{}]*\}", "", "\n".join(texts))


MADE = {
    "problems in the data": "in the data",
    "schema has": "has ",
    "expected CSV, JSON lines, Excel, Parquet or Arrow, found": "CSV, JSON lines, Excel, Parquet or Arrow",
    "more than 50,000,000 distinct values": " distinct values",
    "unknown domain": "unknown ",
}
"""Messages that the code puts together, and the part that it has."""


def test_messages_that_the_page_explains_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "reference" / "troubleshooting.md").read_text(encoding="utf-8")
    code = source()
    quoted = re.findall(r"^### `(.*)`$", page, re.MULTILINE)
    assert len(quoted) > 20
    assert [message for message in quoted if MADE.get(message, message) not in code] == []


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = json.loads((ROOT / "docs" / "tutorials" / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in cells), "run: just docs"
    (tmp_path / "cells.py").write_text("\n".join("".join(cell["source"]) for cell in cells), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path("cells.py")
    assert names["simulated"].num_rows == 6
