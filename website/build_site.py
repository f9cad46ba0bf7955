"""Build the documentation site: `python website/build_site.py` writes build/site/html, which opens without a server.

The pages are those of docs/ and a few others. Links between them stay, links to other files of the repository become
plain text, and pictures are put into their pages, so that they follow the theme. Every warning is an error; then every
link of the made pages is followed, and nothing may be loaded from elsewhere.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
OUT = ROOT / "build" / "site"

OTHERS = {
    "CHANGELOG.md": "reference/changelog.md",
    "CONTRIBUTING.md": "contributing/index.md",
    "SECURITY.md": "contributing/security.md",
    "benchmarks/README.md": "reference/benchmarks.md",
}
"""Pages outside docs/, and their places on the site."""

TOKEN = re.compile(
    r"^```.*?^```$|(?P<mark>!?)\[(?P<words>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<link>[^)\s]+)\)|`[^`\n]+`",
    re.MULTILINE | re.DOTALL,
)
"""A block of code, a link, or words of code, in which nothing is a link."""
NAMES = re.compile(r"^<!-- names of ([\w.]+) -->$", re.MULTILINE)
"""The place of a package's names on the page of the Python reference."""
STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
"""The script that the theme loads so that the search works without a server; assets/iframe-worker.js is ours."""


def find_pages() -> dict[Path, str]:
    """Each page's file, and its place on the site."""
    pages = {path: str(path.relative_to(ROOT / "docs")) for path in sorted((ROOT / "docs").rglob("*.md"))}
    pages |= {path: f"domains/{path.parent.name}-card.md" for path in sorted((ROOT / "domains").glob("*/README.md"))}
    places = {path: re.sub(r"(^|/)README\.md$", r"\1index.md", place) for path, place in pages.items()}
    places |= {ROOT / name: place for name, place in OTHERS.items()}
    return places | {path: str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.ipynb")}


def stage(target: Path) -> None:
    """Write the sources of the site into `target`."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(HERE / "assets", target / "pages" / "assets")
    places = find_pages()
    (target / "zensical.toml").write_text(with_navigation((HERE / "zensical.toml").read_text("utf-8"), places), "utf-8")
    for path, place in places.items():
        made = target / "pages" / place
        made.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            made, text = made.with_suffix(".md"), notebook_page(json.loads(text))
        made.write_text(stage_page(text, path, place, places, target / "pages"), encoding="utf-8")


def with_navigation(config: str, places: dict[Path, str]) -> str:
    """The settings with all pages in the navigation: those that it does not list follow the others of their folder."""
    sections: list[dict[str, Any]] = tomllib.loads(config)["project"]["nav"]
    listed = {page for section in sections for page in nav_pages(section)}
    for path, place in sorted(places.items(), key=lambda each: each[1]):
        page = place.replace(".ipynb", ".md")
        if page not in listed:
            title = re.search(r"^# (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            near = [sum(Path(each).parent == Path(page).parent for each in nav_pages(section)) for section in sections]
            (entries,) = sections[near.index(max(near))].values()
            entries.append({title[1].replace("`", "") if title else page: page})
    lines = [
        f"  {{ {json.dumps(name)} = {nav_toml(value)} }}," for section in sections for name, value in section.items()
    ]
    return re.sub(
        r"^nav = \[.*?^\]$", lambda _: "\n".join(["nav = [", *lines, "]"]), config, flags=re.MULTILINE | re.DOTALL
    )


def nav_pages(entry: dict[str, Any]) -> list[str]:
    """The pages of an entry of the navigation."""
    (value,) = entry.values()
    return [value] if isinstance(value, str) else [page for each in value for page in nav_pages(each)]


def nav_toml(value: Any) -> str:
    """A page, or a list of entries, as TOML."""
    if isinstance(value, str):
        return json.dumps(value)
    return (
        "["
        + ", ".join(f"{{ {json.dumps(name)} = {nav_toml(page)} }}" for each in value for name, page in each.items())
        + "]"
    )


def stage_page(text: str, path: Path, place: str, places: dict[Path, str], pages: Path) -> str:
    """The text of a page with its links and pictures as the site has them."""

    def replace(match: re.Match[str]) -> str:
        mark, words, link = match["mark"], match["words"], match["link"]
        if link is None:
            return match[0]
        target, _, anchor = link.partition("#")
        if link.startswith(("http://", "https://", "mailto:")) or not target:
            return match[0]
        there = (path.parent / target).resolve()
        if mark:
            return picture(there, words) if there.suffix == ".svg" and "pictures" in there.parts else copy(there, words)
        there = there / "README.md" if there.is_dir() and there / "README.md" in places else there
        if there not in places:
            return words
        relative = os.path.relpath(places[there].replace(".ipynb", ".md"), Path(place).parent)
        return f"[{words}]({relative}{'#' + anchor if anchor else ''})"

    def copy(there: Path, words: str) -> str:
        dark = there.with_name(f"{there.stem}-dark{there.suffix}")
        for each in (there, dark):
            if each.exists():
                shutil.copy(each, pages / Path(place).parent / each.name)
        if not dark.exists():
            return f"![{words}]({there.name})"
        return f"![{words}]({there.name}){{ .in-light }} ![{words}]({dark.name}){{ .in-dark }}"

    return NAMES.sub(lambda match: describe_names(match[1]), TOKEN.sub(replace, text))


def describe_names(package: str) -> str:
    """The directive that brings the docstring of each name that users import from a package."""
    names = public_names(package)
    return "\n\n".join(f"::: {module}.{name}" for name, module in sorted(names.items()))


@cache
def public_names(package: str) -> dict[str, str]:
    """The names that a package gives, and the module that defines each, from its source alone."""
    folder = ROOT / package.replace(".", "/")
    source = next(path for path in (folder / "__init__.pyi", folder / "__init__.py") if path.exists())
    found = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        # `from . import jobs` gives a package, which has a place of its own
        if isinstance(node, ast.ImportFrom) and node.module and (node.level or node.module.startswith("domaintoolkit")):
            module = f"{package}.{node.module}" if node.level else node.module
            for alias in node.names:
                name = alias.asname or alias.name
                is_package = (ROOT / module.replace(".", "/")).is_dir()
                found[name] = public_names(module).get(name, module) if is_package else module
    return found


def picture(path: Path, words: str) -> str:
    """A picture as a part of the page, in the colours of its theme; a wide one scrolls on a narrow screen."""
    drawing = " ".join(STYLE.sub("", path.read_text(encoding="utf-8")).split("\n")).strip()
    return f'<figure class="picture" role="img" aria-label="{escape(words)}">{drawing}</figure>'


def notebook_page(notebook: dict[str, object]) -> str:
    """A notebook that has been run, as a page."""
    cells: list[dict[str, object]] = notebook["cells"]  # type: ignore[assignment]
    parts = []
    for cell in cells:
        source = "".join(cell["source"])  # type: ignore[arg-type]
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [shown for output in cell["outputs"] if (shown := notebook_output(output))]  # type: ignore[attr-defined]
    return "\n\n".join(parts) + "\n"


def notebook_output(output: dict[str, object]) -> str:
    """One output of a cell, in its richest form."""
    data: dict[str, object] = output.get("data", {"text/plain": output.get("text", "")})  # type: ignore[assignment]

    def read(kind: str) -> str:
        return "".join(data[kind]).strip("\n")  # type: ignore[arg-type]

    if "image/svg+xml" in data:
        return f'<figure class="picture">{" ".join(read("image/svg+xml").split())}</figure>'
    if "image/png" in data:
        return f"![A figure that the cell draws](data:image/png;base64,{read('image/png')})"
    if "text/html" in data:
        return f'<div class="output">{" ".join(read("text/html").split())}</div>'
    return f"```text\n{read('text/plain')}\n```" if read("text/plain") else ""


class Page(HTMLParser):
    """The links of a made page, the names that links can lead to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the element refers to."""
        found = dict(attrs)
        self.names |= {found[name] or "" for name in ("id", "name") if name in found}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        loaded = (
            found.get("src") if tag in ("script", "img", "iframe") else found.get("href") if tag == "link" else None
        )
        if loaded and found.get("rel") not in ("canonical", "prev", "next"):
            self.loaded.append(loaded)


def check(html: Path) -> list[str]:
    """The problems of the made pages: links that lead nowhere, and files that come from elsewhere."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in html.rglob("*.html") if path.name != "404.html"}
    problems = []
    for path, page in pages.items():
        name = path.relative_to(html)
        problems += [f"{name}: loads {each}" for each in page.loaded if each.startswith(("http:", "https:", "//"))]
        for link in (*page.links, *page.loaded):
            target, _, anchor = link.partition("#")
            if target.startswith(("http:", "https:", "mailto:", "data:")):
                continue
            there = (path.parent / unquote(target)).resolve() if target else path
            if not there.exists():
                problems.append(f"{name}: {link} does not exist")
            elif anchor and there in pages and unquote(anchor) not in pages[there].names:
                problems.append(f"{name}: {link} names no place of that page")
    return sorted(set(problems))


def build(out: Path = OUT) -> list[str]:
    """Build the site into `out`; the problems found, one a line."""
    stage(out)
    tool = Path(sys.executable).parent / "zensical"
    command = [str(tool), "build", "--strict", "--clean", "--config-file", str(out / "zensical.toml")]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=out, env=environment)
    if done.returncode:
        said = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)
        return [line for line in said.splitlines() if line.strip() and "Traceback" not in line]
    html = out / "html"
    for path in html.rglob("*.html"):
        up = os.path.relpath(html, path.parent)
        text = path.read_text(encoding="utf-8").replace(ELSEWHERE, f"{up}/assets/iframe-worker.js")
        path.write_text(text, encoding="utf-8")
    return check(html)


if __name__ == "__main__":
    found = build()
    print("\n".join(found) if found else f"built {OUT.relative_to(ROOT)}/html/index.html")
    sys.exit(bool(found))
