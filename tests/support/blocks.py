"""The fenced blocks of a page, and what a reader would do with them."""

from __future__ import annotations

import re
import runpy
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([\w./-]+\.(?:toml|csv))`")


@dataclass(frozen=True)
class Block:
    """A fenced block, its language, and the text before it."""

    language: str
    text: str
    before: str

    @property
    def commands(self) -> list[list[str]]:
        """The `domaintoolkit` commands in it, as lists of arguments; those that a reader is to run begin with $."""
        found = []
        for line in self.text.splitlines():
            for part in re.split(r" && | \| ", line.removeprefix("$ ")):
                words = shlex.split(part, comments=True)
                if words and Path(words[0]).name == "domaintoolkit":
                    found.append(words[1:])
        return found


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text, found, end = page.read_text(encoding="utf-8"), [], 0
    for match in FENCE.finditer(text):
        found.append(Block(match[1], match[2], text[end : match.start()]))
        end = match.end()
    return found


def follow(page: Path, run: object) -> None:
    """Write the page's files, run its console commands and its Python, here and in order."""
    for block in blocks(page):
        if block.language in ("toml", "csv"):
            names = NAMED.findall(block.before)
            if names:
                Path(names[-1]).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            for command in block.commands:
                result = run(*command)  # type: ignore[operator]
                assert result.exit_code == 0, (command, result.output)
        elif block.language == "python":
            Path("block.py").write_text(block.text, encoding="utf-8")
            runpy.run_path("block.py")
