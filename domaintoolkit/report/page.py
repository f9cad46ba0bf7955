"""A history as a self-contained HTML page."""

from __future__ import annotations

import html
from collections.abc import Iterable
from importlib.resources import files
from string import Template
from typing import Any

from domaintoolkit.display import CHIP_STYLE, ShownChip, chip_html, colour_numbers
from domaintoolkit.errors import printable
from domaintoolkit.report.history import Cell, History, ShownEvent, ShownToken

Colours = dict[str | None, int]

__all__ = ["history_page"]

VALUES = "Below the tokens of each field is the value that they decode to."
CAPTION = f"{VALUES} The exact time of each event is on the left."


def history_page(history: History, vocabulary_size: int) -> str:
    """An HTML page of every event, with the tokens of its fields and the values that they decode to.

    It needs no other file and no network, and follows the reader's light or dark setting.
    """
    titles = [_field_title(name) for name in history.fields]
    colours = colour_numbers(titles)
    template = Template(files("domaintoolkit.report").joinpath("history.html").read_text(encoding="utf-8"))
    title = ", ".join(f"{name} {value}" for name, value in history.entity.items())
    return template.substitute(
        title=escape(title),
        facts="".join(_fact_html(name, text) for name, text in _facts(history, vocabulary_size)),
        legend="".join(chip_html(ShownChip(title, title), colours) for title in titles),
        caption=escape(CAPTION if any(event.time for event in history.events) else VALUES),
        header=_cells_html(history.header, colours),
        events="\n".join(_event_html(event, colours) for event in history.events),
        chips=CHIP_STYLE,
    )  # fmt: skip


def _fact_html(name: str, text: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>"


def _facts(history: History, vocabulary_size: int) -> Iterable[tuple[str, str]]:
    if history.split is not None:
        yield "split", history.split
    shown = f"{len(history.events):,}"
    yield "events", f"{shown} of {len(history.events) + history.left_out:,}" if history.left_out else shown
    yield "tokens", f"{history.tokens:,}"
    if history.events:
        yield "tokens per event", f"{history.tokens / len(history.events):.2f}"
    yield "vocabulary", f"{vocabulary_size:,} tokens"


def _field_title(name: str | None) -> str:
    return "anchor: the date of the first event" if name is None else name


def _event_html(event: ShownEvent, colours: Colours) -> str:
    session = '<div class="session">session</div>' if event.starts_session else ""
    time = "" if event.time is None else f"<time>{escape(event.clock)}</time>"
    since = "" if event.since is None else f'<span class="since">+{event.since}</span>'
    labels = "".join(f'<span class="label">{escape(f"{k}: {v}")}</span>' for k, v in event.labels.items())
    return (
        f'{session}<article><div class="when"><b>{event.number}</b>{time}{since}{labels}</div>'
        f'<div><div class="cells">{_cells_html(event.cells, colours)}</div>{_segmented_html(event)}</div></article>'
    )


def _segmented_html(event: ShownEvent) -> str:
    if event.segmented is None:
        return ""
    chips = "".join(
        f'<span class="joined" title="id {shown.id}">{escape(shown.name)}</span>' for shown in event.segmented
    )
    shown = chips or "<i>inside a composite of an earlier event</i>"
    return f'<div class="segmented"><span>=</span><div class="tokens">{shown}</div></div>'


def _cells_html(cells: Iterable[Cell], colours: Colours) -> str:
    return "".join(_cell_html(cell, colours) for cell in cells)


def _cell_html(cell: Cell, colours: Colours) -> str:
    title = None if cell.is_special else _field_title(cell.field)
    chips = "".join(_token_html(shown, title, colours) for shown in cell.tokens)
    if cell.is_special:
        return chips
    value = "" if cell.field is None else f'<span class="value">{_value_html(cell.value)}</span>'
    return f'<div class="cell"><div class="tokens">{chips}</div>{value}</div>'


def _token_html(shown: ShownToken, field: str | None, colours: Colours) -> str:
    return chip_html(ShownChip(shown.name, field, f"id {shown.id}, {shown.token.kind}"), colours)


def _value_html(value: Any) -> str:
    if value is None:
        return "<i>null</i>"
    return escape(f"{value:.6g}" if isinstance(value, float) else str(value)) or "<i>empty</i>"


def escape(text: str) -> str:
    """Text as HTML; control characters are escaped too, since they would garble a terminal that shows the file."""
    return html.escape(printable(text))
