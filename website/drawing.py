"""A small SVG canvas. Pictures are legible alone, light or dark as the reader's system is, and in the site's theme."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

__all__ = ["Canvas", "chip_width"]

LIGHT = (
    "--ink:#1f2328;--quiet:#59636e;--line:#c8d1da;--paper:#ffffff;--wash:#f3f5f7;--c0:#dde3ea;--c1:#cfe3fb;--c2:#d3efd8;"
    "--c3:#fde3c4;--c4:#e9d9f8;--c5:#fbd5dc;--c6:#c9eef0;--bar:#6ea8e5;--mark:#c2410c"
)
DARK = (
    "--ink:#e6e9ed;--quiet:#a3adb8;--line:#48505a;--paper:#1a1d23;--wash:#252a31;--c0:#39424d;--c1:#1f4a78;--c2:#1f5636;"
    "--c3:#6b4313;--c4:#503075;--c5:#6e2839;--c6:#175560;--bar:#4f8fd6;--mark:#fb923c"
)
STYLE = (
    f"<style>svg{{{LIGHT}}}@media(prefers-color-scheme:dark){{svg{{{DARK};background:var(--paper)}}}}"
    "text{font:13px ui-sans-serif,system-ui,-apple-system,'Segoe UI',sans-serif;fill:var(--ink)}"
    ".mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12px}.small{font-size:11px}"
    ".quiet{fill:var(--quiet)}.strong{font-weight:600}</style>"
)
"""The same colours and texts as website/assets/site.css, which replaces them on the site."""

MONO = 7.3
"""Width of a character of the fixed font, at 12 px."""


def chip_width(text: str) -> float:
    """The width of a token."""
    return len(text) * MONO + 14


class Canvas:
    """Shapes on a page that is `width` units wide; its height is that of what is drawn, plus a margin."""

    def __init__(self, width: float = 640) -> None:
        self.width = width
        self.bottom = 0.0
        self._shapes: list[str] = []

    def _reach(self, bottom: float) -> None:
        self.bottom = max(self.bottom, bottom)

    def text(self, x: float, y: float, text: str, style: str = "", anchor: str = "start") -> None:
        """A line of text with its baseline at `y`; `style` names classes: mono, small, quiet, strong."""
        kind = f' class="{style}"' if style else ""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._shapes.append(f'<text x="{x:.1f}" y="{y:.1f}"{kind}{place}>{escape(text)}</text>')
        self._reach(y + 4)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: str = "var(--wash)",
        edge: str = "none",
        round: float = 4,
    ) -> None:
        """A rectangle."""
        self._shapes.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{round:g}" fill="{colour}"'
            + ("/>" if edge == "none" else f' stroke="{edge}"/>')
        )
        self._reach(y + height)

    def line(
        self, points: Sequence[tuple[float, float]], colour: str = "var(--line)", wide: float = 1, dash: str = ""
    ) -> None:
        """A line through points."""
        path = " ".join(f"{'M' if k == 0 else 'L'}{x:.1f} {y:.1f}" for k, (x, y) in enumerate(points))
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._shapes.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{wide:g}"{dashes}/>')
        self._reach(max(y for _, y in points))

    def arrow(self, x: float, y: float, to_x: float, to_y: float, colour: str = "var(--quiet)") -> None:
        """A straight arrow, either across or down."""
        self.line([(x, y), (to_x, to_y)], colour, 1.4)
        tips = (
            [(to_x - 6, to_y - 4), (to_x - 6, to_y + 4)] if to_x != x else [(to_x - 4, to_y - 6), (to_x + 4, to_y - 6)]
        )
        (a, b), (c, d) = tips
        self._shapes.append(f'<path d="M{to_x:.1f} {to_y:.1f}L{a:.1f} {b:.1f}L{c:.1f} {d:.1f}Z" fill="{colour}"/>')

    def shape(self, path: str, colour: str, edge: str = "none") -> None:
        """A filled path."""
        self._shapes.append(f'<path d="{path}" fill="{colour}" stroke="{edge}"/>')

    def chip(self, x: float, y: float, text: str, colour: int = 0) -> float:
        """A token with its top at `y`, 22 high; gives the x at which the next one begins."""
        width = chip_width(text)
        self.box(x, y, width, 22, f"var(--c{colour})")
        self.text(x + width / 2, y + 15, text, "mono", "middle")
        return x + width + 5

    def chips(self, x: float, y: float, tokens: Sequence[tuple[str, int]], room: float) -> float:
        """Tokens in as many lines as they need; gives the bottom of the last line."""
        at = x
        for text, colour in tokens:
            if at > x and at + chip_width(text) > x + room:
                at, y = x, y + 27
            at = self.chip(at, y, text, colour)
        return y + 22

    def svg(self, title: str) -> str:
        """The whole picture, on one line after its style."""
        height = self.bottom + 8
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {height:.0f}" width="{self.width:g}">'
        )
        return f"{head}{STYLE}\n<title>{escape(title)}</title>" + "\n".join(self._shapes) + "</svg>\n"
