"""Pictures as files of their own, which any program draws: with plain colours, and a ground."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from domaintoolkit.report.charts.figure import WIDTH, Figure
from domaintoolkit.util.partials import replacing_folder

__all__ = ["name_files", "standalone_svg", "write_figures"]

COLOURS = 8
VARIABLE = re.compile(r"--([\w-]+):\s*(#[0-9a-f]+)")
RULE = re.compile(r"^(\.[^{@]+)\{([^}]*)\}", re.MULTILINE)


def standalone_svg(figure: Figure) -> str:
    """The picture of a figure, in light or dark like its reader's screen; programs without screens draw it light."""
    head, rest = figure.svg.split(">", 1)
    found = re.search(r'viewBox="0 0 \d+ (\d+)"', head)
    assert found is not None  # every drawing has it
    size = f'xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{found[1]}"'
    ground = f'<rect class="ground" width="{WIDTH}" height="{found[1]}"/>'
    return f"{head} {size}><style>{_style()}</style>{ground}{rest}\n"


def name_files(titles: Sequence[str]) -> list[str]:
    """A plain name without an ending for the picture of each title; no two are the same."""
    names: list[str] = []
    for title in titles:
        name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].rstrip("-") or "figure"
        number = 2
        whole = name
        while whole in names:
            whole, number = f"{name}-{number}", number + 1
        names.append(whole)
    return names


def write_figures(folder: Path, figures: Sequence[Figure]) -> None:
    """Write each picture as an SVG file, and its numbers as CSV, into a folder of their own, which is replaced."""
    with replacing_folder(folder) as made:
        for name, figure in zip(name_files([each.title for each in figures]), figures, strict=True):
            (made / f"{name}.svg").write_text(standalone_svg(figure), encoding="utf-8")
            with (made / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([figure.table.header, *figure.table.rows])


@cache
def _style() -> str:
    """The rules of pages, with the colours written out: light ones, and dark ones for a dark screen."""
    text = files("domaintoolkit.report.pages").joinpath("charts.css").read_text(encoding="utf-8")
    light, dark = (dict(VARIABLE.findall(part)) for part in text.split("@media", 2)[:2])
    return (
        f"{''.join(_rules(text, light))}"
        f"@media (prefers-color-scheme: dark) {{ {''.join(rule for rule in _rules(text, dark) if '#' in rule)}}}"
    )


def _rules(text: str, colours: Mapping[str, str]) -> Iterator[str]:
    yield f".ground {{ fill: {colours['chart-ground']}; }}"
    for selector, content in RULE.findall(text):
        numbers = range(COLOURS) if "--own" in content else (None,)
        for number in numbers:
            known = colours if number is None else {**colours, "own": colours[f"c{number}"]}
            chosen = selector.strip()
            if number is not None:
                own = chosen.removeprefix(".chart ")
                chosen = f".c{number} {own}, {own}.c{number}"
            written = content
            for name, colour in known.items():
                written = written.replace(f"var(--{name})", colour)
            yield f"{chosen} {{{written}}}"
