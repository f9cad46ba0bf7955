"""Tokens as HTML, on the page of `inspect` and in notebooks: light or dark as what is around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from domaintoolkit.display.colours import COLOURS, colour_numbers
from domaintoolkit.errors import printable

__all__ = ["CHIP_STYLE", "Fragment", "ShownChip", "chip_html"]

CHIP_STYLE = """
.dt-chip { display: inline-block; padding: 0 5px; border-radius: 5px; border: 1px solid hsl(var(--dt-hue) 45% 55% / .6);
  background: hsl(var(--dt-hue) 70% 50% / .14); font: 12px/1.5 ui-monospace, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }
.dt-chip.dt-plain { background: none; border-color: currentColor; opacity: .5; }
"""
"""The style of `chip_html`."""
STYLE = f"""
<style>
{CHIP_STYLE.strip()}
.dt-shown {{ font: 13px/1.5 system-ui, sans-serif; max-width: 960px; }}
.dt-shown .dt-title {{ font-weight: 600; font-size: 14px; }}
.dt-shown .dt-note {{ opacity: .65; margin: 2px 0 6px; }}
.dt-shown .dt-row {{ margin: 0 0 6px; display: flex; flex-wrap: wrap; gap: 3px; align-items: baseline; }}
.dt-shown .dt-head {{ opacity: .65; min-width: 90px; font-variant-numeric: tabular-nums; }}
.dt-shown table {{ border-collapse: collapse; }}
.dt-shown td, .dt-shown th {{ padding: 2px 14px 2px 0; text-align: left; vertical-align: top; border: 0; }}
.dt-shown th {{ font-weight: 500; opacity: .65; }}
</style>
"""
LONGEST = 40
"""Chips of a row that are shown; the others are counted."""


class ShownChip(NamedTuple):
    """The name of a token and its field; None for tokens of no field."""

    name: str
    field: str | None
    title: str = ""
    """The words that appear under the pointer."""


def chip_html(chip: ShownChip, colours: Mapping[str | None, int]) -> str:
    """A token in the colour of its field; plain if that has none."""
    title = f' title="{escape(printable(chip.title))}"' if chip.title else ""
    name = escape(printable(chip.name))
    if chip.field not in colours:
        return f'<span class="dt-chip dt-plain"{title}>{name}</span>'
    hue = COLOURS[colours[chip.field]].hue
    return f'<span class="dt-chip" style="--dt-hue: {hue}"{title}>{name}</span>'


class Fragment:
    """A title and what is added below it. All texts are escaped."""

    def __init__(self, title: str, note: str = "", fields: Iterable[str | None] = ()) -> None:
        self._parts = [f'<div class="dt-title">{escape(title)}</div>']
        if note:
            self._parts.append(f'<div class="dt-note">{escape(note)}</div>')
        self._colours = colour_numbers(dict.fromkeys(fields))

    def row(self, head: str, chips: Sequence[ShownChip]) -> None:
        """A line of tokens."""
        shown = "".join(chip_html(chip, self._colours) for chip in chips[:LONGEST])
        more = f'<span class="dt-note">and {len(chips) - LONGEST:,} more</span>' if len(chips) > LONGEST else ""
        self._parts.append(f'<div class="dt-row"><span class="dt-head">{escape(head)}</span>{shown}{more}</div>')

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table; its first column holds fields, in their colours if they have one."""
        heads = "".join(f"<th>{escape(name)}</th>" for name in head)
        body = "".join(f"<tr>{''.join(self._cell(place, text) for place, text in enumerate(row))}</tr>" for row in rows)
        self._parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>")

    def note(self, text: str) -> None:
        """A line of small text."""
        self._parts.append(f'<div class="dt-note">{escape(text)}</div>')

    def _cell(self, place: int, text: str) -> str:
        shown = (
            chip_html(ShownChip(text, text), self._colours) if place == 0 and text in self._colours else escape(text)
        )
        return f"<td>{shown}</td>"

    def html(self) -> str:
        """The fragment, with its style."""
        return f'{STYLE}<div class="dt-shown">{"".join(self._parts)}</div>'
