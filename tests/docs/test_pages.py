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
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FOLLOWED = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "encoders").glob("*.md")),
    *sorted((ROOT / "docs" / "plugins").glob("*-hook.md")),
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("tutorials/plugin", "tutorials/getting-started", "guides/files", "guides/library")
    ),
    *(ROOT / "docs" / f"{name}.md" for name in ("guides/serving", "models/embeddings", "models/generation")),
    *(ROOT / "docs" / f"{name}.md" for name in ("reference/format-on-disk",)),
]


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.mark.slow
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.name)
def test_following_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks.follow(page, run)


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_on_a_page_is_one(page: Path) -> None:
    for block in blocks.blocks(page):
        for words in block.commands if block.language != "text" else []:
            command: click.Command = import_module(f"domaintoolkit.cli.commands.{words[0]}").command
            assert words[0] in COMMANDS
            with main.make_context("domaintoolkit", words[:1], resilient_parsing=True) as group:
                command.make_context(words[0], words[1:], group)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        target, _, heading = link.partition("#")
        if target.startswith("http"):
            continue
        there = page.parent / target if target else page
        assert there.exists(), link
        assert not heading or heading in anchors(there), link


def anchors(page: Path) -> set[str]:
    """The links that headings have, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_a_page_names_exist(name: str) -> None:
    named = re.findall(r"`([\w./-]+(?:\.py|\.pyi|/))`", (ROOT / name).read_text(encoding="utf-8"))
    made_by_train = {"model/", "checkpoints/"}
    # of `tests/cli/commands/test_NAME.py` the folder has to exist
    paths = [path.partition("NAME")[0].rpartition("/")[0] if "NAME" in path else path for path in named]
    missing = {path for path in paths if not any((ROOT / above / path).exists() for above in ("", "domaintoolkit"))}
    assert missing <= made_by_train, f"{name} names files that do not exist: {', '.join(missing)}"


@pytest.mark.parametrize("name", references.PAGES)
def test_references_are_those_of_the_code(name: str) -> None:
    written = (ROOT / name).read_text(encoding="utf-8")
    assert written == references.PAGES[name](), f"run: python tests/support/references.py, and look at {name}"
