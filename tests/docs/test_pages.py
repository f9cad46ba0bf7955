"""The README and the pages: what they tell a reader to do is done here."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import blocks
import click
import pytest
import references
from click.testing import CliRunner, Result

from domaintoolkit.cli import main
from domaintoolkit.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLLOWED = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("getting-started", "files", "library"))]


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.name)
def test_following_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks.follow(page, run)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_is_one(page: Path) -> None:
    for block in blocks.blocks(page):
        for words in block.commands if block.language != "text" else []:
            command: click.Command = import_module(f"domaintoolkit.cli.commands.{words[0]}").command
            assert words[0] in COMMANDS
            with main.make_context("domaintoolkit", words[:1], resilient_parsing=True) as group:
                command.make_context(words[0], words[1:], group)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("name", references.PAGES)
def test_references_are_those_of_the_code(name: str) -> None:
    written = (ROOT / name).read_text(encoding="utf-8")
    assert written == references.PAGES[name](), f"run: python tests/support/references.py, and look at {name}"
