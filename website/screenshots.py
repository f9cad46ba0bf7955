"""Pictures of the pages that `report` and `study` write, light and dark, for the pages about them.

    domaintoolkit encode --domain ecommerce --events 40000 -o shop
    domaintoolkit report shop -o shop.html
    domaintoolkit train shop -o shop-model --preset 54k --steps 200 --batch 8 --block 64 --evaluate-every 25
    domaintoolkit report shop-model --entities 400 --overwrite
    domaintoolkit study sizes
    python website/screenshots.py folder=shop.html run=shop-model/report.html map=shop-model/report.html \
        study=sizes-study/study.html

writes docs/pictures/report-folder.png, report-folder-dark.png and so on. It needs Chromium.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "support"))

from browser import Tab, open_browser  # noqa: E402

WIDTH = 1_100
"""Pixels, so that figures stand in two columns."""
HIGHEST = 1_000


class Shot(NamedTuple):
    """A section of a page, by the id of its heading, the figures of it that are kept, and its height in pixels."""

    section: str
    figures: tuple[int, ...] | None = None
    height: int = HIGHEST


SHOTS = {
    "folder": Shot("values", (0, 1, 2, 4)),
    "run": Shot("curves", height=1_100),
    "map": Shot("map", height=790),
    "study": Shot("figures", (0,), 635),
}
MEASURE = """
(() => {
  const head = document.getElementById("%s");
  const rest = [];
  for (let each = head; (each = each.nextElementSibling) && each.tagName !== "H2"; ) rest.push(each);
  const figures = rest.flatMap((each) => each.tagName === "FIGURE" ? [each] : [...each.querySelectorAll("figure")]);
  const kept = %s;
  if (kept !== null) figures.forEach((each, number) => { if (!kept.includes(number)) each.style.display = "none"; });
  const end = Math.max(...[head, ...rest].map((each) => each.getBoundingClientRect().bottom));
  return [head.getBoundingClientRect().top + scrollY, end + scrollY];
})()
"""


def shoot(tab: Tab, page: Path, shot: Shot, dark: bool) -> bytes:
    """The section as a PNG."""
    tab.show(WIDTH, dark=dark)
    tab.open(page)
    top, bottom = tab.run(MEASURE % (shot.section, json.dumps(shot.figures)))
    clip = {"x": 0, "y": top - 12, "width": WIDTH, "height": min(bottom - top, shot.height) + 24, "scale": 1}
    found = tab.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
    return base64.b64decode(found["data"])


def main() -> None:
    with open_browser() as tab:
        for argument in sys.argv[1:]:
            name, _, page = argument.partition("=")
            for dark in (False, True):
                file = ROOT / "docs" / "pictures" / f"report-{name}{'-dark' if dark else ''}.png"
                file.write_bytes(shoot(tab, Path(page), SHOTS[name], dark))
                print(f"written to {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
